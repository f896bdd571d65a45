"""Lowers CONV_2D to the MVE kernels that read windows from a ring of input rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.program import Call, Constant, Data, Parameters, Scratch, Step
from mlforge_tasks.engines._aot.weighted import (
    fused_clamp,
    parts,
    requant,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Value
    from mlforge_tasks.engines._aot.window import Axis

_VECTOR = 16
_OUTPUTS = 8
# Outputs are reached by 16-bit offsets, seven pixels ahead.
_MOST_CHANNELS = 65535 // 7


@dataclass(frozen=True)
class Segments:
    """How a kernel row is cut into segments, which are neighbours in a stream.

    Attributes:
        kernel: The function that takes them.
        taps: Columns of the kernel in the order in which the kernel reads their weights; one that
            is beyond the kernel has zeros.
        starts: First column of each segment.
    """

    kernel: str
    taps: tuple[int, ...]
    starts: tuple[int, ...]


def _segments(width: Axis) -> Segments | None:
    """None where no kernel takes so wide a window."""
    if width.stride == 1 and width.kernel > 1:
        beyond = -(-width.kernel // 3) * 3
        columns = tuple(range(beyond))
        return Segments("aot_conv_rows_three_s8", columns, columns[::3])
    if (width.stride, width.kernel) == (2, 3):
        return Segments("aot_conv_rows_two_one_s8", (0, 2, 1), (0, 1))
    return None


@dataclass(frozen=True)
class Rows:
    """The ring of rows.

    Attributes:
        height: From row to row.
        width: Along a row.
        channels: Of the input.
        channels_out: Of the output.
        segments: Of a kernel row.
    """

    height: Axis
    width: Axis
    channels: int
    channels_out: int
    segments: Segments

    @property
    def vectors(self) -> int:
        """Sixteens of input channels."""
        return -(-self.channels // _VECTOR)

    @property
    def streams(self) -> int:
        return self.width.stride

    @property
    def stream_bytes(self) -> int:
        last = (len(self.segments.taps) - 1) // self.width.stride
        return (self.width.output + last) * _VECTOR

    @property
    def row_bytes(self) -> int:
        return self.vectors * self.streams * self.stream_bytes

    @property
    def places(self) -> NDArray[np.int32]:
        """Where in a row segments start."""
        stride = self.width.stride
        places = [
            (vector * self.streams + start % stride) * self.stream_bytes + start // stride * _VECTOR
            for vector in range(self.vectors)
            for start in self.segments.starts
        ]
        return np.array(places, np.int32)

    @property
    def ring_bytes(self) -> int:
        """As many rows as the kernel has."""
        return self.height.kernel * self.row_bytes

    @property
    def channel_bytes(self) -> int:
        """Of an output channel's weights."""
        return self.height.kernel * self.vectors * _VECTOR * len(self.segments.taps)

    @property
    def weight_bytes(self) -> int:
        return self.channels_out * self.channel_bytes

    @property
    def scratch_bytes(self) -> int:
        """The ring, and a table of places."""
        return self.ring_bytes + 4 * self.height.kernel * len(self.places)

    @property
    def in_place(self) -> bool:
        """Whether every output row only overwrites input rows that are in the ring by then."""
        read = self.channels * self.width.input
        for row in range(self.height.output):
            ringed = row * self.height.stride + self.height.kernel - self.height.before
            written = (row + 1) * self.width.output * self.channels_out
            if ringed < self.height.input and written > ringed * read:
                return False
        return True

    def weights(self, operator: Operator, kernels: NDArray[np.int64]) -> Constant:
        """Weights [channel, row, column, input channel] as the kernel reads them."""
        beyond = len(self.segments.taps) - self.width.kernel
        more = self.vectors * _VECTOR - self.channels
        padded = np.pad(kernels, ((0, 0), (0, 0), (0, beyond), (0, more)))
        ordered = padded[:, :, list(self.segments.taps)]
        split = ordered.reshape(*ordered.shape[:3], self.vectors, _VECTOR)
        return Constant(
            f"{operator.name}_weights",
            "int8_t",
            split.transpose(0, 1, 3, 2, 4).ravel().astype(np.int8),
            "[channel][kernel row][16 input channels][tap][16]",
            alignment_bytes=4,
        )

    @property
    def members(self) -> dict[str, Value]:
        """What of an `aot_conv_rows_t` the ring decides."""
        height, width = self.height, self.width
        return {
            "segments": len(self.places),
            "channels": self.channels_out,
            "channel_bytes": self.channel_bytes,
            "input_height": height.input,
            "input_width": width.input,
            "input_channels": self.channels,
            "output_height": height.output,
            "output_width": width.output,
            "kernel_height": height.kernel,
            "stride_height": height.stride,
            "stride_width": width.stride,
            "pad_top": height.before,
            "pad_left": width.before,
            "streams": self.streams,
            "stream_bytes": self.stream_bytes,
            "row_bytes": self.row_bytes,
        }


def worth_it(height: Axis, width: Axis, channels: int, channels_out: int) -> bool:
    """Whether the kernels take a layer, and do better than packing its windows."""
    plain = height.dilation == width.dilation == 1
    wide = width.output >= _OUTPUTS and channels_out <= _MOST_CHANNELS
    full = channels % _VECTOR == 0 or channels % _VECTOR >= _VECTOR * 3 // 4
    return plain and wide and full


def rows_of(height: Axis, width: Axis, channels: int, channels_out: int) -> Rows | None:
    """The ring of a layer; None where the kernels do not take the layer, or are not worth it."""
    segments = _segments(width)
    if segments is None or not worth_it(height, width, channels, channels_out):
        return None
    return Rows(height, width, channels, channels_out, segments)


def convolution(
    operator: Operator, graph: Graph, kernels: NDArray[np.int64], axes: tuple[Axis, Axis]
) -> Step | None:
    """A step of these kernels, None where they are not for the layer.

    Args:
        operator: A CONV_2D.
        graph: Its graph.
        kernels: Weights [output channel, height, width, input channel].
        axes: Height and width.
    """
    source, _, bias = parts(operator, graph)
    rows = rows_of(*axes, source.shape[3], len(kernels))
    if rows is None:
        return None
    records = requant(operator, graph, kernels.reshape(len(kernels), -1), bias)
    if not records.is_fast:
        return None
    weights = rows.weights(operator, kernels)
    places = Constant(f"{operator.name}_places", "int32_t", rows.places)
    output = graph.output_of(operator)
    members: dict[str, Value] = {
        "weights": weights.name,
        **records.members,
        "places": places.name,
        **rows.members,
        "input_zero_point": source.zero_point,
        "output_zero_point": output.zero_point,
    }
    operands = (Data(operator.inputs[0]), Data(operator.output))
    arguments = (f"&{operator.name}", *operands, Scratch(), rows.ring_bytes)
    call = Call("aot_conv_rows_s8.h", rows.segments.kernel, arguments)
    return Step(
        calls=(call, *fused_clamp(operator, output)),
        constants=(weights, *records.constants, places),
        parameters=Parameters(operator.name, "aot_conv_rows_t", members),
        scratch_bytes=rows.scratch_bytes,
        overwrites=operator.inputs[0] if rows.in_place else None,
        macs=rows.height.output * rows.width.output * kernels.size,
    )
