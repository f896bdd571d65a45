"""Widens the range of a quantised model's output, so that it can say what its targets are.

Calibration sees what the network gives for a few hundred examples. What lies beyond ends on the
rail, and a network that is asked for the rarest values has no number for them. A dense layer works
with whatever scale its output has (it is part of the multiplier that the kernel is given), so that
range is edited in the file.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mlforge_tasks.int8 import INT8_MAX, INT8_MIN, INT16_MAX
from mlforge_tasks.tflite_file.flatbuffer import Table
from mlforge_tasks.tflite_file.model import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.contract.data_card import DataCard

# Slots of the schema: https://github.com/google-ai-edge/LiteRT, schema.fbs
_SUBGRAPHS, _TENSORS, _QUANTISATION, _SCALES, _ZERO_POINTS = 2, 0, 4, 2, 3
_ACTIVATION = 0


def of_targets(card: DataCard, some: Sequence[int] | None = None) -> tuple[float, float]:
    """The least and the most that a network should give: the training targets', normalised.

    Args:
        card: The data set's.
        some: Which of its outputs; None for all.
    """
    every = list(zip(card.outputs, card.target_mean, card.target_scale, strict=True))
    parts = every if some is None else [every[at] for at in some]
    return (
        min((one.minimum - mean) / scale for one, mean, scale in parts),
        max((one.maximum - mean) / scale for one, mean, scale in parts),
    )


def widened(content: bytes, low: float, high: float, *, at: int = 0) -> bytes:
    """A model of which an output reaches from `low` to `high` at least.

    Args:
        content: The file.
        low: Real value that the output should be able to say.
        high: Likewise.
        at: Which of its outputs, in the file's order.

    Returns:
        The file as it is where its output reaches as far already, or does not come out of a dense
        layer without an activation.
    """
    graph = read(content).main
    output = graph.outputs[at]
    tensor = graph.tensors[output]
    makers = [one for one in graph.operators if output in one.outputs]
    readers = [one for one in graph.operators if output in one.inputs]
    if [one.op for one in makers] != ["FULLY_CONNECTED"] or readers:
        return content
    if makers[0].options is not None and makers[0].options.integer(_ACTIVATION, "b"):
        return content
    (scale,), (zero_point,) = tensor.scales, tensor.zero_points
    if tensor.dtype == "int16":
        most = max(abs(low), abs(high)) / INT16_MAX
        return content if most <= scale else _edited(content, output, most, 0)
    now = ((INT8_MIN - zero_point) * scale, (INT8_MAX - zero_point) * scale)
    ends = (min(now[0], low, 0.0), max(now[1], high, 0.0))
    if ends == now:
        return content
    wider = (ends[1] - ends[0]) / (INT8_MAX - INT8_MIN)
    zero = min(max(round(INT8_MIN - ends[0] / wider), INT8_MIN), INT8_MAX)
    return _edited(content, output, wider, zero)


def _edited(content: bytes, output: int, scale: float, zero_point: int) -> bytes:
    """The file with another scale and zero point of one tensor."""
    table = Table.root(content).tables(_SUBGRAPHS)[0].tables(_TENSORS)[output]
    known = table.table(_QUANTISATION)
    if known is None:
        raise AssertionError("a tensor with a scale has this table")
    edited = bytearray(content)
    struct.pack_into("<f", edited, known.place_of(_SCALES, 4)[0], scale)
    struct.pack_into("<q", edited, known.place_of(_ZERO_POINTS, 8)[0], zero_point)
    return bytes(edited)
