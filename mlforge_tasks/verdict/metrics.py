"""The figures a contract may set as its goal, computed with numpy alone.

Regression metrics are in the target's original unit, so a float network, an int8 network and a
device are compared on the same scale.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.errors import ToolError
from mlforge_tasks.int8 import dequantise
from mlforge_tasks.verdict.direction import TASK_METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import DataCard
    from mlforge_tasks.contract.dataset import Task
    from mlforge_tasks.quantisation import Quantisation

    Values = NDArray[np.number[Any]]
    Labels = NDArray[np.integer[Any]]


def mse(outputs: Values, targets: Values) -> float:
    """Mean squared error over all examples and outputs.

    Args:
        outputs: [N, outputs] in original units.
        targets: The same shape.
    """
    return float(np.mean(np.square(_difference(outputs, targets))))


def mae(outputs: Values, targets: Values) -> float:
    """Mean absolute error over all examples and outputs; see `mse` for the arguments."""
    return float(np.mean(np.abs(_difference(outputs, targets))))


def _difference(outputs: Values, targets: Values) -> NDArray[np.float64]:
    if outputs.shape != targets.shape:
        raise ValueError(f"found outputs {outputs.shape} for targets {targets.shape}")
    return outputs.astype(np.float64) - targets.astype(np.float64)


def accuracy(outputs: Values, labels: Labels) -> float:
    """Share of examples whose largest output is the right class.

    Of several largest outputs (int8 probabilities are coarse) the first counts, as in the firmware.

    Args:
        outputs: [N, classes], probabilities or anything that grows with them.
        labels: [N].
    """
    return float(np.mean(np.argmax(outputs, axis=1) == labels))


def auc(outputs: Values, labels: Labels) -> float:
    """Area under the ROC curve: how likely class 1 scores above class 0, ties counting half.

    Mann-Whitney U over mean ranks: (R1 - n1 (n1 + 1) / 2) / (n0 n1).

    Args:
        outputs: [N, 2]; the score is the second output minus the first.
        labels: [N], 0 or 1.

    Raises:
        ValueError: There are not two classes, or the labels hold only one of them.
    """
    if outputs.ndim != 2 or outputs.shape[1] != 2:
        raise ValueError(f"auc is for two classes, found outputs {outputs.shape}")
    positive = labels == 1
    ones = int(np.count_nonzero(positive))
    zeros = len(labels) - ones
    if not ones or not zeros:
        raise ValueError("auc needs examples of both classes, and one has none")
    scores = outputs[:, 1].astype(np.float64) - outputs[:, 0].astype(np.float64)
    _, group, count = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(count) - (count - 1) / 2
    rank_sum = float(np.sum(mean_rank[group[positive]]))
    return (rank_sum - ones * (ones + 1) / 2) / (ones * zeros)


METRICS: Mapping[str, Callable[[Any, Any], float]] = MappingProxyType(
    {"mse": mse, "mae": mae, "accuracy": accuracy, "auc": auc}
)


def scores(task: Task, outputs: Values, targets: NDArray[Any]) -> dict[str, float]:
    """All metrics of a task that these outputs have.

    `auc` is left out for other than two classes, and where the labels hold only one.

    Args:
        task: Regression or classification.
        outputs: [N, outputs] in original units, or [N, classes].
        targets: [N, outputs] in original units, or [N] labels.
    """
    names = list(TASK_METRICS[task])
    if task == "classification" and (outputs.shape[1] != 2 or len(np.unique(targets)) != 2):
        names.remove("auc")
    return {name: METRICS[name](outputs, targets) for name in names}


def require(found: Mapping[str, float], metric: str, split: str) -> float:
    """One metric out of what `scores` gave.

    Raises:
        ToolError: The metric is not defined on this split.
    """
    if metric not in found:
        raise ToolError(
            f"'{metric}' is not defined on the {split} split",
            hint="auc needs two classes, with examples of both in every split",
        )
    return found[metric]


def denormalise(outputs: Values, card: DataCard) -> NDArray[np.float64]:
    """A network's outputs in original units; class probabilities stay as they are.

    Args:
        outputs: [N, output_count].
        card: The data set's card.
    """
    real: NDArray[np.float64] = outputs.astype(np.float64)
    if card.task == "regression":
        real = real * np.asarray(card.target_scale) + np.asarray(card.target_mean)
    return real


def to_outputs(
    raw: NDArray[np.int8], quantisation: Quantisation, card: DataCard
) -> NDArray[np.float64]:
    """What a device's outputs mean: original units, or class probabilities.

    Args:
        raw: int8 [N, output_count].
        quantisation: The model's.
        card: The data set's card.
    """
    return denormalise(dequantise(raw, quantisation.output), card)
