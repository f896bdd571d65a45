"""Lowers CONV_2D and FULLY_CONNECTED to kernels that pack four windows at a time.

The cores differ in how they want windows and weights packed (`Packing`); the rest is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import conv_rows, depthwise, depthwise_mve
from mlforge_tasks.engines._aot.overlap import bytes_behind
from mlforge_tasks.engines._aot.pairs import (
    conv_header,
    dsp_members,
    paired,
    requant_of_pairs,
    summed,
)
from mlforge_tasks.engines._aot.program import (
    Behind,
    Call,
    Constant,
    Data,
    Parameters,
    Scratch,
    Step,
)
from mlforge_tasks.engines._aot.weighted import (
    fused_clamp,
    geometry,
    parts,
    requant,
    require_one_group,
)
from mlforge_tasks.engines._aot.window import Axis, window_axes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Value

_WINDOWS = 4
# MVE kernels take as many eights of windows at a time as fit into this, if windows are so small.
_NARROW_BYTES, _NARROW_ROOM_BYTES = 64, 1024
# Their places for the outputs of eight windows, a channel each, are 16 bits wide.
_MOST_SCATTERED = 0xFFFF // 7


@dataclass(frozen=True)
class Packing:
    """How the kernels of a core want weights and windows.

    Attributes:
        run_multiple: A run of taps is padded to a multiple of this.
        window_multiple: So is a whole window.
        bytes_per_tap: Of a packed window.
        paired: Which channels of weights [channel, tap] make a pair; -1 is none.
        order: Weights [channel pair, 2, taps] to the order in which the kernel reads them.
        comment: That order.
        direct: Whether windows that are contiguous and need no padding are read where they lie.
    """

    run_multiple: int
    window_multiple: int
    bytes_per_tap: int
    paired: Callable[[NDArray[np.int64]], NDArray[np.int64]]
    order: Callable[[NDArray[np.int64]], NDArray[np.int64]]
    comment: str
    direct: bool


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _neighbours(taps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs of any two channels; -1 where there is no second."""
    channels = np.arange(len(taps) + len(taps) % 2)
    return np.where(channels < len(taps), channels, -1).reshape(-1, 2)


def _dsp_order(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    fours = summed(pairs).reshape(len(pairs), 2, -1, 2, 2)  # pair, channel, four, half, parity
    return fours.transpose(0, 2, 4, 3, 1)


def _mve_order(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    return pairs.reshape(len(pairs), 2, -1, 16).transpose(0, 2, 1, 3)


DSP = Packing(
    *(4, 4, 2, paired, _dsp_order),
    "[pair][tap / 4][even, odd taps][2 taps], first + 256 * second channel",
    direct=False,
)
MVE = Packing(
    *(1, 16, 1, _neighbours, _mve_order),
    "[channel / 2][tap / 16][2 channels][16 taps]",
    direct=True,
)


@dataclass(frozen=True)
class _Window:
    """A window as runs of neighbouring taps, padded for the kernel."""

    packing: Packing
    runs: int
    run: int

    @property
    def pitch(self) -> int:
        return _round_up(self.run, self.packing.run_multiple)

    @property
    def bytes(self) -> int:
        """Of one packed window."""
        taps = _round_up(self.runs * self.pitch, self.packing.window_multiple)
        return taps * self.packing.bytes_per_tap

    def group(self, count: int) -> int:
        """Windows packed at a time, see aot_group_s8 of the kernels."""
        if self.packing is MVE and self.bytes <= _NARROW_BYTES and count >= 2 * _WINDOWS:
            return min(count, _NARROW_ROOM_BYTES // self.bytes & ~7)
        return _WINDOWS if count >= _WINDOWS else 1

    def weights(
        self, operator: Operator, taps: NDArray[np.int64], pairs: NDArray[np.int64]
    ) -> Constant:
        """Weights [output channel, tap], with zeros where windows are padded or channels miss."""
        runs = taps.reshape(len(taps), self.runs, self.run)
        runs = np.pad(runs, ((0, 1), (0, 0), (0, self.pitch - self.run)))
        whole = runs.reshape(len(runs), -1)
        missing = self.bytes // self.packing.bytes_per_tap - whole.shape[1]
        whole = np.pad(whole, ((0, 0), (0, missing)))
        values = self.packing.order(whole[pairs]).ravel().astype(np.int8)
        name = f"{operator.name}_weights"
        return Constant(name, "int8_t", values, self.packing.comment, alignment_bytes=4)

    @property
    def direct(self) -> bool:
        """Whether one that lies inside the input needs no packing."""
        whole = self.runs == 1 and self.run % self.packing.window_multiple == 0
        return self.packing.direct and whole

    def layer(
        self,
        operator: Operator,
        graph: Graph,
        taps: NDArray[np.int64],
        bias: NDArray[np.int64],
        *,
        single: bool = False,
    ) -> tuple[dict[str, Value], tuple[Constant, ...]]:
        """An `aot_dot_t` and its arrays; `single` where there is one window."""
        members: dict[str, Value] = {"weights": f"{operator.name}_weights"}
        pairs = self.packing.paired(taps)
        gaps = bool(np.any(pairs[:-1] < 0))
        records = requant(operator, graph, taps, bias, may_share=single and not gaps)
        own: dict[str, Value] = {"fast": int(records.is_fast and len(taps) <= _MOST_SCATTERED)}
        if self.packing is DSP:
            own = dsp_members(taps, pairs, records, single=single)
            records = requant_of_pairs(records, pairs)
        members.update(records.dot_members)
        members["channels"] = len(taps)
        members["zero_point"] = graph.output_of(operator).zero_point
        members.update(own, runs=self.runs, run=self.run, pitch=self.pitch)
        return members, (self.weights(operator, taps, pairs), *records.constants)


def _direct(
    operator: Operator,
    graph: Graph,
    dot: dict[str, Value],
    constants: tuple[Constant, ...],
    windows: int,
) -> Step:
    """A step on windows that lie one behind the other, as those of a 1x1 convolution do."""
    source, weights, *_ = graph.inputs_of(operator)
    operands = (Data(operator.inputs[0]), source.size // windows, windows, Data(operator.output))
    return Step(
        calls=(
            Call("aot_dot_s8.h", "aot_dot_s8", (f"&{operator.name}", *operands)),
            *fused_clamp(operator, graph.output_of(operator)),
        ),
        constants=constants,
        parameters=Parameters(operator.name, "aot_dot_t", dot),
        macs=windows * weights.size,
    )


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
    window = _Window(packing, height.kernel, width.kernel * channels)
    neighbours = width.dilation == 1 or width.kernel == 1
    inside = height.inside and width.inside and neighbours
    gathered = 0 if inside or packing is MVE else window.runs * window.pitch
    windows = window.group(count := height.output * width.output)
    single = windows == 1 and packing is DSP
    dot, constants = window.layer(operator, graph, taps, bias, single=single)
    pointwise = height.kernel == width.kernel == 1 and height.input * width.input == count
    if window.direct and pointwise:
        return _direct(operator, graph, dot, constants, count)
    members: dict[str, Value] = {
        "dot": dot,
        "inside_step": height.dilation * width.input * channels if neighbours else 0,
        **geometry(source, height, width),
    }
    packed = windows * window.bytes
    data = (Data(operator.inputs[0]), Data(operator.output), Scratch())
    arguments = (f"&{operator.name}", *data, packed)
    return Step(
        calls=(
            Call(conv_header(dot), "aot_conv_s8", arguments),
            *fused_clamp(operator, graph.output_of(operator)),
        ),
        constants=constants,
        parameters=Parameters(operator.name, "aot_conv_t", members),
        scratch_bytes=packed + gathered,
        behind=Behind(operator.inputs[0], bytes_behind(*axes, channels, len(taps), windows)),
        macs=count * taps.size,
    )


def _conv_2d(packing: Packing, operator: Operator, graph: Graph) -> Step:
    """CONV_2D; weights come as [output channel, height, width, input channel]."""
    source, weights, _ = parts(operator, graph)
    require_one_group(operator, source, weights)
    output = graph.output_of(operator)
    axes = window_axes(operator, source, output, (weights.shape[1], weights.shape[2]))
    kernels = weights.constant.astype(np.int64)
    if packing is MVE:
        step = conv_rows.convolution(operator, graph, kernels, axes)
        if step is not None:
            return step
    return _convolution(operator, graph, packing, kernels.reshape(len(kernels), -1), axes)


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
    window = _Window(packing, 1, taps.shape[1])
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
    "DEPTHWISE_CONV_2D": partial(depthwise.depthwise_conv_2d, "dsp"),
    "FULLY_CONNECTED": partial(_fully_connected, DSP),
}
MVE_OPERATORS: Mapping[str, Callable[[Operator, Graph], Step]] = {
    "CONV_2D": partial(_conv_2d, MVE),
    "DEPTHWISE_CONV_2D": depthwise_mve.depthwise_conv_2d,
    "FULLY_CONNECTED": partial(_fully_connected, MVE),
}
