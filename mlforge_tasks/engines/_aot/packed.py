"""Lowers CONV_2D and FULLY_CONNECTED to kernels that pack four windows at a time.

The cores differ in how they want windows and weights packed (`packing`); the rest is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import conv_rows, depthwise, depthwise_mve
from mlforge_tasks.engines._aot.overlap import bytes_behind, chunks_of
from mlforge_tasks.engines._aot.packing import DSP, MVE, PackedWindow, Packing
from mlforge_tasks.engines._aot.pairs import conv_header
from mlforge_tasks.engines._aot.program import Behind, Call, Data, Parameters, Scratch, Step
from mlforge_tasks.engines._aot.weighted import fused_clamp, geometry, parts
from mlforge_tasks.engines._aot.window import Axis, window_axes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Constant, Value

# Instructions of DSP kernels, measured in QEMU on Cortex-M4: a window that is packed and its taps,
# a pair of channels in four windows and their taps.
_PACKED_WINDOW, _PACKED_TAP, _PAIR, _PAIR_TAP = 200, 8, 77, 6.5


def _direct(
    operator: Operator,
    graph: Graph,
    dot: dict[str, Value],
    constants: tuple[Constant, ...],
    windows: int,
) -> Step:
    """A step on windows that lie one behind the other, as those of a 1x1 convolution do."""
    source, weights, *_ = graph.inputs_of(operator)
    output = graph.output_of(operator)
    channels, to = source.size // windows, Data(operator.output)
    first = (f"&{operator.name}", Data(operator.inputs[0]), channels, windows)
    clamp = fused_clamp(operator, output)
    step = Step(
        calls=(Call("aot_dot_s8.h", "aot_dot_s8", (*first, to)), *clamp),
        constants=constants,
        parameters=Parameters(operator.name, "aot_dot_t", dot),
        macs=windows * weights.size,
    )
    chunks = chunks_of(windows, channels, output.size // windows)
    if chunks is None:
        return step
    call = Call("aot_dot_chunks_s8.h", "aot_dot_chunks_s8", (*first, chunks.windows, to))
    behind = Behind(operator.inputs[0], chunks.bytes_behind, chunks.bytes_ahead)
    return replace(step, thrifty=replace(step, calls=(call, *clamp), behind=behind))


@dataclass(frozen=True)
class Room:
    """What packing a convolution's windows takes.

    Attributes:
        packed_bytes: Of the windows that are packed at a time.
        gathered_bytes: Of one at the border, before it is packed.
        behind: Bytes by which the output stays behind the input.
    """

    packed_bytes: int
    gathered_bytes: int
    behind: int

    @property
    def scratch_bytes(self) -> int:
        return self.packed_bytes + self.gathered_bytes


def room_of(
    window: PackedWindow, axes: tuple[Axis, Axis], channels: int, channels_out: int
) -> Room:
    """What a convolution takes that packs its windows."""
    height, width = axes
    neighbours = width.dilation == 1 or width.kernel == 1
    inside = height.inside and width.inside and neighbours
    gathered = 0 if inside or window.packing is MVE else window.runs * window.run
    windows = window.group(height.output * width.output)
    behind = bytes_behind(height, width, channels, channels_out, windows)
    return Room(windows * window.bytes, gathered, behind)


def _convolution(
    operator: Operator,
    graph: Graph,
    packing: Packing,
    taps: NDArray[np.int64],
    axes: tuple[Axis, Axis],
) -> Step:
    """A step of the convolution kernel; `taps` is [output channel, tap]."""
    source, _, bias = parts(operator, graph)
    height, width = axes
    channels = source.shape[-1]
    window = PackedWindow(packing, height.kernel, width.kernel * channels)
    neighbours = width.dilation == 1 or width.kernel == 1
    count = height.output * width.output
    single = window.group(count) == 1 and packing is DSP
    step = height.dilation * width.input * channels if neighbours else 0
    dot, constants = window.layer(operator, graph, taps, bias, single=single, step=step)
    pointwise = height.kernel == width.kernel == 1 and height.input * width.input == count
    if window.direct and pointwise:
        return _direct(operator, graph, dot, constants, count)
    own: dict[str, Value] = {"dot": dot, "inside_step": step}
    room = room_of(window, axes, channels, len(taps))
    data = (Data(operator.inputs[0]), Data(operator.output), Scratch())
    arguments = (f"&{operator.name}", *data, room.packed_bytes)
    return Step(
        calls=(
            Call(conv_header(dot), "aot_conv_s8", arguments),
            *fused_clamp(operator, graph.output_of(operator)),
        ),
        constants=constants,
        parameters=Parameters(operator.name, "aot_conv_t", own | geometry(source, *axes)),
        scratch_bytes=room.scratch_bytes,
        behind=Behind(operator.inputs[0], room.behind),
        macs=count * taps.size,
    )


def _conv_2d(packing: Packing, operator: Operator, graph: Graph) -> Step:
    """CONV_2D; weights come as [output channel, height, width, input channel]."""
    source, weights, _ = parts(operator, graph)
    output = graph.output_of(operator)
    axes = window_axes(operator, source, output, (weights.shape[1], weights.shape[2]))
    kernels = weights.constant.astype(np.int64)
    if packing is MVE:
        step = conv_rows.convolution(operator, graph, kernels, axes)
        if step is not None:
            return step
    return _convolution(operator, graph, packing, kernels.reshape(len(kernels), -1), axes)


def conv_is_cheaper(height: Axis, width: Axis, channels_out: int) -> bool:
    """Whether a depthwise layer of one channel should rather be a convolution."""
    window = PackedWindow(DSP, height.kernel, width.kernel)
    count, pairs = height.output * width.output, -(-channels_out // 2)
    packed = count * (_PACKED_WINDOW + _PACKED_TAP * height.kernel * width.kernel)
    made = count * pairs * (_PAIR_TAP * window.taps + _PAIR) // 4
    plane = depthwise.plane_of("dsp", height, width, 1, channels_out)
    return packed + made < channels_out * plane.cost


def _depthwise_conv_2d(operator: Operator, graph: Graph) -> Step:
    """DEPTHWISE_CONV_2D for DSP kernels; that of a single channel is a convolution, too."""
    source, weights, _ = parts(operator, graph)
    kernel = (weights.shape[1], weights.shape[2])
    axes = window_axes(operator, source, graph.output_of(operator), kernel)
    if source.shape[3] > 1 or not conv_is_cheaper(*axes, weights.shape[3]):
        return depthwise.depthwise_conv_2d("dsp", operator, graph)
    filters = depthwise.filters_of(weights)
    return _convolution(operator, graph, DSP, filters.reshape(len(filters), -1), axes)


def _fully_connected(packing: Packing, operator: Operator, graph: Graph) -> Step:
    """FULLY_CONNECTED; weights come as [outputs, inputs]. Several rows are a 1x1 convolution."""
    _, weights, bias = parts(operator, graph)
    output = graph.output_of(operator)
    taps = weights.constant.astype(np.int64)
    rows = output.size // len(taps)
    if rows > 1:
        one = Axis(1, 1, 1, 1, 1, 0)
        axes = (one, Axis(rows, rows, 1, 1, 1, 0))
        return _convolution(operator, graph, packing, taps, axes)
    window = PackedWindow(packing, 1, taps.shape[1])
    dot, constants = window.layer(operator, graph, taps, bias, single=True)
    if window.direct:
        return _direct(operator, graph, dot, constants, 1)
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output), Scratch())
    return Step(
        calls=(
            Call("aot_fully_connected_s8.h", "aot_fully_connected_s8", arguments),
            *fused_clamp(operator, output),
        ),
        constants=constants,
        parameters=Parameters(operator.name, "aot_dot_t", dot),
        scratch_bytes=window.bytes,
        behind=Behind(operator.inputs[0], 0),  # all of it is packed before an output is written
        macs=taps.size,
    )


DSP_OPERATORS: Mapping[str, Callable[[Operator, Graph], Step]] = {
    "CONV_2D": partial(_conv_2d, DSP),
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "FULLY_CONNECTED": partial(_fully_connected, DSP),
}
MVE_OPERATORS: Mapping[str, Callable[[Operator, Graph], Step]] = {
    "CONV_2D": partial(_conv_2d, MVE),
    "DEPTHWISE_CONV_2D": depthwise_mve.depthwise_conv_2d,
    "FULLY_CONNECTED": partial(_fully_connected, MVE),
}
