"""What a delivered library tests itself with: examples, and what the reference makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.int8 import given, judged, steps_of
from mlforge_tasks.library.facts import Golden
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
    example, chosen.inputs[0] = _first(chosen)
    given_to_it = chosen.given()
    outputs, why_not = int8_outputs(tflite, quantisation, given_to_it)
    flat = outputs.reshape(len(outputs), -1)
    scores: NDArray[Any] = np.empty(0, np.int64)
    decided_from: NDArray[Any] = judged(flat, quantisation.output)
    if chosen.card.task == "anomaly":
        scores = reconstruction_scores(given_to_it, flat, quantisation)
        decided_from = of_scores(scores)
    decided = [] if decision is None else decisions(decision, decided_from).tolist()
    return Golden(
        inputs=chosen.inputs.reshape(len(outputs), -1).tolist(),
        outputs=flat.tolist(),
        scores=scores.tolist(),
        decisions=decided,
        example=example.ravel().tolist(),
        anew=[] if chosen.anew is None else chosen.anew.astype(int).tolist(),
        value=_told(flat[:1], quantisation, chosen.card).tolist(),
        computed_by=REFERENCE if not why_not else "the engine on the host",
    )


def _first(golden: GoldenVectors) -> tuple[NDArray[np.float32], NDArray[Quantised]]:
    """The first example in the sensor's units, and what a device makes of that.

    Nearly always the same as of the example itself, whose readings were rounded otherwise.
    """
    card = golden.card
    mean, scale = _float32(card.input_mean), _float32(card.input_scale)
    raw = (golden.examples[:1] * scale + mean).astype(np.float32)
    normalised = np.asarray((raw - mean) / scale, np.float32)
    return raw[0], given(Windows.each(normalised), golden.quantisation.input)[:][0]


def _float32(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def _told(
    output: NDArray[Quantised], quantisation: Quantisation, card: DataCard
) -> NDArray[np.float32]:
    """What the library tells of an output as floats, each step in float32 as it has them."""
    if card.task == "anomaly":
        return _float32(())
    scales, zero_points = steps_of(quantisation.output)
    steps = (judged(output, quantisation.output)[0] - zero_points).astype(np.float32)
    real: NDArray[np.float32] = steps * _float32(scales)
    if card.task == "regression":
        real = real * _float32(card.target_scale) + _float32(card.target_mean)
    return real
