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
from mlforge_tasks.verdict import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import DataCard

    Outputs = NDArray[np.float64]
    Targets = NDArray[Any]

# Of outputs and targets, [N, outputs] each.
_REGRESSION: Mapping[str, Callable[[Any, Any], float | None]] = MappingProxyType(
    {"mse": metrics.mse, "mae": metrics.mae, "rmse": metrics.rmse, "r2": metrics.r2}
)
# Of outputs [N, classes] and labels [N].
_CLASSES: Mapping[str, Callable[[Any, Any], float]] = MappingProxyType(
    {"accuracy": metrics.accuracy, "auc": metrics.auc}
)


def value_of(figure: Figure, outputs: Outputs, targets: Targets, card: DataCard) -> float | None:
    """One figure; None where the split does not define it: no example in a range, one class alone.

    Args:
        figure: Which.
        outputs: [N, outputs] in original units, or [N, classes].
        targets: [N, outputs] in original units, or [N] labels.
        card: The data set's card.
    """
    if card.task == "regression":
        return _of_outputs(figure, outputs, targets.astype(np.float64), card)
    if METRICS[figure.metric].labels == 2 and len(np.unique(targets)) != 2:
        return None
    return _CLASSES[figure.metric](outputs, targets)


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
    figures: Iterable[Figure], outputs: Outputs, targets: Targets, card: DataCard, split: str
) -> dict[str, float]:
    """Figures by name, all of which must be defined.

    Raises:
        ToolError: One is not, on this split.
    """
    found = {}
    for figure in figures:
        value = value_of(figure, outputs, targets, card)
        if value is None:
            raise ToolError(
                f"'{figure.name}' is not defined on the {split} split", hint=_why(figure)
            )
        found[figure.name] = value
    return found


def _why(figure: Figure) -> str:
    if figure.below is not None or figure.above is not None:
        return "no target of that split lies in the range: split otherwise, or ask another range"
    if figure.metric == "r2":
        return "r2 needs targets that change, in every split"
    return "auc needs two classes, with examples of both in every split"


def standard(card: DataCard) -> tuple[Figure, ...]:
    """The figures that are told of every model, asked or not, each output in its own unit."""
    names = [name for name, one in METRICS.items() if one.standard and card.task in one.tasks]
    if card.task == "classification":
        known = (name for name in names if METRICS[name].labels in (None, card.output_count))
        return tuple(Figure(name=name, metric=name) for name in known)
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
