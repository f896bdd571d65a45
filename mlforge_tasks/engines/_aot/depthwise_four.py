"""Lowers DEPTHWISE_CONV_2D to the DSP kernel that takes four channels at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.program import Call, Constant, Data, Parameters, Scratch, Step
from mlforge_tasks.engines._aot.weighted import fused_clamp, parts, requant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Value
    from mlforge_tasks.engines._aot.weighted import Requant
    from mlforge_tasks.engines._aot.window import Axis

_CHANNELS = 4
_CHANNEL_BYTES, _TAP_BYTES = 16, 12
_TAPS = 3
_LEAST_ROOM_BYTES = 512
_MOST_PLACE = 0x7FFF
# Instructions for four channels: three taps of an output, an output, a tap's weights, all that is
# made ready, a copied line and a pixel of it.
_THREE_TAPS, _OUTPUT, _TAP, _BLOCK, _LINE, _PIXEL = 29, 50, 11, 200, 40, 4


@dataclass(frozen=True)
class Words:
    """Four channels of every pixel, where windows find them.

    Attributes:
        across: From line to line.
        along: Along a line.
        turned: Whether lines are the image's columns.
        channels: Of input and output.
    """

    across: Axis
    along: Axis
    turned: bool
    channels: int

    @property
    def is_input(self) -> bool:
        """Whether they are read where they lie in the input: no border, whole words."""
        return self.channels % _CHANNELS == 0 and self.across.inside and self.along.inside

    @property
    def pixel_bytes(self) -> int:
        return self.channels if self.is_input else _CHANNELS

    @property
    def line_bytes(self) -> int:
        """Of a line of words; of the input's where that is read."""
        if self.is_input:
            return self.along.input * self.pixel_bytes
        return max(self.along.reach, self.along.before + self.along.input) * self.pixel_bytes

    def copied_bytes(self, band: int) -> int:
        """Of the lines that so many lines of output read."""
        return ((band - 1) * self.across.stride + self.across.span) * self.line_bytes

    @property
    def band(self) -> int:
        """Lines of output at a time: all, or few enough for the room that one channel takes."""
        if self.is_input:
            return 0
        room = max(self.across.reach * self.line_bytes // _CHANNELS, _LEAST_ROOM_BYTES)
        output = self.across.output
        fits = (n for n in range(1, output) if self.copied_bytes(-(-output // n)) <= room)
        return -(-output // next(fits, output))

    @property
    def in_place(self) -> bool:
        """Whether what is overwritten has been read."""
        across, along = self.across, self.along
        if self.is_input:
            return True
        for first in range(0, across.output, self.band):
            end = min(first + self.band, across.output)
            copied = (end - 1) * across.stride - across.before + across.span
            if copied < across.input and end * along.output > copied * along.input:
                return False
        return across.output * along.output <= across.input * along.input

    @property
    def places(self) -> NDArray[np.int64]:
        """From a window's first pixel to its taps."""
        lines = np.arange(self.across.kernel) * self.across.dilation * self.line_bytes
        pixels = np.arange(self.along.kernel) * self.along.dilation * self.pixel_bytes
        places: NDArray[np.int64] = (lines[:, None] + pixels).ravel()
        return places

    @property
    def table_bytes(self) -> int:
        """Of scratch memory before the copied words: what four channels want."""
        threes = -(-self.across.kernel * self.along.kernel // _TAPS)
        return _CHANNELS * _CHANNEL_BYTES + threes * _TAPS * _TAP_BYTES

    @property
    def weight_bytes(self) -> int:
        """With zeros where four channels are not full."""
        fours = -(-self.channels // _CHANNELS)
        return fours * _CHANNELS * self.across.kernel * self.along.kernel

    @property
    def scratch_bytes(self) -> int:
        return self.table_bytes + (self.copied_bytes(self.band) if self.band else 0)

    @property
    def cost(self) -> int:
        """About how many instructions all channels take, measured in QEMU on Cortex-M4."""
        threes = -(-self.across.kernel * self.along.kernel // _TAPS)
        outputs = self.across.output * self.along.output
        made = outputs * (_THREE_TAPS * threes + _OUTPUT) + _TAP * threes * _TAPS + _BLOCK
        if self.band:
            made += self.across.input * (_LINE + _PIXEL * self.along.input)
        return -(-self.channels // _CHANNELS) * made

    @property
    def members(self) -> dict[str, Value]:
        """What of an `aot_depthwise_four_t` the plane decides."""
        across, along = self.across, self.along
        return {
            "taps": across.kernel * along.kernel,
            "channels": self.channels,
            "input": (across.input, along.input),
            "output": (across.output, along.output),
            "step": (across.stride * self.line_bytes, along.stride * self.pixel_bytes),
            "band": self.band,
            "stride": across.stride,
            "span": across.span,
            "line": self.line_bytes,
            "first": along.before * self.pixel_bytes,
            "pad": across.before,
        }


def words_of(height: Axis, width: Axis, channels: int) -> Words | None:
    """How a layer's words lie; None where that kernel does not reach them all."""
    turned = width.input == width.output == 1  # lines are what the kernel's inner loop goes along
    across, along = (width, height) if turned else (height, width)
    words = Words(across, along, turned, channels)
    return words if words.places.max() <= _MOST_PLACE else None


def _weights(operator: Operator, taps: NDArray[np.int64]) -> Constant:
    """Weights [output channel, tap] for flash, with zeros where four channels are not full."""
    padded = np.pad(taps, ((0, -len(taps) % _CHANNELS), (0, 0)))
    fours = padded.reshape(-1, _CHANNELS, taps.shape[1]).transpose(0, 2, 1)
    values = fours.ravel().astype(np.int8)
    name = f"{operator.name}_weights"
    return Constant(name, "int8_t", values, "[channel / 4][tap][4]", alignment_bytes=4)


def _step(
    operator: Operator, graph: Graph, words: Words, taps: NDArray[np.int64], records: Requant
) -> Step:
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    places = Constant(f"{operator.name}_places", "int16_t", words.places.astype(np.int16))
    weights = _weights(operator, taps)
    members: dict[str, Value] = {
        "weights": weights.name,
        **records.members,
        "places": places.name,
        **words.members,
        "input_zero_point": source.zero_point,
        "output_zero_point": output.zero_point,
    }
    operands = (Data(operator.inputs[0]), Data(operator.output))
    arguments = (f"&{operator.name}", *operands, Scratch(), words.table_bytes)
    call = Call("aot_depthwise_four_s8.h", "aot_depthwise_four_s8", arguments)
    return Step(
        calls=(call, *fused_clamp(operator, output)),
        constants=(weights, *records.constants, places),
        parameters=Parameters(operator.name, "aot_depthwise_four_t", members),
        scratch_bytes=words.scratch_bytes,
        overwrites=operator.inputs[0] if words.in_place else None,
        macs=words.across.output * words.along.output * taps.size,
    )


def convolution(
    operator: Operator, graph: Graph, filters: NDArray[np.int64], words: Words
) -> Step | None:
    """A step of that kernel; None where the layer's requantisation is not fast.

    Args:
        operator: A DEPTHWISE_CONV_2D.
        graph: Its graph.
        filters: Weights [output channel, height, width].
        words: How its words lie.
    """
    _, _, bias = parts(operator, graph)
    if words.turned:
        filters = filters.transpose(0, 2, 1)
    taps = filters.reshape(len(filters), -1)
    records = requant(operator, graph, taps, bias)
    if not records.is_fast:
        return None
    return _step(operator, graph, words, taps, records)
