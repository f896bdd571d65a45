"""`doit check` tells what the data is and what a run would do, and a run does just that."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.shell import check, tasks
from mlforge_tasks.verdict.constraints import Bound
from tests.helpers.builds import doit, edited
from tests.helpers.paths import TANK

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
EPOCHS = ("epochs: 12", "epochs: 13")


def told(folder: Path, build: Path, *changes: tuple[str, str]) -> str:
    plan = tasks.load_plan(str(edited(TANK, folder, *changes)), str(build))
    plan.preparation.dataset.run()
    return check.report(plan)


def test_a_new_tree_has_its_data_read_and_nothing_else(tmp_path: Path) -> None:
    """Counts, baselines beside the goal, and all that would be made; only the data set is."""
    run = doit(build=tmp_path, command="check")
    assert (run.code, run.stages("built")) == (0, ["dataset"])
    assert "data: 1,600 rows of tests/data/tank.csv, licence: CC0-1.0\n" in run.out
    assert "an example: 16 x 2 of level (m), flow (l/s); wanted: level (m)\n" in run.out
    rows = {line.split("  ")[0]: line.split() for line in run.out.splitlines()}
    assert rows["train"][:2] == ["train", "941"]
    assert rows["persistence, mse"][2:4] == ["0.1846", "(m)^2"]
    assert rows["mean, mae"][3] == "m", "it is not asked, but has its unit"
    assert rows["goal, mse"][2:6] == ["at", "most", "0.05", "(m)^2"]
    assert "made before: dataset\n" in run.out
    assert "time: not known, as this build tree has no floor, feasible, propose" in run.out
    assert not (tmp_path / "tank" / "iterations").exists()


def test_rules_without_a_model_have_what_the_goal_asks(tmp_path: Path) -> None:
    """Not only the figures that the data card has of every data set."""
    goal = (
        "goal: {metric: mse, target: 0.05, baseline: ignore}",
        "goal: {metric: r2, target: 0.5, ranges: [{below: 2, metric: recall, target: 0.5}]}",
    )
    text = told(tmp_path, tmp_path / "build", goal)
    rows = {line.split("  ")[0]: line.split()[-2:] for line in text.splitlines() if ", " in line}
    for rule in ("persistence", "mean", "linear"):
        found = [float(one) for one in rows[f"{rule}, recall(below 2)"]]
        assert all(0 <= one <= 1 for one in found)
        assert float(rows[f"{rule}, r2"][0]) <= 1
    assert rows["mean, recall(below 2)"] == ["1", "1"], "it says the same of all, less than 2"
    assert "mean, mae" in rows


def test_a_rule_that_is_never_wrong_is_told() -> None:
    """No candidate is better, which a search of hours would end with."""
    bound = Bound(metric="accuracy", limit=0.8, unit="1", direction="at_least")
    (linear,) = check.unbeatable(
        bound,
        {
            ("majority", "accuracy", "validation"): 0.5,
            ("linear", "accuracy", "validation"): 1.0,
            ("linear", "accuracy", "test"): 1.0,
            ("linear", "auc", "test"): 1.0,
        },
    )
    assert linear == (
        "warning: a linear model has accuracy 1 on the validation and the test split: only one "
        "that is linear itself need not be better; `baseline: ignore` in the goal lets others pass"
    )
    error = Bound(metric="mae(temp)", limit=2.0, unit="K")
    (mean,) = check.unbeatable(error, {("mean", "mae(temp)", "test"): 0.0})
    assert "has mae(temp) 0 K on the test split: no model is better; " in mean


def test_what_was_made_is_told_before_a_run_finds_it(build: Path, tmp_path: Path) -> None:
    """A contract that is met, an edited limit, and training that was edited."""
    same = told(tmp_path / "1", build)
    assert "a run: PASS after round 2, all of it was made before\n" in same
    assert "a run: PASS at once, " in told(tmp_path / "2", build, ("16 KiB", "12 KiB"))
    trained = told(tmp_path / "3", build, EPOCHS)
    assert "rounds: 2 of 3 are left" in trained, "the first candidate is refused untrained"
    # Of the second the design is known, and all that its weights do not change.
    made = trained.partition("made before: ")[2].partition("\n")[0].split(", ")
    left = trained.partition("would make: ")[2].partition("\n")[0].split(", ")
    assert {"propose", "probe_run", "admit"} <= set(made)
    assert left[:3] == ["train", "quantise", "header"]
    times = (
        r"^time: [\d.]+ \w+ for the first round, [\d.]+ \w+ for all, by \d+ earlier stages of this "
    )
    assert re.search(times + "contract; ", trained, re.MULTILINE)


def test_the_store_alone_knows_what_was_made(build: Path, tmp_path: Path) -> None:
    """Without the folders of the stages nothing is lost, and nothing is put in place by a check."""
    shutil.rmtree(build / "tank")
    assert "a run: PASS after round 2, all of it" in told(tmp_path / "edited", build)
    assert not (build / "tank" / "iterations").exists()


def test_a_goal_that_a_split_cannot_judge_is_told_before_anything_is_trained(
    build: Path, tmp_path: Path
) -> None:
    """By a check, and by a run before it proposes anything; no level is so low."""
    goal = ("baseline: ignore}", "ranges: [{below: -50, metric: mae, target: 1}]}")
    contract = edited(TANK, tmp_path / "edited", goal)
    checked = doit(build=build, contract=contract, command="check")
    assert checked.code == 1
    assert "data: 1,600 rows" in checked.out
    said = "'mae(below -50)' is not defined on the {} split: no target of that split lies in"
    assert [checked.err.count(said.format(one)) for one in ("validation", "test")] == [1, 1]
    run = doit(build=build, contract=contract)
    assert run.code == 2
    assert "'mae(below -50)' is not defined on the validation split\nThings to try" in run.err
    assert run.stages("built") == []
