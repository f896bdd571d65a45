"""How sure a figure of few examples is, against scipy's intervals and arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.contract.window import Window
from mlforge_tasks.records import Interval, Measurement
from mlforge_tasks.verdict import intervals
from mlforge_tasks.verdict.constraints import Bound, judge
from mlforge_tasks.verdict.intervals import Part, interval, wilson
from tests.helpers.model_data import card

RANDOM = np.random.default_rng(8)
MAE = Figure(name="mae", metric="mae")
ERRORS = RANDOM.normal(0, 3, 400)
ONE = card("regression", (4,), 1)


def part(errors: np.ndarray, **changes: object) -> Part:
    outputs = errors[:, None]
    return Part(outputs, np.zeros_like(outputs), ONE.model_copy(update=changes))


def found(figure: Figure, of: Part, level: float = 0.95) -> Interval:
    value = of.value(figure, np.arange(len(of.targets)))
    assert value is not None
    known = interval(figure, value, of, level)
    assert known is not None
    assert known.low <= value <= known.high
    return known


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize(("hits", "count"), [(0, 10), (7, 10), (10, 10), (990, 1000)])
def test_a_share_has_wilsons_interval(hits: int, count: int, level: float) -> None:
    """As scipy computes it; no share of all is sure."""
    wanted = stats.binomtest(hits, count).proportion_ci(level, method="wilson")
    known = wilson(hits / count, count, level)
    assert [known.low, known.high] == pytest.approx([wanted.low, wanted.high], abs=1e-12)


def test_an_error_has_that_of_its_mean() -> None:
    """The bootstrap of a mean is about as wide as the normal interval of it."""
    known = found(MAE, part(ERRORS))
    half = 1.96 * np.abs(ERRORS).std() / math.sqrt(len(ERRORS))
    assert (known.high - known.low) / 2 == pytest.approx(half, rel=0.15)


def test_windows_that_share_rows_say_less() -> None:
    """Each error ten times in a row is no more than each once."""
    window = Window(length=8, horizon=2)
    assert intervals.block_of(ONE.model_copy(update={"window": window})) == 10
    alone, again = found(MAE, part(ERRORS)), part(ERRORS.repeat(10), window=window)
    shared = found(MAE, again)
    assert shared.high - shared.low == pytest.approx(alone.high - alone.low, rel=0.3)
    assert intervals.independent(again.card, 4000) == 400


def test_of_many_examples_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interval is as narrow as that of all of them."""
    whole = found(MAE, part(ERRORS))
    monkeypatch.setattr(intervals, "MOST_DRAWN", 100)
    some = found(MAE, part(ERRORS))
    assert some.high - some.low == pytest.approx(whole.high - whole.low, rel=0.25)


def test_shares_of_a_range_are_of_its_examples() -> None:
    """20 of 100 examples lie in it: the interval is that of 20, not of 100."""
    targets = np.arange(100.0)[:, None]
    recall = Figure(name="recall(below 20)", metric="recall", below=20.0)
    known = found(recall, Part(targets.copy(), targets, ONE))
    assert known == wilson(1.0, 20, 0.95)
    accuracy = Figure(name="accuracy", metric="accuracy")
    two = card("classification", (4,), 2)
    assert found(accuracy, Part(np.eye(2), np.arange(2), two)) == wilson(1.0, 2, 0.95)


def detected(metric: str, **more: object) -> Interval:
    """The interval of a detection without a mistake: 20 of 100 examples are there."""
    figure = Figure.model_validate({"name": metric, "metric": metric, "output": 1, **more})
    labels = np.arange(100) % 5 == 0
    two = card("classification", (4,), 2)
    return found(figure, Part(np.eye(2)[labels.astype(int)], labels.astype(int), two, (0.0,)))


@pytest.mark.parametrize("metric", ["f1", "average_precision", "precision", "recall"])
def test_no_mistake_among_few_is_not_sure(metric: str) -> None:
    """What is drawn of examples without a mistake has none: 20 are still no more than 20."""
    assert detected(metric) == wilson(1.0, 20, 0.95)


@pytest.mark.parametrize("metric", ["balanced_accuracy", "macro_f1", "auc"])
def test_what_is_of_all_classes_rests_on_the_rarest(metric: str) -> None:
    """3 examples of a class tell no more of it for the 97 of another."""
    labels = (np.arange(100) < 3).astype(int)
    figure = Figure(name=metric, metric=metric)
    known = found(figure, Part(np.eye(2)[labels], labels, card("classification", (4,), 2)))
    assert known == wilson(1.0, 3, 0.95)


def test_no_false_alarm_in_a_minute_is_no_promise_for_an_hour() -> None:
    """80 quiet seconds without a false alarm: a share of them, an hour's worth."""
    known = detected("false_alarms_per_hour", parameter=0.9, example_s=1.0)
    wanted = wilson(0.0, 80, 0.95)
    assert (known.low, known.high) == pytest.approx((3600 * wanted.low, 3600 * wanted.high))


def test_what_is_of_one_example_is_never_sure() -> None:
    """A contract that judges by the worse end has none to judge by, and is not met."""
    targets = np.arange(100.0)[:, None]
    alone = Figure(name="mae(below 1)", metric="mae", below=1.0)
    assert interval(alone, 0.5, Part(targets + 0.5, targets, ONE), 0.95) is None
    bound = Bound.model_validate({"metric": "mae", "limit": 2, "unit": "m", "by_worse_end": True})
    measured = Measurement(metric="mae", value=0.5, unit="m", source="emulated")
    (clause,) = judge([bound], [measured]).clauses
    assert clause.status == "unknown"
    assert judge([bound.model_copy(update={"by_worse_end": False})], [measured]).met


@pytest.mark.parametrize(
    ("direction", "limit", "met"),
    [("at_most", 11, False), ("at_most", 13, True), ("at_least", 9, False), ("at_least", 8, True)],
)
def test_a_contract_may_judge_by_the_worse_end(
    direction: str,
    limit: float,
    met: bool,  # noqa: FBT001 - parametrised
) -> None:
    """The value stays what was measured; what passes is the end of its interval."""
    bound = Bound.model_validate(
        {"metric": "x", "limit": limit, "unit": "1", "direction": direction, "by_worse_end": True}
    )
    sure = Interval(low=8.5, high=12, level=0.95)
    measured = Measurement(metric="x", value=10, unit="1", source="emulated", interval=sure)
    (clause,) = judge([bound], [measured]).clauses
    assert (clause.status == "pass") is met
    assert (clause.value, clause.interval) == (10, sure)
    lenient = bound.model_copy(update={"by_worse_end": False})
    assert judge([lenient], [measured]).met
