"""What a run says below its table of figures that a number alone does not tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.records import Clause, Interval, Measurement, Reason
from mlforge_tasks.verdict.constraints import Bound, judge
from mlforge_tasks.verdict.evaluation import (
    EVALUATION,
    Evaluation,
    OutputErrors,
    Rail,
    SplitEvaluation,
    WithoutModel,
)
from mlforge_tasks.verdict.notes import not_executed, not_measured, quantisation_text
from mlforge_tasks.verdict.trial import Trial
from mlforge_tasks.verdict.trials import Report, TrialResult, Trials
from mlforge_tasks.verdict.words import describe_clause, verdict_text
from tests.helpers.reports import reported

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.quantisation import EndType
    from mlforge_tasks.records import Source

LEVEL = OutputErrors(
    name="level",
    unit="m",
    mae=1.0,
    rmse=1.0,
    r2=None,
    bias=0.0,
    ranges=(),
    low=65.8,
    high=300.0,
    targets_below=222,
    targets_above=0,
)


def told_of(
    folder: Path,
    outputs: tuple[OutputErrors, ...] = (),
    layers: tuple[Rail, ...] = (),
    dtype: EndType = "int8",
) -> str:
    """What the console says of a candidate with a mean squared error of 0.5."""
    without = (WithoutModel(rule="persistence", figures={"mse": 0.25}),)
    split = SplitEvaluation(
        examples=9,
        figures={"mse": 0.5},
        float_figures={"mse": 0.2},
        without_model=without,
        outputs=outputs,
        layer_rails=layers,
    )
    judged, evaluated = folder / "judge", folder / "evaluate"
    judged.mkdir()
    evaluated.mkdir()
    bound = Bound(metric="mse", limit=1.0, unit="1")
    found = Measurement(metric="mse", value=0.5, unit="1", source="emulated")
    trial = Trial(
        id="1.0", architecture=None, measurements=(found,), verdict=judge([bound], [found])
    )
    Trials(results=(TrialResult(trial=trial, brief="own"),)).write(judged / "trials.json")
    whole = Evaluation(computed_by="aot", dtype=dtype, validation=split, test=split)
    whole.write(evaluated / EVALUATION)
    report, told = reported({"judge01": judged, "1.0.evaluate": evaluated}, folder)
    assert [(one.against, one.limit) for one in report.without_model] == [("persistence", 0.25)] * 2
    assert {one.metric for one in report.bounds} >= {"baseline(mse)", "baseline(mse)_test"}
    assert report.goals == ("mse",)
    return told


def test_an_output_that_ends_before_its_targets_is_told(tmp_path: Path) -> None:
    """With how far it reaches, how many lie beyond, and what helps."""
    told = told_of(tmp_path, (LEVEL,))
    assert "the int8 output says level from 65.8 m to 300 m" in told
    assert "222 lie below and 0 above" in told
    assert "output_range: targets" in told


def test_a_layer_that_cuts_off_much_is_told(tmp_path: Path) -> None:
    """By its name and share; one that cuts off a value in a thousand is not."""
    much = Rail(name="l1_conv", values=2000, at_low=30, at_high=20)
    little = Rail(name="l2_dense", values=2000, at_low=0, at_high=2)
    told = told_of(tmp_path, layers=(much, little))
    assert "warning: 2.5 % of the values of layer l1_conv stand at an end of their int8" in told
    assert "l2_dense" not in told


def test_of_a_layer_of_many_operators_the_worst_is_told(tmp_path: Path) -> None:
    """Once, with how many more there are; others of another name are told as ever."""
    shares = {"l1_gru": 50, "l2_gru": 80, "l3_conv": 60, "l4_gru": 40}
    layers = [Rail(name=one, values=1000, at_low=0, at_high=at) for one, at in shares.items()]
    told = told_of(tmp_path, layers=tuple(layers))
    assert told.count("stand at an end") == 2
    assert "8 % of the values of layer l2_gru, and less of 2 more of its name, stand" in told
    assert "6 % of the values of layer l3_conv stand" in told


def test_what_is_told_of_values_names_their_type(tmp_path: Path) -> None:
    """16 bits are the advice where they are not what is told of, and the contract can have them."""
    much = Rail(name="l1_conv", values=2000, at_low=30, at_high=20)
    advice = "`search: {activations: int16}` keeps 16 bits of each"
    told = told_of(tmp_path, (LEVEL,), (much,), "int16")
    for one in ("int16 is 150 % off float", "the int16 output says level", "end of their int16"):
        assert one in told
    assert "int8" not in told
    assert advice not in told
    found = Report.read(tmp_path / "report.json")
    for dtype, fits in (("int8", True), ("int8", False), ("int16", True)):
        (said,) = quantisation_text(found.model_copy(update={"dtype": dtype, "int16_fits": fits}))
        assert (advice in said) == ((dtype, fits) == ("int8", True))


def test_one_that_reaches_all_of_them_is_not(tmp_path: Path) -> None:
    """There is nothing to warn of."""
    reaching = LEVEL.model_copy(update={"targets_below": 0})
    assert "the int8 output says" not in told_of(tmp_path, (reaching,))


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, "mse 0.5, limit 0.25"),
        (
            {"interval": Interval(low=0.25, high=0.75, level=0.95)},
            "mse 0.5 (0.25 to 0.75 at 95 %), limit 0.25",
        ),
        (
            {"metric": "baseline(mse)", "of": "mse", "against": "persistence"},
            "mse 0.5, the last reading goes on has 0.25",
        ),
    ],
)
def test_a_clause_says_how_sure_it_is_and_what_has_its_limit(
    changes: dict[str, object], wanted: str
) -> None:
    """A clause against a rule names the rule."""
    clause = Clause(
        metric="mse", limit=0.25, value=0.5, unit="1", source="emulated", slack=0.25, status="fail"
    )
    assert describe_clause(clause.model_copy(update=changes)) == wanted


def test_what_a_rule_does_better_is_called_baseline() -> None:
    """Once, on whichever splits it does."""
    bound = Bound(metric="baseline(mse)", limit=0.25, unit="1", of="mse", against="mean")
    both = (bound, bound.model_copy(update={"metric": "baseline(mse)_test", "of": "mse_test"}))
    found = [
        Measurement(metric=name, value=0.5, unit="1", source="emulated")
        for name in ("mse", "mse_test")
    ]
    trial = Trial(id="1.0", architecture=None, verdict=judge(both, found))
    assert verdict_text(TrialResult(trial=trial, brief="own")) == "misses baseline"


def test_what_no_meter_measured_is_told_with_why() -> None:
    """Figures with the same reason stand in one line."""
    names, why = ("energy_per_inference_uj", "idle_power_uw"), "there is no meter on the bench"
    missing = tuple((one, why) for one in names)
    trial = Trial(id="1.0", architecture=None, figures=None, reason=None)
    found = TrialResult(trial=trial, brief="", not_measured=(*missing, ("rss_bytes", "no /proc")))
    assert not_measured(found) == [
        "not measured: energy_per_inference, idle_power_uw: there is no meter on the bench",
        "not measured: rss: no /proc",
    ]


def test_a_latency_that_an_npu_leaves_unknown_is_not_said_to_be_over() -> None:
    """Nothing is known to be past the limit."""
    reason = Reason(
        code="on_cpu", stage="admit", message="unknown", metric="latency_us", limit=100.0
    )
    trial = Trial(id="1.0", architecture=None, reason=reason, verdict=judge([], []))
    assert verdict_text(TrialResult(trial=trial, brief="own")) == "latency unknown, not trained"


def test_what_was_not_executed_is_told() -> None:
    """Where every figure is computed; one that was measured says enough."""

    def lines(*sources: Source) -> list[str]:
        found = tuple(
            Measurement(metric="latency_us", value=1.0, unit="us", source=one) for one in sources
        )
        trial = Trial(id="1.0", architecture=None, measurements=found)
        return not_executed(TrialResult(trial=trial, brief="own"))

    assert lines("static")[0].startswith("nothing was executed")
    assert lines("static", "emulated") == lines() == []
