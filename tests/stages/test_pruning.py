"""Weak candidates are stopped early, held against the learning curves of earlier rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.agents._space import space_for
from mlforge_tasks.agents._tpe import Tpe
from mlforge_tasks.contract import loader
from mlforge_tasks.pipeline.plan import Plan, make_plan
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import curves
from mlforge_tasks.stages._pruning import Curves, Pruning
from mlforge_tasks.stages._training import Training
from mlforge_tasks.verdict.trials import TrialResult
from mlforge_tasks.verdict.words import verdict_text
from tests.helpers.builds import edited
from tests.helpers.made_up_device import evaluate, make_brief
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlforge_tasks.graph.stage import Stage
    from mlforge_tasks.pipeline.iteration import Iteration
    from mlforge_tasks.verdict.trial import Trial

FALLING = (9.0, 7.0, 5.0, 4.0)
SLOWER = (9.0, 8.0, 6.0, 5.0)


def stopped_after(values: tuple[float, ...], pruning: Pruning) -> int | None:
    """The epoch after which a training with this curve is stopped."""
    epochs = range(1, len(values) + 1)
    return next((n for n in epochs if pruning.threshold(values[:n]) is not None), None)


@pytest.mark.parametrize(
    ("earlier", "values", "epoch"),
    [
        ((), (99.0, 99.0, 99.0), None),
        ((FALLING,), (99.0, 99.0, 99.0), None),
        ((FALLING, SLOWER), (99.0, 99.0, 99.0), 3),
        ((FALLING, SLOWER), (99.0, 99.0, 5.4), None),
        ((FALLING, SLOWER), (5.0, 99.0, 99.0, 99.0), 4),
        ((FALLING, (2.0,)), (5.0, 5.0, 4.0), 3),
        ((FALLING, FALLING), FALLING, None),
    ],
    ids=["first", "second", "behind", "ahead", "by-its-best", "ended-sooner", "equal"],
)
def test_it_stops_what_is_worse_than_the_median_by_then(
    earlier: tuple[tuple[float, ...], ...], values: tuple[float, ...], epoch: int | None
) -> None:
    """Not before two were trained to their end, nor within the warm-up."""
    assert stopped_after(values, Pruning("mse", earlier, warm_up=2)) == epoch


def test_more_is_better_of_an_accuracy() -> None:
    """The direction is the metric's."""
    rule = Pruning("accuracy", ((0.5, 0.9), (0.5, 0.8)), warm_up=1)
    assert stopped_after((0.6, 0.7), rule) == 2
    assert stopped_after((0.6, 0.86), rule) is None


def plan(tmp_path: Path, training: str = "patience: 4, prune: true") -> Plan:
    changes = (("patience: 4", training), ("seed: 4", "seed: 4, candidates_per_iteration: 2"))
    contract = loader.load(edited(TANK, tmp_path, *changes), ROOT)
    return make_plan(contract, "tank", root=ROOT, build=tmp_path / "build")


def test_trainings_see_curves_of_earlier_rounds_only(tmp_path: Path) -> None:
    """Candidates of one round do not see each other, so the number of processes does not matter."""
    rounds = plan(tmp_path).iterations
    seen = [{n for n in one.inputs if n.startswith("curves")} for one in trainings(rounds)]
    assert seen == [set(), set(), *[{"curves01"}] * 2, *[{"curves01", "curves02"}] * 2]
    assert rounds[-1].curves is None


def trainings(rounds: Sequence[Iteration]) -> list[Stage]:
    return [chain["train"] for one in rounds for chain in one.candidates]


def test_curves_know_no_limit(tmp_path: Path) -> None:
    """They read trainings and nothing else, so that an edited limit retrains nothing."""
    first = plan(tmp_path).iterations[0]
    assert first.curves is not None
    assert list(first.curves.inputs.values()) == trainings((first,))
    assert first.curves.config == {}


def test_without_it_nothing_is_looked_at(tmp_path: Path) -> None:
    """By default there are no curves, and every training is one of its own."""
    rounds = plan(tmp_path, "patience: 4").iterations
    assert all(one.curves is None for one in rounds)
    assert all(set(one.inputs) == {"render", "dataset", "admit"} for one in trainings(rounds))


def test_curves_are_those_of_trainings_that_ended(tmp_path: Path) -> None:
    """One that failed or was stopped left no `training.json`, and says nothing."""
    folders = {name: tmp_path / name for name in ("00", "01", "02")}
    for name, folder in folders.items():
        folder.mkdir()
        if name != "01":
            found = (float(name), 0.5)
            Training(
                metric="mse",
                best_epoch=1,
                train_loss=found,
                validation_loss=found,
                validation_metric=found,
                validation={"mse": 0.5},
            ).write(folder / "training.json")
    curves.run(folders, tmp_path, {})
    assert Curves.read(tmp_path / "curves.json").curves == ((0.0, 0.5), (2.0, 0.5))


def stopped(trial: Trial, value: float) -> Trial:
    """A trial as it is where its training was stopped."""
    reason = Reason(code="pruned", stage="train", message="-", metric="mse", value=value)
    kept = tuple(one for one in trial.measurements if one.metric != "mse")
    return trial.model_copy(update={"reason": reason, "measurements": kept})


def test_the_agent_is_told_how_far_it_came() -> None:
    """TPE's suggestions depend on the value that a training was stopped at."""
    brief = make_brief()
    space = space_for(brief.input_shape, brief.task)
    genes = [(*one[:2], index, *one[3:]) for one in space.smallest() for index in range(3)]

    def suggestion(values: list[float]) -> tuple[tuple[int, ...], ...]:
        tpe = Tpe(brief, space, 1)
        for number, (each, value) in enumerate(zip(genes, values, strict=True)):
            tpe.learn(each, stopped(evaluate(brief, space.architecture(each), number), value))
        return tuple(tpe.suggest() for _ in range(5))

    rising = [float(number) for number in range(len(genes))]
    assert suggestion(rising) == suggestion(rising)
    assert suggestion(rising) != suggestion(rising[::-1])


def test_the_console_says_that_it_was_stopped() -> None:
    """It was trained, in part: not "not trained"."""
    brief = make_brief()
    trial = evaluate(brief, space_for(brief.input_shape, brief.task).architecture((0,) * 11), 0)
    result = TrialResult(trial=stopped(trial, 1.0), brief="-")
    assert verdict_text(result) == "weak, stopped early"
