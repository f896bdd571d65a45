"""Metrics of a model's outputs, computed with numpy alone; `figures` tells which of what.

Regression metrics are in the unit of what they are given, so a float network, an int8 network and
a device are compared on the same scale.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.int8 import dequantise
from mlforge_tasks.verdict.detection import OperatingPoints, scores_of
from mlforge_tasks.verdict.reconstruction import of_scores, reconstruction_scores, squared_errors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import DataCard
    from mlforge_tasks.int8 import Quantised
    from mlforge_tasks.quantisation import Quantisation
    from mlforge_tasks.windows import Windows

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


def rmse(outputs: Values, targets: Values) -> float:
    """Root of the mean squared error; see `mse` for the arguments."""
    return math.sqrt(mse(outputs, targets))


def quantile_error(outputs: Values, targets: Values, share: float) -> float:
    """The absolute error that a share of the examples and outputs stays within.

    The smallest error that is there and is enough (no interpolation), so that the share holds.

    Args:
        outputs: [N, outputs] in original units.
        targets: The same shape.
        share: From 0 to 1.
    """
    errors = np.abs(_difference(outputs, targets))
    return float(np.quantile(errors, share, method="inverted_cdf"))


def r2(outputs: Values, targets: Values) -> float | None:
    """Coefficient of determination: 1 less the squared error over the targets' variance.

    Returns:
        The mean over the outputs; None where the targets of one never change.
    """
    squared = np.square(_difference(outputs, targets)).sum(axis=0)
    real = targets.astype(np.float64)
    spread = np.square(real - real.mean(axis=0)).sum(axis=0)
    return None if not spread.all() else float(np.mean(1.0 - squared / spread))


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


def auc(outputs: Values, labels: Labels) -> float | None:
    """Area under the ROC curve: how likely a class scores above the others, ties counting half.

    Of more than two classes the mean over each class against all others.

    Args:
        outputs: [N, classes]; of two, the score is the second output minus the first.
        labels: [N].

    Returns:
        None where a class has no example.
    """
    classes = outputs.shape[1]
    if len(np.unique(labels)) < classes:
        return None
    if classes == 2:
        return OperatingPoints.of(scores_of(outputs, 1), labels == 1).roc_area
    points = (OperatingPoints.of(outputs[:, at], labels == at) for at in range(classes))
    return float(np.mean([one.roc_area for one in points]))


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


def of_network(
    outputs: NDArray[np.float32], inputs: Windows, card: DataCard
) -> NDArray[np.float64]:
    """What a float network is judged by; see `of_device`.

    Args:
        outputs: [N, output_count].
        inputs: N of `input_shape`, normalised.
        card: The data set's card.
    """
    if card.task == "anomaly":
        return of_scores(squared_errors(outputs, inputs))
    return denormalise(outputs, card)


def to_outputs(
    raw: NDArray[Quantised], quantisation: Quantisation, card: DataCard
) -> NDArray[np.float64]:
    """What a device's outputs mean: original units, or class probabilities.

    Args:
        raw: int8 or int16 [N, output_count].
        quantisation: The model's.
        card: The data set's card.
    """
    return denormalise(dequantise(raw, quantisation.output), card)


def of_device(
    raw: NDArray[Quantised], inputs: Windows, quantisation: Quantisation, card: DataCard
) -> NDArray[np.float64]:
    """What a device is judged by: `to_outputs`, or for anomaly its score.

    Args:
        raw: int8 or int16 [N, output_count].
        inputs: What it was given, N of `input_shape`, int8.
        quantisation: The model's.
        card: The data set's card.

    Returns:
        [N, output_count]; for anomaly [N, 2], of which the second is the score.
    """
    if card.task == "anomaly":
        return of_scores(reconstruction_scores(inputs, raw, quantisation))
    return to_outputs(raw, quantisation, card)
