"""How far a reconstruction is from its input: what a model of what is normal tells by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.quantisation import score_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    inputs: Windows, outputs: NDArray[np.int8], quantisation: Quantisation
) -> NDArray[np.int64]:
    """How far each reconstruction is from its input, as `model_score` of `model_data.h` has it.

    Args:
        inputs: N, int8, as the device gets them.
        outputs: [N, ...], as many elements each, in the same order.
        quantisation: The model's.

    Returns:
        [N]; times `ScoreWeights.unit` the mean squared error in normalised units.
    """
    weights, at = score_weights(quantisation), 0
    half = 1 << (weights.shift - 1)
    found = []
    for batch in inputs.batches():
        given = _steps(batch, quantisation.input, weights.input)
        back = _steps(outputs[at : at + len(batch)], quantisation.output, weights.output)
        distances = (np.abs(given - back) + half) >> weights.shift
        found.append(np.square(distances).sum(axis=1))
        at += len(batch)
    return np.concatenate(found)


def _steps(values: NDArray[np.int8], tensor: TensorQuantisation, weight: int) -> NDArray[np.int64]:
    steps: NDArray[np.int64] = values.reshape(len(values), -1).astype(np.int64) - tensor.zero_point
    return steps * weight


def of_scores(scores: NDArray[np.number[Any]]) -> NDArray[np.float64]:
    """Scores as outputs of two classes: [N, 2], of which the second leads by the score."""
    return np.stack((np.zeros(len(scores)), scores), axis=1)
