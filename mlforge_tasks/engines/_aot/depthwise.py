"""Lowers DEPTHWISE_CONV_2D."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.program import Call, Constant, Data, Parameters, Scratch, Step
from mlforge_tasks.engines._aot.weighted import fused_clamp, parts, requant
from mlforge_tasks.engines._aot.window import window_axes

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.core import Kernels
    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Value
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


def depthwise_conv_2d(kernels: Kernels, operator: Operator, graph: Graph) -> Step:
    """DEPTHWISE_CONV_2D; weights come as [1, height, width, output channel]."""
    source, weights, bias = parts(operator, graph)
    output = graph.output_of(operator)
    across, along = window_axes(operator, source, output, (weights.shape[1], weights.shape[2]))
    filters = weights.constant[0].transpose(2, 0, 1).astype(np.int64)
    channels, channels_out = source.shape[3], output.shape[3]
    input_step = (along.input * channels, channels)
    output_step = (along.output * channels_out, channels_out)
    if _lies_transposed(across, along):
        across, along = along, across
        filters = filters.transpose(0, 2, 1)
        input_step, output_step = input_step[::-1], output_step[::-1]
    plane = tuple(max(axis.reach, axis.before + axis.input) for axis in (across, along))
    taps = filters.reshape(len(filters), -1)
    records = requant(operator, graph, taps, bias)
    kernel, beyond = _portable_kernel(across, along, fast=records.is_fast), 0
    header = "aot_depthwise_s8.h"
    if kernels == "dsp" and records.is_fast and _is_three_by_three(across, along):
        kernel, beyond = "aot_depthwise_3x3_s8", 1
        header = f"{kernel}.h"
        filters = np.pad(filters, ((0, 0), (0, 0), (0, 1)))
    members: dict[str, Value] = {
        "weights": f"{operator.name}_weights",
        **records.members,
        "channel_bytes": filters[0].size,
        "input_channels": channels,
        "multiplier": channels_out // channels,
        "plane": plane,
        "input": (across.input, along.input),
        "input_step": input_step,
        "pad": (across.before, along.before),
        "output": (across.output, along.output),
        "output_step": output_step,
        "kernel": (across.kernel, along.kernel),
        "stride": (across.stride, along.stride),
        "dilation": (across.dilation, along.dilation),
        "input_zero_point": source.zero_point,
        "output_zero_point": output.zero_point,
    }
    packed = Constant(
        f"{operator.name}_weights",
        "int8_t",
        filters.ravel().astype(np.int8),
        "[channel][line][tap]",
    )
    in_place = channels_out == channels and output.size <= source.size
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output), Scratch())
    return Step(
        calls=(
            Call(header, kernel, arguments),
            *fused_clamp(operator, output),
        ),
        constants=(packed, *records.constants),
        parameters=Parameters(operator.name, "aot_depthwise_t", members),
        scratch_bytes=plane[0] * plane[1] + beyond,
        overwrites=operator.inputs[0] if in_place else None,
        macs=across.output * along.output * taps.size,
    )
