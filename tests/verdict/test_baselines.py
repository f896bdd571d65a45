"""A model has to be strictly better than what needs none, on both splits."""

from __future__ import annotations

import pytest

from mlforge_tasks.records import Measurement, Verdict
from mlforge_tasks.verdict.baselines import bounds_of, is_linear
from mlforge_tasks.verdict.constraints import Bound, judge
from mlforge_tasks.verdict.evaluation import Evaluation, SplitEvaluation, WithoutModel
from mlforge_tasks.verdict.relaxation import explain

MSE = Bound(metric="mse", limit=100.0, unit="(m)^2", key="goal.target")
BOUNDS = (MSE, MSE.model_copy(update={"metric": "mse_test"}))


def split(**rules: float) -> SplitEvaluation:
    known = tuple(
        WithoutModel.from_dump({"rule": rule, "figures": {"mse": value}})
        for rule, value in rules.items()
    )
    return SplitEvaluation(examples=9, figures={"mse": 1.0}, without_model=known)


EVALUATION = Evaluation(
    computed_by="aot",
    validation=split(mean=50.0, persistence=9.0, linear=8.0),
    test=split(mean=40.0, persistence=7.0, linear=7.5),
)


def verdict(value: float, on_test: float, *excused: str) -> Verdict:
    bounds = BOUNDS + bounds_of(BOUNDS, ["mse"], EVALUATION, excused)  # type: ignore[arg-type]
    found = {"mse": value, "mse_test": on_test}
    return judge(
        bounds,
        [
            Measurement(metric=name, value=one, unit="", source="emulated")
            for name, one in found.items()
        ],
    )


def test_the_best_rule_of_each_split_is_the_bound() -> None:
    """As a clause of its own, of the same measurement, which says what has the limit."""
    clauses = verdict(1.0, 1.0).clauses[2:]
    assert [(one.metric, one.of, one.limit, one.against) for one in clauses] == [
        ("baseline(mse)", "mse", 8.0, "linear"),
        ("baseline(mse)_test", "mse_test", 7.0, "persistence"),
    ]
    assert [one.value for one in clauses] == [1.0, 1.0]
    assert [one.unit for one in clauses] == ["(m)^2"] * 2


@pytest.mark.parametrize(
    ("value", "on_test", "excused", "met"),
    [
        (7.9, 6.9, (), True),
        (8.0, 6.9, (), False),
        (7.9, 7.0, (), False),
        (8.9, 6.9, ("linear",), True),
        (9.0, 6.9, ("linear",), False),
    ],
)
def test_as_good_is_not_enough(
    value: float,
    on_test: float,
    excused: tuple[str, ...],
    met: bool,  # noqa: FBT001 - parametrised
) -> None:
    """Strictly better on both; a linear model need not be better than a linear model."""
    assert verdict(value, on_test, *excused).met is met


def test_more_is_better_where_the_figure_says_so() -> None:
    """The bound is the most that a rule has."""
    accuracy = Bound(metric="accuracy", limit=0.5, unit="1", direction="at_least")
    both = (accuracy, accuracy.model_copy(update={"metric": "accuracy_test"}))
    part = SplitEvaluation(
        examples=9,
        figures={"accuracy": 1.0},
        without_model=(
            WithoutModel(rule="majority", figures={"accuracy": 0.998}),
            WithoutModel(rule="linear", figures={"accuracy": 0.9}),
        ),
    )
    evaluation = Evaluation(computed_by="aot", validation=part, test=part)
    found = bounds_of(both, ["accuracy"], evaluation)
    assert {(one.against, one.limit, one.direction) for one in found} == {
        ("majority", 0.998, "at_least")
    }


def test_what_would_have_to_give_is_the_rule() -> None:
    """No number of the contract helps."""
    bounds = BOUNDS + bounds_of(BOUNDS, ["mse"], EVALUATION)
    smallest = explain(bounds, {}, {"1.0": verdict(8.5, 6.0)}).smallest
    assert smallest is not None
    assert [(one.key, one.written) for one in smallest.changes] == [("goal.baseline", "ignore")]


@pytest.mark.parametrize(
    ("operators", "linear"),
    [
        (("RESHAPE", "FULLY_CONNECTED"), True),
        (("FULLY_CONNECTED", "SOFTMAX"), True),
        (("FULLY_CONNECTED", "FULLY_CONNECTED"), False),
        (("CONV_2D", "FULLY_CONNECTED"), False),
        (("RESHAPE",), False),  # as of k_means
    ],
)
def test_a_linear_model_is_one_layer(operators: tuple[str, ...], *, linear: bool) -> None:
    """And what only gives its values another form."""
    assert is_linear(operators) is linear


def test_a_split_that_is_not_asked_yet_has_no_bound() -> None:
    """As where an earlier search is carried over: the test split comes last."""
    (bound,) = bounds_of([MSE], ["mse"], EVALUATION)
    assert (bound.metric, bound.of, bound.limit) == ("baseline(mse)", "mse", 8.0)
