"""What a delivered library tests itself with: examples, and what the reference makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.int8 import quantise
from mlforge_tasks.library.facts import Golden
from mlforge_tasks.quantisation import alone
from mlforge_tasks.stages._golden import GOLDEN_COUNT, LEAST_COUNT, GoldenVectors
from mlforge_tasks.stages._int8_metrics import int8_outputs
from mlforge_tasks.verdict.detection import decisions
from mlforge_tasks.verdict.reconstruction import of_scores, reconstruction_scores
from mlforge_tasks.windows import Windows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import DataCard
    from mlforge_tasks.int8 import Quantised
    from mlforge_tasks.quantisation import Quantisation
    from mlforge_tasks.verdict.decision import Decision

# What the examples may take of a flash that holds the self-test.
MOST_BYTES = 16 << 10
REFERENCE = "TensorFlow Lite Micro"
# How far from the middle of its step a reading lies, in turn, so that rounding is tested too.
_ASIDE = 0.45


def examples(
    tflite: bytes, quantisation: Quantisation, dataset: Path, decision: Decision | None
) -> Golden:
    """Examples of the test split, as many as a small flash holds.

    Args:
        tflite: The model.
        quantisation: Its scales and shapes.
        dataset: The prepared data set.
        decision: What is decided from its outputs.
    """
    each = quantisation.input.bytes + quantisation.output.bytes
    count = min(GOLDEN_COUNT, max(LEAST_COUNT, MOST_BYTES // each))
    chosen = GoldenVectors.choose(dataset, quantisation, decision, count=count)
    inputs = _features_last(chosen.inputs, quantisation, chosen.card)
    example = readings(inputs[0], quantisation, chosen.card)
    inputs[0] = _quantised(example, quantisation, chosen.card)  # nearly always what it was
    given = Windows.each(_as_given(inputs, quantisation))
    outputs, why_not = int8_outputs(tflite, quantisation, given)
    flat = outputs.reshape(len(outputs), -1)
    scores: NDArray[Any] = np.empty(0, np.int64)
    judged: NDArray[Any] = flat
    if chosen.card.task == "anomaly":
        scores = reconstruction_scores(given, flat, quantisation)
        judged = of_scores(scores)
    decided = [] if decision is None else decisions(decision, judged).tolist()
    return Golden(
        inputs=inputs.reshape(len(outputs), -1).tolist(),
        outputs=flat.tolist(),
        scores=scores.tolist(),
        decisions=decided,
        example=example.ravel().tolist(),
        value=_told(flat[0], quantisation, chosen.card).tolist(),
        computed_by=REFERENCE if not why_not else "the engine on the host",
    )


def _features_last(
    inputs: NDArray[Quantised], model: Quantisation, card: DataCard
) -> NDArray[Quantised]:
    """A model's inputs, [N, ...], in the order and shape that the data set has them in."""
    shape = card.input_shape
    if not alone(model.input).channels_first:
        return inputs.reshape(len(inputs), *shape)
    return np.moveaxis(inputs.reshape(len(inputs), shape[-1], *shape[:-1]), 1, -1).copy()


def _as_given(inputs: NDArray[Quantised], model: Quantisation) -> NDArray[Quantised]:
    """The same as the model takes them."""
    ordered = np.moveaxis(inputs, -1, 1) if alone(model.input).channels_first else inputs
    return ordered.reshape(len(inputs), *model.input.shape)


def readings(
    steps: NDArray[Quantised], quantisation: Quantisation, card: DataCard
) -> NDArray[np.float32]:
    """Readings in the sensor's units that a device quantises to these steps.

    Args:
        steps: An input of the model.
        quantisation: The model's.
        card: The data set's.
    """
    middle = steps.astype(np.float64) - alone(quantisation.input).zero_point
    odd = np.arange(steps.size).reshape(steps.shape) % 2
    step = alone(quantisation.input).scale * np.asarray(card.input_scale)
    near, plain = (
        (each * step + np.asarray(card.input_mean)).astype(np.float32)
        for each in (middle + _ASIDE * (2 * odd - 1), middle)
    )
    right = _quantised(near, quantisation, card) == steps  # or else float32 is too coarse for that
    found: NDArray[np.float32] = np.where(right, near, plain)
    return found


def _quantised(
    raw: NDArray[np.float32], quantisation: Quantisation, card: DataCard
) -> NDArray[Quantised]:
    """Readings as a device quantises them."""
    normalised = (raw - _float32(card.input_mean)) / _float32(card.input_scale)
    return quantise(normalised, quantisation.input)


def _float32(values: Sequence[float]) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def _told(
    output: NDArray[Quantised], quantisation: Quantisation, card: DataCard
) -> NDArray[np.float32]:
    """What the library tells of an output as floats, each step in float32 as it has them."""
    end = alone(quantisation.output)
    if card.task == "anomaly":
        return _float32(())
    steps = (output.astype(np.int32) - end.zero_point).astype(np.float32)
    real: NDArray[np.float32] = steps * np.float32(end.scale)
    if card.task == "regression":
        real = real * _float32(card.target_scale) + _float32(card.target_mean)
    return real
