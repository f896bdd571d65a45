"""The figures that a contract asks, against the same computed by hand and by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.contract.metrics import METRICS
from mlforge_tasks.errors import ToolError
from mlforge_tasks.quantisation import Quantisation, TensorQuantisation
from mlforge_tasks.verdict import breakdown, figures, metrics
from tests.helpers.model_data import card

RANDOM = np.random.default_rng(5)
TARGETS = RANDOM.normal(100, 40, (200, 2))
OUTPUTS = TARGETS + RANDOM.normal(0, [5, 9], (200, 2))
# The second output is a thousand times the first.
UNITS = np.array([1.0, 1000.0])
TWO = card("regression", (4,), 2, target_scale=(40.0, 40_000.0))
ONE = card("regression", (4,), 1)


def figure(metric: str, **what: float | bool) -> Figure:
    return Figure.model_validate({"name": metric, "metric": metric, **what})


def value(wanted: Figure) -> float | None:
    """Of the two outputs, the second in its other unit."""
    return figures.value_of(wanted, OUTPUTS * UNITS, TARGETS * UNITS, TWO)


@pytest.mark.parametrize("output", [0, 1])
def test_each_output_is_judged_in_its_own_unit(output: int) -> None:
    """As scikit-learn judges that column alone."""
    pair = (TARGETS[:, output] * UNITS[output], OUTPUTS[:, output] * UNITS[output])
    wanted = {
        "mse": reference.mean_squared_error(*pair),
        "mae": reference.mean_absolute_error(*pair),
        "rmse": reference.root_mean_squared_error(*pair),
        "r2": reference.r2_score(*pair),
    }
    found = {name: value(figure(name, output=output)) for name in wanted}
    assert found == pytest.approx(wanted)
    errors = np.sort(np.abs(pair[0] - pair[1]))
    within = figure("quantile_error", output=output, parameter=0.95)
    assert value(within) == pytest.approx(errors[189]), "190 of 200 are within it"


def test_several_outputs_are_taken_together_by_their_scales() -> None:
    """What a training is steered by does not depend on units, and neither does the worst."""
    each = [reference.mean_absolute_error(TARGETS[:, at], OUTPUTS[:, at]) / 40 for at in (0, 1)]
    assert value(figure("mae")) == pytest.approx(np.mean(each))
    assert value(figure("mae", worst=True)) == pytest.approx(max(each)) == pytest.approx(each[1])
    r2 = [reference.r2_score(TARGETS[:, at], OUTPUTS[:, at]) for at in (0, 1)]
    assert value(figure("r2", worst=True)) == pytest.approx(min(r2))


def test_a_range_is_of_the_target() -> None:
    """Its error is that of the examples in it; recall and precision count who is where."""
    targets = np.array([[50.0], [60.0], [70.0], [80.0], [90.0]])
    outputs = np.array([[55.0], [72.0], [69.0], [65.0], [91.0]])

    def found(metric: str, **what: float) -> float | None:
        return figures.value_of(figure(metric, **what), outputs, targets, ONE)

    assert found("mae", below=70.0) == pytest.approx((5 + 12) / 2)
    assert found("mae", above=70.0, below=90.0) == pytest.approx((1 + 15) / 2)
    assert found("recall", below=70.0) == 1 / 2
    assert found("precision", below=70.0) == 1 / 3
    assert found("precision", above=1000.0) is found("mae", above=1000.0) is None
    assert figures.value_of(figure("precision", below=51.0), outputs + 9, targets, ONE) == 0.0


def test_what_a_split_does_not_define_is_told() -> None:
    """With the figure's name, the split, and what to do."""
    asked = [Figure(name="mae(below 1)", metric="mae", below=1.0)]
    with pytest.raises(ToolError, match=r"'mae\(below 1\)' is not defined on the test") as caught:
        figures.required(asked, np.ones((3, 1)), np.ones((3, 1)), ONE, "test")
    assert "no target of that split" in (caught.value.hint or "")
    two = card("classification", (4,), 2)
    assert figures.value_of(figure("auc"), np.eye(2), np.zeros(2, np.int32), two) is None


def test_every_metric_is_computed() -> None:
    """Whatever a contract may ask, of the tasks that have it."""
    real, scores = OUTPUTS[:, :1], np.stack([OUTPUTS[:, 0], OUTPUTS[:, 1]], axis=1)
    labels = (TARGETS[:, 0] < TARGETS[:, 1]).astype(np.int32)
    classes = card("classification", (4,), 2)
    for name, metric in METRICS.items():
        asked = figure(name, **({} if metric.parameter is None else {"parameter": 0.9}))
        for task in metric.tasks:
            if task == "regression":
                update = {"below": 100.0} if metric.ranges_only else {}
                ranged = asked.model_copy(update=update)
                assert figures.value_of(ranged, real, TARGETS[:, :1], ONE) is not None
            else:
                update = {"output": 1, "example_s": 2.0} if metric.detects else {}
                one = asked.model_copy(update=update)
                assert figures.value_of(one, scores, labels, classes) is not None


def test_standard_figures_have_the_outputs_names() -> None:
    """One output needs no name."""
    assert [one.name for one in figures.standard(ONE)] == ["mse", "mae"]
    names = ["mse(output 0)", "mae(output 0)", "mse(output 1)", "mae(output 1)"]
    assert [one.name for one in figures.standard(TWO)] == names
    three = card("classification", (4,), 3)
    assert [one.name for one in figures.standard(three)] == ["accuracy", "auc"]


DETECTIONS = [
    ("f1", None),
    ("recall", None),
    ("precision", None),
    ("recall_at_precision", 0.8),
    ("precision_at_recall", 0.7),
]


@pytest.mark.parametrize(("metric", "least"), DETECTIONS)
def test_a_detection_is_judged_at_its_threshold(metric: str, least: float | None) -> None:
    """Of a label among three: as scikit-learn judges the alarms; without one, by the best."""
    random = np.random.default_rng(3)
    labels = random.integers(0, 3, 300)
    outputs = random.random((300, 3)) + 0.5 * np.eye(3)[labels]
    about = card("classification", (4,), 3)
    wanted = figure(metric, output=2, **({} if least is None else {"parameter": least}))
    lead = outputs[:, 2] - outputs[:, :2].max(axis=1)
    rows = reference.precision_recall_fscore_support(
        labels == 2, lead >= 0.3, average="binary", zero_division=1.0
    )
    share = {"f1": rows[2], "recall": rows[1], "recall_at_precision": rows[1]}
    found = figures.value_of(wanted, outputs, labels, about, (0.3,))
    assert found == pytest.approx(share.get(metric, rows[0]))
    best = figures.least_scores([wanted], outputs, labels)
    assert best is not None
    chosen = figures.value_of(wanted, outputs, labels, about, best)
    assert chosen == figures.value_of(wanted, outputs, labels, about)
    assert figures.value_of(wanted, outputs, np.zeros(300, int), about, best) is None
    assert set(figures.scores(np.eye(3), np.arange(3), about)) == {"accuracy", "auc"}


def test_a_breakdown_says_what_int8_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors by fifths of the target, the ends of the output's range, values on its rails."""
    tensor = TensorQuantisation(name="t", shape=(1,), scale=0.01, zero_point=-28)
    model = Quantisation(
        input=tensor, output=tensor, operators=(), tflite_bytes=1, tflite_sha256="0" * 64
    )
    targets = np.linspace(40, 200, 100)[:, None]
    raw = np.clip(np.round((targets - 100) / 40 / 0.01) - 28, -128, 127).astype(np.int8)
    (found,) = breakdown.errors(metrics.to_outputs(raw, model, ONE), targets, ONE, model)
    assert [found.low, found.high] == pytest.approx([60.0, 162.0])
    assert found.targets_below == int((targets < 60).sum())
    assert found.targets_above == int((targets > 162).sum())
    assert [one.examples for one in found.ranges] == [20] * 5
    assert found.ranges[0].low == 40.0
    assert found.ranges[0].bias > 5 > abs(found.ranges[2].bias)
    (rail,) = breakdown.rails(raw, ["y"])
    assert (rail.at_low, rail.values) == (int((raw == -128).sum()), 100)
    assert rail.at_high == int((raw == 127).sum()) > 0


def test_several_labels_are_judged_label_by_label() -> None:
    """Each at its threshold, as scikit-learn does; what a split lacks has no say."""
    random = np.random.default_rng(8)
    there = (random.random((400, 3)) < [0.1, 0.3, 0.5]).astype(np.int32)
    outputs = random.random((400, 3)) + 0.4 * there
    about = card("multilabel", (4,), 3)
    found = figures.value_of(figure("auc"), outputs, there, about)
    assert found == pytest.approx(reference.roc_auc_score(there, outputs, average="macro"))
    least = (0.9, 0.7, 0.6)
    each = reference.f1_score(there, outputs >= least, average=None)
    assert figures.value_of(figure("macro_f1"), outputs, there, about, least) == pytest.approx(
        each.mean()
    )
    for label in range(3):
        one = figure("f1", output=label)
        assert figures.value_of(one, outputs, there, about, least) == pytest.approx(each[label])
    wanted = [figure("recall_at_precision", output=0, parameter=0.6)]
    wanted += [figure("f1", output=label) for label in (1, 2)]
    best = figures.least_scores(wanted, outputs, there)
    assert best is not None
    precision = figures.value_of(figure("precision", output=0), outputs, there, about, best)
    assert precision is not None
    assert precision >= 0.6
    free = figures.value_of(figure("f1", output=1), outputs, there, about)
    assert figures.value_of(figure("f1", output=1), outputs, there, about, best) == free
    there[:, 2] = 0
    two = each[:2].mean()
    assert figures.value_of(figure("macro_f1"), outputs, there, about, least) == pytest.approx(two)
    assert figures.least_scores(wanted, outputs, there) is None
