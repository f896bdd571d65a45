"""A contract's figures, computed from what a model gives for a split.

The same function serves a float network, its int8 form, a device and a rule without a model, so
that all are compared on the same scale.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.contract.metrics import METRICS
from mlforge_tasks.errors import ToolError
from mlforge_tasks.verdict import classification, metrics
from mlforge_tasks.verdict.detection import OperatingPoints, scores_of, value_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import DataCard
    from mlforge_tasks.verdict.decision import Counts

    Outputs = NDArray[np.float64]
    Targets = NDArray[Any]
    Thresholds = tuple[float, ...]

# Of outputs and targets, [N, outputs] each.
_REGRESSION: Mapping[str, Callable[[Any, Any], float | None]] = MappingProxyType(
    {"mse": metrics.mse, "mae": metrics.mae, "rmse": metrics.rmse, "r2": metrics.r2}
)
# Of outputs [N, classes] and labels [N].
_CLASSES: Mapping[str, Callable[[Any, Any], float | None]] = MappingProxyType(
    {
        "accuracy": metrics.accuracy,
        "auc": metrics.auc,
        "balanced_accuracy": classification.balanced_accuracy,
        "macro_f1": classification.macro_f1,
    }
)


def value_of(
    figure: Figure,
    outputs: Outputs,
    targets: Targets,
    card: DataCard,
    least: Thresholds | None = None,
) -> float | None:
    """One figure; None where the split does not define it: no example in a range, one class alone.

    Args:
        figure: Which.
        outputs: [N, outputs] in original units, or [N, classes].
        targets: [N, outputs] in original units, [N] labels, or [N, labels], 1 for what is there.
        card: The data set's card.
        least: The thresholds of a detector; without, those which are the best for this figure.
    """
    if card.task == "regression":
        return _of_outputs(figure, outputs, targets.astype(np.float64), card)
    if figure.detects:
        return _of_detector(figure, outputs, targets, least)
    if card.task == "multilabel":
        return _of_labels(figure, outputs, targets, least)
    return _CLASSES[figure.metric](outputs, targets)


def counted(
    figure: Figure, outputs: Outputs, targets: Targets, least: Thresholds | None = None
) -> int | None:
    """Of how many examples a figure is a share, each of which counts or does not.

    See `value_of` for the arguments.

    Returns:
        None where it is something else than such a share.
    """
    if figure.metric == "accuracy":
        return len(targets)
    if figure.metric in {"precision", "precision_at_recall"} and figure.detects:
        counts = _counts(figure, outputs, targets, least)
        return None if counts is None else counts.hits + counts.false_alarms
    if figure.metric in {"recall", "recall_at_precision"} and figure.output is not None:
        if figure.detects:
            return positives(figure, targets)
        targets, outputs = targets[:, [figure.output]], outputs[:, [figure.output]]
    if figure.below is None and figure.above is None:
        return None
    shared = {"recall": targets, "precision": outputs}.get(figure.metric)
    return None if shared is None else int(in_range(figure, shared).sum())


def positives(figure: Figure, targets: Targets) -> int:
    """How many examples have what a detection looks for."""
    several = targets.ndim == 2
    there = targets[:, figure.output or 0] == 1 if several else targets == figure.output
    return int(there.sum())


def concerned(figure: Figure, targets: Targets) -> int:
    """How many examples a figure is of: those in its range, or all."""
    if figure.below is None and figure.above is None:
        return len(targets)
    chosen = targets if figure.output is None else targets[:, [figure.output]]
    return int(in_range(figure, chosen)[:, 0].sum())


def points_of(figure: Figure, outputs: NDArray[Any], targets: Targets) -> OperatingPoints | None:
    """What any threshold makes of a split; None where there is nothing to tell apart.

    Args:
        figure: A detection.
        outputs: [N, classes], int8 or real.
        targets: [N], or [N, labels] where each may be there.
    """
    label = figure.output
    if label is None:
        raise AssertionError("the contract names the label")
    several = targets.ndim == 2
    positive = targets[:, label] == 1 if several else targets == label
    if positive.all() or not positive.any():
        return None
    scores = outputs[:, label] if several else scores_of(outputs, label)
    return OperatingPoints.of(scores, positive)


def least_scores(
    detectors: Sequence[Figure], outputs: Outputs, targets: Targets
) -> Thresholds | None:
    """The thresholds that are the best for some detections, in the outputs' own scale.

    Returns:
        None where there is no detection, or the split has nothing to tell apart.
    """
    found = [(one, points_of(one, outputs, targets)) for one in detectors]
    known = [
        points.least_score(points.best(one.metric, one.parameter or 0.0))
        for one, points in found
        if points is not None
    ]
    return tuple(known) if known and len(known) == len(found) else None


def _of_labels(
    figure: Figure, outputs: Outputs, targets: Targets, least: Thresholds | None
) -> float | None:
    """The mean over the labels that the split has something to tell apart of."""
    each = [figure.model_copy(update={"output": at}) for at in range(targets.shape[1])]
    if figure.metric == "auc":
        found = [points_of(one, outputs, targets) for one in each]
        areas = [one.roc_area for one in found if one is not None]
        return float(np.mean(areas)) if areas else None
    scores = [one.model_copy(update={"metric": "f1"}) for one in each]
    values = [_of_detector(one, outputs, targets, least) for one in scores]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _of_detector(
    figure: Figure, outputs: Outputs, targets: Targets, least: Thresholds | None
) -> float | None:
    if figure.metric == "average_precision":
        points = points_of(figure, outputs, targets)
        return None if points is None else points.average_precision
    counts = _counts(figure, outputs, targets, least)
    return None if counts is None else value_at(figure, counts)


def _counts(
    figure: Figure, outputs: Outputs, targets: Targets, least: Thresholds | None
) -> Counts | None:
    """What the threshold makes of a split, or the best one for the figure."""
    points = points_of(figure, outputs, targets)
    if points is None:
        return None
    if least is None:
        return points.counts(points.best(figure.metric, figure.parameter or 0.0))
    at = least[figure.output or 0] if targets.ndim == 2 else least[0]
    return points.counts(points.at(at))


def _of_outputs(
    figure: Figure, outputs: Outputs, targets: NDArray[np.float64], card: DataCard
) -> float | None:
    if figure.output is not None:
        chosen = slice(figure.output, figure.output + 1)
        outputs, targets = outputs[:, chosen], targets[:, chosen]
    elif targets.shape[1] > 1 or figure.worst:
        scale = np.asarray(card.target_scale)
        outputs, targets = outputs / scale, targets / scale
    if METRICS[figure.metric].ranges_only:
        return _found_in_range(figure, outputs, targets)
    if figure.below is not None or figure.above is not None:
        inside = in_range(figure, targets)[:, 0]
        outputs, targets = outputs[inside], targets[inside]
    if not len(targets):
        return None
    if not figure.worst:
        return _error(figure, outputs, targets)
    each = [
        _error(figure, outputs[:, at : at + 1], targets[:, at : at + 1])
        for at in range(targets.shape[1])
    ]
    known = [one for one in each if one is not None]
    if len(known) < len(each):
        return None
    return max(known) if figure.direction == "minimize" else min(known)


def _error(figure: Figure, outputs: Outputs, targets: NDArray[np.float64]) -> float | None:
    if figure.metric == "quantile_error":
        if figure.parameter is None:
            raise AssertionError("the validator wants a quantile")
        return metrics.quantile_error(outputs, targets, figure.parameter)
    return _REGRESSION[figure.metric](outputs, targets)


def in_range(figure: Figure, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values lie in a figure's range."""
    inside = np.ones(values.shape, np.bool_)
    if figure.below is not None:
        inside &= values < figure.below
    if figure.above is not None:
        inside &= values >= figure.above
    return inside


def _found_in_range(figure: Figure, outputs: Outputs, targets: NDArray[np.float64]) -> float | None:
    """Of the examples in a range, or of what comes out in it, the share that is both."""
    there, told = in_range(figure, targets), in_range(figure, outputs)
    whole = there if figure.metric == "recall" else told
    if not there.any():
        return None
    # What never says so is never wrong, and never right either.
    return float((there & told).sum() / whole.sum()) if whole.any() else 0.0


def required(
    figures: Iterable[Figure],
    outputs: Outputs,
    targets: Targets,
    card: DataCard,
    split: str,
    *,
    least: Thresholds | None = None,
) -> dict[str, float]:
    """Figures by name, all of which must be defined; see `value_of` for the arguments.

    Raises:
        ToolError: One is not, on this split.
    """
    found = {}
    for figure in figures:
        value = value_of(figure, outputs, targets, card, least)
        if value is None:
            raise undefined(figure, split)
        found[figure.name] = value
    return found


def undefined(figure: Figure, split: str) -> ToolError:
    """That a split does not define a figure."""
    return ToolError(f"'{figure.name}' is not defined on the {split} split", hint=why(figure))


def why(figure: Figure) -> str:
    """What a split lacks that does not define a figure, and what to do about it."""
    if figure.below is not None or figure.above is not None:
        return "no target of that split lies in the range: split otherwise, or ask another range"
    if figure.metric == "r2":
        return "r2 needs targets that change, in every split"
    if figure.detects:
        return "every split needs examples that are to be detected, and others: split otherwise"
    return "auc needs examples of every class in every split: split otherwise"


def standard(card: DataCard) -> tuple[Figure, ...]:
    """The figures that are told of every model, asked or not, each output in its own unit."""
    names = [name for name, one in METRICS.items() if one.standard and card.task in one.tasks]
    if card.labels:
        return tuple(Figure(name=name, metric=name) for name in names)
    if len(card.outputs) == 1:
        return tuple(Figure(name=name, metric=name) for name in names)
    return tuple(
        Figure(name=f"{name}({output.name})", metric=name, output=at)
        for at, output in enumerate(card.outputs)
        for name in names
    )


def scores(outputs: Outputs, targets: Targets, card: DataCard) -> dict[str, float]:
    """The standard figures that these outputs have, by name."""
    found = {one.name: value_of(one, outputs, targets, card) for one in standard(card)}
    return {name: value for name, value in found.items() if value is not None}
