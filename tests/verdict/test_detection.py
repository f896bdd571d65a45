"""Detection and class-by-class figures, held against scikit-learn's on the same scores."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import metrics as reference
from sklearn.utils.class_weight import compute_class_weight

from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.verdict import classification, metrics
from mlforge_tasks.verdict.decision import Counts
from mlforge_tasks.verdict.detection import OperatingPoints, scores_of, value_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Few different scores, so that there are ties, as int8 has them.
SCORED = st.lists(st.tuples(st.integers(-9, 9), st.booleans()), min_size=2, max_size=30)
GOALS = ("f1", "recall_at_precision", "precision_at_recall", "false_alarms_per_hour")


def _split(scored: list[tuple[int, bool]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    scores, positive = (np.array(side) for side in zip(*scored, strict=True))
    assume(0 < positive.sum() < len(positive))
    return scores, positive


def _classes(seed: int, classes: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Outputs that are right more often than not, and labels, the last class rare."""
    random = np.random.default_rng(seed)
    labels = np.minimum(random.geometric(0.45, 300) - 1, classes - 1)
    outputs = random.random((300, classes)).round(1) + 0.4 * np.eye(classes)[labels]
    return outputs, labels


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_figures_by_class_are_those_of_scikit_learn(classes: int) -> None:
    """Confusion, recall, precision and F1 of each class, and their means."""
    outputs, labels = _classes(classes, classes)
    named = outputs.argmax(1)
    counts = classification.confusion(outputs, labels)
    np.testing.assert_array_equal(counts, reference.confusion_matrix(labels, named))
    wanted = reference.precision_recall_fscore_support(labels, named, zero_division=np.nan)
    np.testing.assert_allclose(classification.precisions(counts), wanted[0])
    np.testing.assert_allclose(classification.recalls(counts), wanted[1])
    np.testing.assert_allclose(classification.f1_scores(counts), wanted[2])
    balanced = reference.balanced_accuracy_score(labels, named)
    assert classification.balanced_accuracy(outputs, labels) == pytest.approx(balanced)
    macro = reference.f1_score(labels, named, average="macro")
    assert classification.macro_f1(outputs, labels) == pytest.approx(macro)


def test_a_class_that_a_split_lacks_has_no_say() -> None:
    """Neither in the mean recall, nor, where nothing was taken for it, in the mean F1."""
    outputs, labels = np.eye(3)[[0, 0, 1]], np.array([0, 1, 1])
    assert classification.balanced_accuracy(outputs, labels) == 0.75
    assert classification.macro_f1(outputs, labels) == pytest.approx(2 / 3)


@pytest.mark.parametrize("classes", [2, 4])
def test_balanced_weights_are_those_of_scikit_learn(classes: int) -> None:
    """All classes together weigh as much as the examples do, each the same."""
    _, labels = _classes(1, classes)
    wanted = compute_class_weight("balanced", classes=np.arange(classes), y=labels)
    found = classification.balanced_weights(labels, classes)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert classification.balanced_weights(labels, classes + 1)[-1] == 0


@given(SCORED)
def test_areas_are_those_of_scikit_learn(scored: list[tuple[int, bool]]) -> None:
    """Average precision and the area under the ROC curve."""
    scores, positive = _split(scored)
    points = OperatingPoints.of(scores, positive)
    wanted = reference.average_precision_score(positive, scores)
    assert points.average_precision == pytest.approx(wanted)
    assert points.roc_area == pytest.approx(reference.roc_auc_score(positive, scores))


@given(SCORED, st.floats(0, 1))
def test_the_best_point_is_the_best_of_scikit_learns_curve(
    scored: list[tuple[int, bool]], least: float
) -> None:
    """No threshold does better than the one that is chosen."""
    scores, positive = _split(scored)
    precision, recall, _ = reference.precision_recall_curve(positive, scores)
    points = OperatingPoints.of(scores, positive)
    best = {goal: points.counts(points.best(goal, least)) for goal in GOALS}
    sums = np.maximum(precision + recall, 1e-9)
    assert best["f1"].f1 == pytest.approx((2 * precision * recall / sums).max())
    recalled = best["recall_at_precision"]
    assert recalled.recall == pytest.approx(recall[precision >= least].max())
    assert recalled.precision >= least
    precise = best["precision_at_recall"]
    assert precise.precision == pytest.approx(precision[recall >= least].max())
    assert precise.recall >= least
    others, hits, _ = reference.roc_curve(positive, scores, drop_intermediate=False)
    found = best["false_alarms_per_hour"]
    assert found.recall >= least
    wanted = others[hits >= least].min() * 3600 / 2.5
    assert found.false_alarms_per_hour(example_s=2.5) == pytest.approx(wanted)


@given(SCORED, st.sampled_from(GOALS), st.floats(0, 1))
def test_the_threshold_gives_its_point(
    scored: list[tuple[int, bool]], goal: str, least: float
) -> None:
    """As a whole number, applied to the scores that it was chosen by."""
    scores, positive = _split(scored)
    points = OperatingPoints.of(scores, positive)
    chosen = points.best(goal, least)
    for threshold in (points.threshold(chosen), points.least_score(chosen)):
        alarm = scores >= threshold
        cells = reference.confusion_matrix(positive, alarm, labels=[False, True])
        quiet, false_alarms, misses, hits = cells.ravel().tolist()
        found = Counts(hits=hits, misses=misses, false_alarms=false_alarms, quiet=quiet)
        assert found == points.counts(chosen)
        assert points.at(threshold) == chosen
    assert found.precision == pytest.approx(points.precision[chosen])
    assert found.recall == pytest.approx(points.recall[chosen])
    assert found.f1 == pytest.approx(points.f1[chosen])


def test_the_threshold_lies_in_the_middle_of_a_gap() -> None:
    """What was not seen yet falls on either side of it."""
    scores, positive = np.array([-100, -40, 20, 90]), np.array([False, False, True, True])
    points = OperatingPoints.of(scores, positive)
    assert points.threshold(points.best("f1", 0)) == -9
    assert points.threshold(len(points.least) - 1) == -100
    nothing = points.threshold(0)
    assert nothing == 91
    assert points.counts(points.at(nothing)).precision == 1.0
    assert points.at(-101) == len(points.least) - 1


def test_a_score_is_how_far_an_output_leads() -> None:
    """Of int8 outputs without overflow; 0 and above is where the class is the largest."""
    outputs = np.array([[-128, 127, 0], [127, -128, 3], [5, 5, 5]], np.int8)
    assert scores_of(outputs, 1).tolist() == [127, -255, 0]
    assert scores_of(outputs[:, :2], 0).tolist() == [-255, 255, 0]
    assert scores_of(outputs.astype(np.float32), 2).tolist() == [-127.0, -124.0, 0.0]


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_auc_is_that_of_scikit_learn(classes: int) -> None:
    """Of two classes by how far the second leads, of more the mean of each against the others."""
    outputs, labels = _classes(classes, classes)
    outputs /= outputs.sum(axis=1, keepdims=True)
    scores = outputs[:, 1] - outputs[:, 0] if classes == 2 else outputs
    wanted = reference.roc_auc_score(labels, scores, multi_class="ovr")
    assert metrics.auc(outputs, labels) == pytest.approx(wanted)
    assert metrics.auc(outputs, np.minimum(labels, classes - 2)) is None


@pytest.mark.parametrize("labels", [[True, True], [False, False]])
def test_one_class_alone_makes_no_detector(labels: Any) -> None:
    """Nothing is told apart, so there is no figure."""
    with pytest.raises(ValueError, match="positive and by negative"):
        OperatingPoints.of(np.array([1, 2]), np.array(labels))


def test_false_alarms_are_those_of_an_hour_without_events() -> None:
    """However many events the split holds: 1 of 4 quiet examples, 900 examples an hour."""
    scores, positive = np.array([1, 0, 0, 0, 9, 9, 9]), np.array([False] * 4 + [True] * 3)
    points = OperatingPoints.of(scores, positive)
    found = points.counts(points.at(1))
    assert math.isclose(found.false_alarms_per_hour(example_s=4.0), 225.0)


@pytest.mark.parametrize("metric", ["precision", "precision_at_recall"])
def test_a_detector_that_never_says_so_is_never_right(metric: str) -> None:
    """It must not meet a contract by its silence."""
    figure = Figure(name=metric, metric=metric, output=1)
    assert value_at(figure, Counts(hits=0, misses=3, false_alarms=0, quiet=9)) == 0.0
    assert value_at(figure, Counts(hits=1, misses=2, false_alarms=0, quiet=9)) == 1.0
