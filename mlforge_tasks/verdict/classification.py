"""Figures of a classifier that weigh its classes alike, with numpy alone.

An example's class is that of its largest output, the first of equal ones, as `metrics.accuracy` has
it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.number[Any]]
    Labels = NDArray[np.integer[Any]]
    Counts = NDArray[np.int64]


def confusion(outputs: Values, labels: Labels) -> Counts:
    """Examples by class and by what they were taken for: [classes, classes], rows are the truth.

    Args:
        outputs: [N, classes], probabilities or anything that grows with them.
        labels: [N].
    """
    classes = outputs.shape[1]
    cells = labels.astype(np.int64) * classes + np.argmax(outputs, axis=1)
    counts: Counts = np.bincount(cells, minlength=classes**2).astype(np.int64)
    return counts.reshape(classes, classes)


def recalls(counts: Counts) -> NDArray[np.float64]:
    """By class, the share of its examples that were found; NaN where it has none.

    Args:
        counts: What `confusion` gave.
    """
    return _shares(counts.diagonal(), counts.sum(axis=1))


def precisions(counts: Counts) -> NDArray[np.float64]:
    """By class, the share of what was taken for it that is it; NaN where nothing was."""
    return _shares(counts.diagonal(), counts.sum(axis=0))


def f1_scores(counts: Counts) -> NDArray[np.float64]:
    """By class, 2 hits / (examples + taken for it); NaN where both are none."""
    return _shares(2 * counts.diagonal(), counts.sum(axis=0) + counts.sum(axis=1))


def _shares(part: Counts, whole: Counts) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.full(len(whole), np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def balanced_accuracy(outputs: Values, labels: Labels) -> float:
    """Mean recall over the classes that the labels hold; see `confusion` for the arguments."""
    return float(np.nanmean(recalls(confusion(outputs, labels))))


def macro_f1(outputs: Values, labels: Labels) -> float:
    """Mean F1 over the classes that the labels hold or the outputs name."""
    return float(np.nanmean(f1_scores(confusion(outputs, labels))))


def balanced_weights(labels: Labels, classes: int) -> NDArray[np.float32]:
    """What an example of each class counts so that all classes count alike: N / (classes n).

    As `class_weight="balanced"` of scikit-learn
    (https://scikit-learn.org/stable/modules/generated/sklearn.utils.class_weight.compute_class_weight.html);
    a class without examples weighs nothing.

    Args:
        labels: [N], of the training split.
        classes: How many there are.

    Returns:
        [classes].
    """
    counts = np.bincount(labels, minlength=classes)
    weights: NDArray[np.float32] = np.zeros(classes, np.float32)
    present = counts > 0
    weights[present] = len(labels) / (np.count_nonzero(present) * counts[present])
    return weights
