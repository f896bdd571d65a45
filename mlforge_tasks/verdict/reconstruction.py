"""How far a reconstruction is from its input: what a model of what is normal tells by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.quantisation import alone, score_weights
from mlforge_tasks.windows import BATCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.int8 import Quantised
    from mlforge_tasks.quantisation import Quantisation, TensorQuantisation
    from mlforge_tasks.windows import Windows


def squared_errors(outputs: NDArray[np.float32], inputs: Windows) -> NDArray[np.float64]:
    """How far each reconstruction is from its input, as the mean of the squares: [N].

    Args:
        outputs: [N, elements].
        inputs: N inputs of as many elements.
    """
    found, at = [], 0
    for batch in inputs.batches():
        off = outputs[at : at + len(batch)].astype(np.float64) - batch.reshape(len(batch), -1)
        found.append(np.square(off).mean(axis=1))
        at += len(batch)
    return np.concatenate(found)


def reconstruction_scores(
    inputs: Windows, outputs: NDArray[Quantised], quantisation: Quantisation
) -> NDArray[np.int64]:
    """How far each reconstruction is from its input, as `model_score` of `model_data.h` has it.

    Of a model with centroids: how far each output, which is its input, is from the nearest.

    Args:
        inputs: N, int8, as the device gets them.
        outputs: [N, ...], as many elements each, in the same order.
        quantisation: The model's.

    Returns:
        [N]; times `score_unit` the mean squared error in normalised units.
    """
    if quantisation.centroids:
        return _distances(outputs, np.array(quantisation.centroids, np.int8))
    weights, at = score_weights(quantisation), 0
    half = 1 << (weights.shift - 1)
    found = []
    for batch in inputs.batches():
        given = _steps(batch, alone(quantisation.input), weights.input)
        back = _steps(outputs[at : at + len(batch)], alone(quantisation.output), weights.output)
        distances = (np.abs(given - back) + half) >> weights.shift
        found.append(np.square(distances).sum(axis=1))
        at += len(batch)
    return np.concatenate(found)


def _distances(outputs: NDArray[Quantised], centroids: NDArray[np.int8]) -> NDArray[np.int64]:
    """The squared distance of each output from the nearest centroid, in steps of the output: [N].

    In doubles, which hold all of these whole numbers, by |y - c|^2 = |y|^2 - 2 yc + |c|^2.
    """
    wide, found = centroids.astype(np.float64), []
    for at in range(0, len(outputs), BATCH):
        flat = outputs[at : at + BATCH].reshape(-1, wide.shape[1]).astype(np.float64)
        least = (np.square(wide).sum(axis=1) - 2.0 * (flat @ wide.T)).min(axis=1)
        found.append((np.square(flat).sum(axis=1) + least).astype(np.int64))
    return np.concatenate(found)


def _steps(
    values: NDArray[Quantised], tensor: TensorQuantisation, weight: int
) -> NDArray[np.int64]:
    steps: NDArray[np.int64] = values.reshape(len(values), -1).astype(np.int64) - tensor.zero_point
    return steps * weight


def of_scores(scores: NDArray[np.number[Any]]) -> NDArray[np.float64]:
    """Scores as outputs of two classes: [N, 2], of which the second leads by the score."""
    return np.stack((np.zeros(len(scores)), scores), axis=1)
