"""What the console says at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.records import Measurement, Verdict
from mlforge_tasks.verdict.constraints import Bound, judge
from mlforge_tasks.verdict.evaluation import EVALUATION, Evaluation, SplitEvaluation
from mlforge_tasks.verdict.trial import Trial
from mlforge_tasks.verdict.trials import Report, TrialResult, Trials
from tests.helpers.reports import reported

if TYPE_CHECKING:
    from pathlib import Path


def told_of(
    folder: Path, result: TrialResult, evaluation: Evaluation | None = None
) -> tuple[Report, str]:
    """The report on one candidate, and what the console makes of it."""
    judged, evaluated = folder / "judge", folder / "evaluate"
    judged.mkdir()
    evaluated.mkdir()
    Trials(results=(result,)).write(judged / "trials.json")
    if evaluation is not None:
        evaluation.write(evaluated / EVALUATION)
    return reported({"judge01": judged, "1.0.evaluate": evaluated}, folder)


def passing(why: str = "") -> TrialResult:
    trial = Trial(id="1.0", architecture=None, verdict=Verdict(met=True, clauses=()))
    return TrialResult(trial=trial, brief="own.tflite", not_compared=why)


def test_what_was_done_to_a_model_file_is_told(tmp_path: Path) -> None:
    """A line for each change, whether or not the contract is met."""
    changed = ("its float32 input became int8", "its layer 'a' (GRU) was unrolled over 8 steps")
    text = told_of(tmp_path, passing().model_copy(update={"changed": changed}))[1]
    assert all(f"\nthe model file: {one}\n" in text for one in changed)


@pytest.mark.parametrize(
    ("float_value", "int8_value", "change"),
    [(2.0, 2.1, 0.05), (2.0, 1.9, 0.05), (1.0, 0.53, 0.47), (0.5, 2.0, 3.0), (0.0, 0.1, 1.0)],
)
def test_what_int8_changed_is_told_where_it_is_much(
    float_value: float, int8_value: float, change: float, tmp_path: Path
) -> None:
    """With both figures, whether for better or worse, though the contract is met."""
    evaluation = Evaluation(
        computed_by="aot",
        validation=SplitEvaluation(
            examples=9, figures={"mse": int8_value}, float_figures={"mse": float_value}
        ),
        test=SplitEvaluation(examples=9, figures={"mse": 1.0}),
    )
    found, told = told_of(tmp_path, passing(), evaluation)
    (loss,) = found.quantisation
    assert loss.change == pytest.approx(change)
    assert (loss.float_value, loss.int8_value) == (float_value, int8_value)
    wanted = f"mse {int8_value:.4g} instead of {float_value:.4g} on the validation split"
    assert (wanted in told) == (f"int8 is {100 * change:.3g} % off float" in told) == (change > 0.1)
    assert "PASS" in told


def test_without_a_float_network_nothing_is_said_of_int8(tmp_path: Path) -> None:
    """A `.tflite` that was brought along has no float figure."""
    found, told = told_of(tmp_path, passing())
    assert found.quantisation == ()
    assert "off float" not in told


@pytest.mark.parametrize("why", ["", "TFLite Micro's interpreter ended itself with SIGABRT"])
def test_a_pass_without_a_reference_says_so(why: str, tmp_path: Path) -> None:
    """A winner whose outputs nothing was held against is delivered, with the reason."""
    told = told_of(tmp_path, passing(why))[1]
    assert "PASS: candidate 1.0 meets own" in told
    assert ("compared with no reference" in told) == bool(why)
    assert why in told


def test_what_a_threshold_keeps_is_no_promise(tmp_path: Path) -> None:
    """Another precision means another threshold, and nobody knows what that one reaches."""
    bound = Bound(
        metric="precision_test", limit=0.8, unit="1", direction="at_least", key="goal.precision"
    )
    found = Measurement(metric="precision_test", value=0.7, unit="1", source="emulated")
    trial = Trial(
        id="1.0", architecture=None, measurements=(found,), verdict=judge([bound], [found])
    )
    judged = tmp_path / "judge"
    judged.mkdir()
    Trials(results=(TrialResult(trial=trial, brief="dense 8"),)).write(judged / "trials.json")
    goal = Bound(metric="f1", limit=0.1, unit="1", direction="at_least")
    _, text = reported({"judge01": judged}, tmp_path, bounds=(goal, bound))
    assert "to give: goal.precision: 0.7000; the threshold of candidate 1.0 is chosen anew" in text
    assert "candidate 1.0 keeps" not in text


@pytest.mark.parametrize("value", [0.5, 2.0])
def test_a_contract_of_many_outputs_is_told_in_a_page(value: float, tmp_path: Path) -> None:
    """Whether all figures keep their limits or none: the first are named, the others counted."""
    bounds = tuple(Bound(metric=f"mse(o{at})", limit=1.0, unit="1") for at in range(300))
    found = tuple(
        Measurement(metric=one.metric, value=value, unit="1", source="emulated") for one in bounds
    )
    verdict = judge(bounds, found)
    trial = Trial(id="1.0", architecture=None, measurements=found, verdict=verdict)
    judged = tmp_path / "judged"
    judged.mkdir()
    Trials(results=(TrialResult(trial=trial, brief="own"),)).write(judged / "trials.json")
    told = reported({"judge01": judged}, tmp_path, bounds)[1]
    assert max(map(len, told.splitlines())) < 500
    assert len(told.splitlines()) < 120
    assert ("and 260 more" if value < 1 else "mse(o7), and 292 more") in told
