"""Lowers DEPTHWISE_CONV_2D."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import depthwise_four, depthwise_planes
from mlforge_tasks.engines._aot.program import Call, Constant, Data, Parameters, Scratch, Step
from mlforge_tasks.engines._aot.weighted import fused_clamp, parts, requant
from mlforge_tasks.engines._aot.window import window_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.core import Kernels
    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor
    from mlforge_tasks.engines._aot.program import Argument, Value
    from mlforge_tasks.engines._aot.window import Axis

# Instructions on Cortex-M3, measured in QEMU: four outputs, one output; of a kernel three taps long
# with stride 1, and per tap and fixed for all others.
_FOUR_OF_THREE, _ONE_OF_THREE = 140, 80
_FOUR_PER_TAP, _FOUR_FIXED = 13, 90
_ONE_PER_TAP, _ONE_FIXED = 7, 50


def _plane_cost(across: Axis, along: Axis) -> int:
    """Instructions for one channel with the plane's lines lying along an axis."""
    taps = across.kernel * along.kernel
    if along.kernel == 3 and along.stride == 1 and along.dilation == 1:
        four = _FOUR_OF_THREE * across.kernel // 3
        one = _ONE_OF_THREE * across.kernel // 3
    else:
        four = _FOUR_PER_TAP * taps + _FOUR_FIXED
        one = _ONE_PER_TAP * taps + _ONE_FIXED
    return across.output * (along.output // 4 * four + along.output % 4 * one)


def _portable_kernel(across: Axis, along: Axis, *, fast: bool) -> str:
    """The function that does a plane in the fewest instructions."""
    plain = along.stride == 1 and along.dilation == 1
    if not fast or along.kernel != 3 or not plain or along.output < 4:
        return "aot_depthwise_s8"
    return "aot_depthwise_three_lines_s8" if across.kernel == 3 else "aot_depthwise_lines_s8"


@dataclass(frozen=True)
class Plane:
    """A channel in memory with its border, its lines along the width of the image, or the height.

    Attributes:
        across: From line to line.
        along: Along a line.
        turned: Whether lines are the image's columns.
        channels: Of the input.
        channels_out: Of the output.
        by: The DSP filter that makes its outputs, if one does.
    """

    across: Axis
    along: Axis
    turned: bool
    channels: int
    channels_out: int
    by: depthwise_planes.Filter | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Lines, and bytes of a line."""
        across, along = (max(a.reach, a.before + a.input) for a in (self.across, self.along))
        return across, along

    @property
    def beyond(self) -> int:
        """Bytes that a kernel loads beyond it, and beyond the weights."""
        return 0 if self.by is None else depthwise_planes.BEYOND_BYTES

    @property
    def room_bytes(self) -> int:
        """Of one, with what is loaded beyond it."""
        return self.shape[0] * self.shape[1] + self.beyond

    @property
    def four(self) -> bool:
        """Whether four channels are copied at a time."""
        if self.by is None or self.channels != self.channels_out:
            return False
        input_bytes = self.across.input * self.along.input * self.channels
        return depthwise_planes.copies_four(self.room_bytes, self.channels, input_bytes)

    @property
    def weight_bytes(self) -> int:
        """With what a filter has beyond a line, and all of them."""
        taps = self.along.kernel if self.by is None else self.by.taps
        return self.channels_out * self.across.kernel * taps + self.beyond

    @property
    def scratch_bytes(self) -> int:
        return self.room_bytes * (depthwise_planes.CHANNELS if self.four else 1)

    @property
    def cost(self) -> int:
        """About how many instructions a channel takes that makes one of the output."""
        if self.by is None:
            return _plane_cost(self.across, self.along)
        return depthwise_planes.cost(self.by, self.across, self.along, four=self.four)

    def call(self, layer: str, data: tuple[Argument, ...], zero_point: int, *, fast: bool) -> Call:
        """Of the kernel, for the parameters of that name."""
        if self.by is None:
            kernel = _portable_kernel(self.across, self.along, fast=fast)
            return Call("aot_depthwise_s8.h", kernel, (layer, *data))
        arguments = (layer, self.by.function(zero_point), *data)
        if not self.four:
            return Call(self.by.header, "aot_for_each_plane_s8", arguments)
        return Call(self.by.header, "aot_for_four_planes_s8", (*arguments, self.room_bytes))

    def _steps(self, row: int, pixel: int) -> tuple[int, int]:
        return (pixel, row) if self.turned else (row, pixel)

    @property
    def members(self) -> dict[str, Value]:
        """What of an `aot_depthwise_t` the plane decides."""
        across, along = self.across, self.along
        width = across if self.turned else along
        return {
            "input_channels": self.channels,
            "multiplier": self.channels_out // self.channels,
            "plane": self.shape,
            "input": (across.input, along.input),
            "input_step": self._steps(width.input * self.channels, self.channels),
            "pad": (across.before, along.before),
            "output": (across.output, along.output),
            "output_step": self._steps(width.output * self.channels_out, self.channels_out),
            "kernel": (across.kernel, along.kernel),
            "stride": (across.stride, along.stride),
            "dilation": (across.dilation, along.dilation),
        }


def plane_of(
    kernels: Kernels,
    height: Axis,
    width: Axis,
    channels: int,
    channels_out: int,
    *,
    fast: bool = True,
) -> Plane:
    """The cheaper of both ways to lie, and the filter for it.

    Args:
        kernels: Of the core.
        height: From row to row.
        width: Along a row.
        channels: Of the input.
        channels_out: Of the output.
        fast: Whether its requantisation is, which all kernels but one want.
    """

    def plane(across: Axis, along: Axis, *, turned: bool) -> Plane:
        dsp = kernels == "dsp" and fast
        by = depthwise_planes.filter_of(across, along) if dsp else None
        return Plane(across, along, turned, channels, channels_out, by)

    ways = (plane(height, width, turned=False), plane(width, height, turned=True))
    return min(ways, key=lambda way: (way.by is None, way.cost))


def in_words(height: Axis, width: Axis, channels: int) -> depthwise_four.Words | None:
    """How the DSP kernel of four channels at a time takes a layer; None where another is for it."""
    words = depthwise_four.words_of(height, width, channels)
    plane = plane_of("dsp", height, width, channels, channels)
    if words is None or (plane.by is not None and channels * plane.cost < words.cost):
        return None
    return words


def filters_of(weights: Tensor) -> NDArray[np.int64]:
    """Weights [1, height, width, output channel] as [output channel, height, width]."""
    filters: NDArray[np.int64] = weights.constant[0].transpose(2, 0, 1).astype(np.int64)
    return filters


def packed(operator: Operator, filters: NDArray[np.int64], beyond: int = 0) -> Constant:
    """Weights [output channel, line, tap] for flash, and bytes beyond that a kernel loads."""
    values = np.pad(filters.ravel().astype(np.int8), (0, beyond))
    return Constant(f"{operator.name}_weights", "int8_t", values, "[channel][line][tap]")


def overwritten(operator: Operator, source: Tensor, output: Tensor) -> int | None:
    """The input, where each of its channels makes one of the output that is no larger."""
    in_place = output.shape[3] == source.shape[3] and output.size <= source.size
    return operator.inputs[0] if in_place else None


def _in_planes(
    kernels: Kernels, operator: Operator, graph: Graph, filters: NDArray[np.int64]
) -> Step:
    """A step of the kernels that take one channel at a time; `filters` as `filters_of` has them."""
    source, _, bias = parts(operator, graph)
    output = graph.output_of(operator)
    axes = window_axes(operator, source, output, (filters.shape[1], filters.shape[2]))
    records = requant(operator, graph, filters.reshape(len(filters), -1), bias)
    channels = (source.shape[3], output.shape[3])
    plane = plane_of(kernels, *axes, *channels, fast=records.is_fast)
    macs = axes[0].output * axes[1].output * filters.size
    if plane.turned:
        filters = filters.transpose(0, 2, 1)
    if plane.by is not None:
        filters = np.pad(filters, ((0, 0), (0, 0), (0, plane.by.taps - filters.shape[2])))
    members: dict[str, Value] = {
        "weights": f"{operator.name}_weights",
        **records.members,
        "channel_bytes": filters[0].size,
        **plane.members,
        "input_zero_point": source.zero_point,
        "output_zero_point": output.zero_point,
    }
    data = (Data(operator.inputs[0]), Data(operator.output), Scratch())
    call = plane.call(f"&{operator.name}", data, output.zero_point, fast=records.is_fast)
    return Step(
        calls=(call, *fused_clamp(operator, output)),
        constants=(packed(operator, filters, plane.beyond), *records.constants),
        parameters=Parameters(operator.name, "aot_depthwise_t", members),
        scratch_bytes=plane.scratch_bytes,
        overwrites=overwritten(operator, source, output),
        macs=macs,
    )


def depthwise_conv_2d(kernels: Kernels, operator: Operator, graph: Graph) -> Step:
    """DEPTHWISE_CONV_2D; weights come as [1, height, width, output channel]."""
    source, weights, _ = parts(operator, graph)
    output = graph.output_of(operator)
    filters = filters_of(weights)
    if kernels == "dsp" and source.shape[3] == output.shape[3]:
        axes = window_axes(operator, source, output, (weights.shape[1], weights.shape[2]))
        words = in_words(*axes, source.shape[3])
        if words is not None:
            step = depthwise_four.convolution(operator, graph, filters, words)
            if step is not None:
                return step
    return _in_planes(kernels, operator, graph, filters)
