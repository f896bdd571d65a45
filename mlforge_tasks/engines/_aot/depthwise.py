"""Lowers DEPTHWISE_CONV_2D."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import depthwise_four
from mlforge_tasks.engines._aot.program import Call, Constant, Data, Parameters, Scratch, Step
from mlforge_tasks.engines._aot.weighted import fused_clamp, parts, requant
from mlforge_tasks.engines._aot.window import window_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.core import Kernels
    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor
    from mlforge_tasks.engines._aot.program import Value
    from mlforge_tasks.engines._aot.window import Axis

# Instructions on Cortex-M3, measured in QEMU: four outputs, one output; of a kernel three taps long
# with stride 1, and per tap and fixed for all others.
_FOUR_OF_THREE, _ONE_OF_THREE = 140, 80
_FOUR_PER_TAP, _FOUR_FIXED = 13, 90
_ONE_PER_TAP, _ONE_FIXED = 7, 50
# From how many on the DSP kernel for 3x3 windows that are neighbours does better than the one that
# takes four channels at a time, measured likewise on Cortex-M4.
_MANY_OUTPUTS = 24


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


def _lies_transposed(height: Axis, width: Axis) -> bool:
    """Whether a plane is cheaper with its columns as lines."""
    return _plane_cost(width, height) < _plane_cost(height, width)


def _is_three_by_three(across: Axis, along: Axis) -> bool:
    """Whether the DSP kernel for that takes it."""
    plain = along.stride == 1 and along.dilation == 1
    return (across.kernel, along.kernel) == (3, 3) and plain and along.output > 1


def _portable_kernel(across: Axis, along: Axis, *, fast: bool) -> str:
    """The function that does a plane in the fewest instructions."""
    plain = along.stride == 1 and along.dilation == 1
    if not fast or along.kernel != 3 or not plain or along.output < 4:
        return "aot_depthwise_s8"
    return "aot_depthwise_three_lines_s8" if across.kernel == 3 else "aot_depthwise_lines_s8"


@dataclass(frozen=True)
class _Plane:
    """A channel in memory with its border, its lines along the width of the image, or the height.

    Attributes:
        across: From line to line.
        along: Along a line.
        turned: Whether lines are the image's columns.
        channels: Of the input.
        channels_out: Of the output.
    """

    across: Axis
    along: Axis
    turned: bool
    channels: int
    channels_out: int

    @property
    def shape(self) -> tuple[int, int]:
        """Lines, and bytes of a line."""
        across, along = (max(a.reach, a.before + a.input) for a in (self.across, self.along))
        return across, along

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


def _plane(height: Axis, width: Axis, channels: int, channels_out: int) -> _Plane:
    """The cheaper of both ways to lie."""
    turned = _lies_transposed(height, width)
    across, along = (width, height) if turned else (height, width)
    return _Plane(across, along, turned, channels, channels_out)


def three_by_three_is_faster(height: Axis, width: Axis) -> bool:
    """Whether the DSP kernel for that beats the one that takes four channels at a time."""
    plane = _plane(height, width, 1, 1)
    many = height.output * width.output >= _MANY_OUTPUTS
    return many and _is_three_by_three(plane.across, plane.along)


def scratch_bytes(kernels: Kernels, height: Axis, width: Axis, channels: int) -> int:
    """Of the kernels that take one channel at a time, but for rare forms of requantisation."""
    plane = _plane(height, width, channels, channels)
    beyond = kernels == "dsp" and _is_three_by_three(plane.across, plane.along)
    return plane.shape[0] * plane.shape[1] + beyond


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
    kernels: Kernels, operator: Operator, graph: Graph, plane: _Plane, filters: NDArray[np.int64]
) -> Step:
    """A step of the kernels that take one channel at a time; `filters` as `filters_of` has them."""
    source, _, bias = parts(operator, graph)
    output = graph.output_of(operator)
    if plane.turned:
        filters = filters.transpose(0, 2, 1)
    taps = filters.reshape(len(filters), -1)
    records = requant(operator, graph, taps, bias)
    kernel, beyond = _portable_kernel(plane.across, plane.along, fast=records.is_fast), 0
    header = "aot_depthwise_s8.h"
    if kernels == "dsp" and records.is_fast and _is_three_by_three(plane.across, plane.along):
        kernel, beyond = "aot_depthwise_3x3_s8", 1
        header = f"{kernel}.h"
    members: dict[str, Value] = {
        "weights": f"{operator.name}_weights",
        **records.members,
        "channel_bytes": filters[0].size,
        **plane.members,
        "input_zero_point": source.zero_point,
        "output_zero_point": output.zero_point,
    }
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output), Scratch())
    return Step(
        calls=(Call(header, kernel, arguments), *fused_clamp(operator, output)),
        constants=(packed(operator, filters, beyond), *records.constants),
        parameters=Parameters(operator.name, "aot_depthwise_t", members),
        scratch_bytes=plane.shape[0] * plane.shape[1] + beyond,
        overwrites=overwritten(operator, source, output),
        macs=plane.across.output * plane.along.output * taps.size,
    )


def depthwise_conv_2d(kernels: Kernels, operator: Operator, graph: Graph) -> Step:
    """DEPTHWISE_CONV_2D; weights come as [1, height, width, output channel]."""
    source, weights, _ = parts(operator, graph)
    output = graph.output_of(operator)
    axes = window_axes(operator, source, output, (weights.shape[1], weights.shape[2]))
    plane = _plane(*axes, source.shape[3], output.shape[3])
    filters = filters_of(weights)
    if kernels == "dsp" and not three_by_three_is_faster(*axes):
        step = depthwise_four.convolution(operator, graph, filters, axes)
        if step is not None:
            return step
    return _in_planes(kernels, operator, graph, plane, filters)
