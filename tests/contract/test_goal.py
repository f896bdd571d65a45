"""What a goal asks of a data set: names, units, bounds, and what does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlforge_tasks.contract.loader import load
from mlforge_tasks.errors import ContractError
from mlforge_tasks.verdict import clauses
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.contract import Contract

OUTPUTS = [{"name": "temp", "unit": "degC"}, {"name": "press_test", "unit": "Pa"}]


def contract(
    folder: Path, goal: dict[str, Any], outputs: Any = OUTPUTS, horizon: Any = 4
) -> Contract:
    """The tank's, with other outputs and another goal."""
    document = yaml.safe_load((ROOT / "tests/data/tank.yaml").read_text())
    document["dataset"]["window"]["horizon"] = horizon
    document["dataset"]["target"] = {"outputs": outputs}
    document["goal"] = goal
    path = folder / "contract.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return load(path, ROOT)


@pytest.mark.parametrize(
    ("goal", "wanted"),
    [
        (
            {"metric": "mse", "target": 3},
            {"mse(temp)": (3, "(degC)^2"), "mse(press_test)": (3, "(Pa)^2")},
        ),
        (
            {"metric": "mae", "target": {"temp": 0.5, "press_test": 300}},
            {"mae(temp)": (0.5, "degC"), "mae(press_test)": (300, "Pa")},
        ),
        ({"metric": "rmse", "target": 9, "output": "temp"}, {"rmse(temp)": (9, "degC")}),
        ({"metric": "mae", "target": 0.2, "across": "worst"}, {"mae(worst)": (0.2, "1")}),
        ({"metric": "mse", "target": 0.2, "across": "worst"}, {"mse(worst)": (0.2, "1")}),
        (
            {
                "metric": "mae",
                "target": 1,
                "output": "temp",
                "also": [{"metric": "r2", "target": -0.5, "across": "worst"}],
                "ranges": [
                    {"below": 4, "output": "temp", "metric": "recall", "target": "50 %"},
                    {
                        "above": 1e5,
                        "below": 2e5,
                        "metric": "quantile_error",
                        "quantile": "95 %",
                        "target": {"press_test": 7},
                    },
                ],
            },
            {
                "mae(temp)": (1, "degC"),
                "r2(worst)": (-0.5, "1"),
                "recall(temp, below 4)": (0.5, "1"),
                "quantile_error(press_test, 100000 to 200000, 95 %)": (7, "Pa"),
            },
        ),
    ],
)
def test_each_figure_has_its_name_bound_and_unit(
    goal: dict[str, Any], wanted: dict[str, Any], tmp_path: Path
) -> None:
    """And binds on both splits, whatever an output is called."""
    found = contract(tmp_path, goal)
    assert {one.figure.name: (one.target, one.unit) for one in found.asked()} == wanted
    bounds = [one for one in clauses.bounds(found) if not one.on_device]
    assert [one.metric for one in bounds if not one.on_test] == list(wanted)
    assert [one.metric for one in bounds if one.on_test] == [f"{name}_test" for name in wanted]
    assert type(found).from_dump(found.model_dump(mode="json")) == found


def test_horizons_are_judged_each(tmp_path: Path) -> None:
    """By the name of one, or all of a quantity's by its own."""
    goal = {
        "metric": "mae",
        "target": {"temp+10 s": 1, "temp+40 s": 3},
        "also": [{"metric": "rmse", "output": "press_test", "target": 200}],
        "ranges": [{"below": 4, "output": "temp", "metric": "recall", "target": 0.5}],
    }
    found = contract(tmp_path, goal, horizon=[1, 4])
    asked = {one.figure.name: (one.target, one.unit, one.figure.output) for one in found.asked()}
    assert asked == {
        "mae(temp+10 s)": (1, "degC", 0),
        "mae(temp+40 s)": (3, "degC", 1),
        "rmse(press_test+10 s)": (200, "Pa", 2),
        "rmse(press_test+40 s)": (200, "Pa", 3),
        "recall(temp+10 s, below 4)": (0.5, "1", 0),
        "recall(temp+40 s, below 4)": (0.5, "1", 1),
    }
    assert [one.key for one in found.asked()[:2]] == [
        "goal.target.temp+10 s",
        "goal.target.temp+40 s",
    ]
    with pytest.raises(ContractError, match=r"goal\.output: .*did you mean 'temp\+40 s'"):
        contract(tmp_path, {"metric": "mae", "target": 1, "output": "temp+4 s"}, horizon=[1, 4])


def test_one_output_needs_no_name(tmp_path: Path) -> None:
    """The figure is called as its metric; its bound's place in the contract is told."""
    goal = {
        "metric": "mse",
        "target": 3,
        "ranges": [{"below": 70, "metric": "mae", "target": 15}],
    }
    found = contract(tmp_path, goal, OUTPUTS[:1])
    bounds = [one for one in clauses.bounds(found) if not one.on_device]
    assert [(one.metric, one.contract_key, one.direction) for one in bounds] == [
        ("mse", "goal.target", "at_most"),
        ("mae(below 70)", "goal.ranges.0.target", "at_most"),
        ("mse_test", "goal.target", "at_most"),
        ("mae(below 70)_test", "goal.ranges.0.target", "at_most"),
    ]


def test_a_training_is_steered_by_all_that_the_leading_metric_is_asked_of(tmp_path: Path) -> None:
    """By a name that no output's name is in."""
    both = contract(tmp_path, {"metric": "mae", "target": 3}).learning_figure()
    assert (both.name, both.output, both.worst) == ("mae", None, False)
    one = contract(tmp_path, {"metric": "mae", "target": 3, "output": "temp"}).learning_figure()
    assert (one.name, one.output) == ("mae", 0)


@pytest.mark.parametrize(
    ("goal", "field", "words"),
    [
        ({"metric": "mes", "target": 3}, "goal.metric", "did you mean 'mse'"),
        ({"metric": "accuracy", "target": 0.3}, "goal.metric", "a metric for regression: mse, mae"),
        ({"metric": "recall", "target": 0.5}, "goal.metric", "a metric for regression: mse, mae"),
        ({"metric": "mae", "target": {"tmp": 1}}, "goal.target.tmp", "did you mean 'temp'"),
        ({"metric": "mae", "target": {"temp": -1}}, "goal.target.temp", "greater than 0"),
        ({"metric": "mae", "target": {}}, "goal.target", "a number, or one by output"),
        ({"metric": "mae", "target": "5 %"}, "goal.target", "a number without a unit"),
        ({"metric": "mae", "target": "small"}, "goal.target", "a number"),
        ({"metric": "mae", "target": 1, "output": "x"}, "goal.output", "temp, press_test"),
        (
            {"metric": "mae", "target": {"temp": 1}, "output": "temp"},
            "goal.output",
            "either output, or a target by output",
        ),
        (
            {"metric": "mae", "target": 1, "across": "worst", "output": "temp"},
            "goal.across",
            "each, where outputs are named",
        ),
        ({"metric": "quantile_error", "target": 1}, "goal.quantile", "such as 95 %"),
        ({"metric": "mae", "target": 1, "quantile": "95 %"}, "goal.quantile", "no quantile"),
        (
            {"metric": "mae", "target": 1, "also": [{"metric": "mae", "target": 2}]},
            "goal.also.0",
            "each figure once",
        ),
        (
            {"metric": "mae", "target": 1, "ranges": [{"metric": "mae", "target": 2}]},
            "goal.ranges.0",
            "the key 'below' or 'above'",
        ),
        (
            {"metric": "mae", "target": 1, "ranges": [{"metric": "mae", "target": 2, "below": 1}]},
            "goal.ranges.0",
            "the key 'output', since a range is of one of temp, press_test",
        ),
        (
            {
                "metric": "mae",
                "target": 1,
                "output": "temp",
                "ranges": [
                    {"metric": "mae", "target": 2, "above": 5, "below": 5, "output": "temp"}
                ],
            },
            "goal.ranges.0.above",
            "less than 'below', 5",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(
    goal: dict[str, Any], field: str, words: str, tmp_path: Path
) -> None:
    """One mistake, at the key that is wrong, with what would be right."""
    with pytest.raises(ContractError) as caught:
        contract(tmp_path, goal)
    (problem,) = caught.value.problems
    assert problem.field == field
    assert words in str(problem)
