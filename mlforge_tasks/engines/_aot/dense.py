"""Lowers CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import fixed_point
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.fixed_point import INT8_MAX, INT8_MIN, INT32_MAX, INT32_MIN
from mlforge_tasks.engines._aot.program import Call, Constant, Data, Parameters, Scratch, Step
from mlforge_tasks.engines._aot.window import Axis, window_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor
    from mlforge_tasks.engines._aot.program import Value

CHANNEL_BLOCK = 4

# Instructions on Cortex-M3, measured in QEMU: four outputs, one output; of a kernel three taps long
# with stride 1, and per tap and fixed for all others.
_FOUR_OF_THREE, _ONE_OF_THREE = 140, 80
_FOUR_PER_TAP, _FOUR_FIXED = 13, 90
_ONE_PER_TAP, _ONE_FIXED = 7, 50


def fused_clamp(operator: Operator, output: Tensor) -> tuple[Call, ...]:
    """The call that applies a fused activation, where it is tighter than int8 itself.

    Kernels saturate to int8. The converter chooses output scales so that ReLU and ReLU6 mean just
    that, so this is rare.
    """
    low, high = fixed_point.activation_range(operator.options.activation, output)
    if (low, high) == (INT8_MIN, INT8_MAX):
        return ()
    data = Data(operator.output)
    return (Call("aot_map_s8.h", "aot_clamp_s8", (low, high, output.size, data, data)),)


def _parts(operator: Operator, graph: Graph) -> tuple[Tensor, Tensor, NDArray[np.int64]]:
    """Input, weights and bias; a missing bias is 0."""
    source, weights, *rest = graph.inputs_of(operator)
    if weights.data is None or weights.dtype != "int8":
        raise unsupported(
            f"{operator.op} '{operator.name}' with weights that are not int8 constants",
            "quantise the weights to int8",
        )
    if any(weights.affine.zero_points):
        raise unsupported(f"{operator.op} '{operator.name}' with asymmetric weights", "use int8")
    if not rest:
        return source, weights, np.zeros(graph.output_of(operator).shape[-1], np.int64)
    if rest[0].data is None or rest[0].dtype != "int32":
        raise unsupported(
            f"{operator.op} '{operator.name}' with a bias that is not int32 constant",
            "quantise the bias to int32",
        )
    return source, weights, rest[0].constant.astype(np.int64)


def _factors(operator: Operator, graph: Graph, channels: int) -> list[fixed_point.Factor]:
    """The factor from accumulator to output of every output channel, as the reference rounds it."""
    source, weights, *_ = graph.inputs_of(operator)
    output = graph.output_of(operator)
    scales = weights.affine.scales
    if len(scales) == 1 and operator.op == "FULLY_CONNECTED":
        real = [float(source.scale * scales[0]) / float(output.scale)]
    else:
        real = [float(source.scale) * float(each) / float(output.scale) for each in scales]
    factors = [fixed_point.factor(each) for each in real]
    return factors if len(factors) == channels else factors * channels


def _requant(
    operator: Operator, graph: Graph, taps: NDArray[np.int64], bias: NDArray[np.int64]
) -> Constant:
    """The records that turn accumulators into outputs.

    Args:
        operator: The operator.
        graph: Its graph.
        taps: Weights [output channel, tap].
        bias: [output channel].
    """
    source = graph.inputs_of(operator)[0]
    folded = bias - source.zero_point * taps.sum(axis=1)
    ends = np.stack([taps * INT8_MIN, taps * INT8_MAX])
    low = folded + ends.min(axis=0).sum(axis=1)
    high = folded + ends.max(axis=0).sum(axis=1)
    if low.min() < INT32_MIN or high.max() > INT32_MAX or abs(folded).max() > INT32_MAX:
        raise unsupported(
            f"{operator.op} '{operator.name}' whose 32-bit accumulator can overflow",
            "use fewer inputs per output, or a smaller bias",
        )
    factors = _factors(operator, graph, len(taps))
    rows = [
        fixed_point.requant_record(int(b), int(lo), int(hi), by)
        for b, lo, hi, by in zip(folded, low, high, factors, strict=True)
    ]
    return Constant(
        f"{operator.name}_requant", "aot_requant_t", np.array(rows, np.int32), "per output channel"
    )


def _blocked_weights(operator: Operator, taps: NDArray[np.int64]) -> Constant:
    """Weights in the order in which aot_dot_s8 reads them."""
    whole = len(taps) - len(taps) % CHANNEL_BLOCK
    blocks = taps[:whole].reshape(-1, CHANNEL_BLOCK, taps.shape[1]).transpose(0, 2, 1)
    packed = np.concatenate([blocks.ravel(), taps[whole:].ravel()]).astype(np.int8)
    return Constant(f"{operator.name}_weights", "int8_t", packed, "[channel / 4][tap][4]")


def _dot(operator: Operator, graph: Graph, channels: int) -> dict[str, Value]:
    return {
        "weights": f"{operator.name}_weights",
        "requant": f"{operator.name}_requant",
        "channels": channels,
        "zero_point": graph.output_of(operator).zero_point,
    }


def _runs(height: Axis, width: Axis, channels: int) -> dict[str, Value]:
    """How the taps of a window inside the input lie; runs is 0 where they are no even runs."""
    row = width.input * channels
    if width.dilation == 1 or width.kernel == 1:
        runs, run, step = height.kernel, width.kernel * channels, height.dilation * row
        if runs == 1 or run == step:
            runs, run, step = 1, runs * run, runs * run
    elif height.kernel == 1:
        runs, run, step = width.kernel, channels, width.dilation * channels
    else:
        runs, run, step = 0, 0, 0
    return {"runs": runs, "run": run, "step": step}


def _convolution(
    operator: Operator, graph: Graph, taps: NDArray[np.int64], axes: tuple[Axis, Axis]
) -> Step:
    """A step of the convolution kernel; `taps` is [output channel, tap]."""
    source, _, bias = _parts(operator, graph)
    height, width = axes
    channels = source.shape[-1]
    runs = _runs(height, width, channels)
    gathers = not (height.inside and width.inside and runs["runs"])
    members: dict[str, Value] = {
        "dot": _dot(operator, graph, len(taps)),
        "inside": runs,
        "input_height": height.input,
        "input_width": width.input,
        "input_channels": channels,
        "output_height": height.output,
        "output_width": width.output,
        "kernel_height": height.kernel,
        "kernel_width": width.kernel,
        "stride_height": height.stride,
        "stride_width": width.stride,
        "dilation_height": height.dilation,
        "dilation_width": width.dilation,
        "pad_top": height.before,
        "pad_left": width.before,
        "span_height": height.span,
        "span_width": width.span,
        "input_zero_point": source.zero_point,
    }
    scratch: Scratch | str = Scratch() if gathers else "NULL"
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output), scratch)
    return Step(
        calls=(
            Call("aot_conv_s8.h", "aot_conv_s8", arguments),
            *fused_clamp(operator, graph.output_of(operator)),
        ),
        constants=(
            _blocked_weights(operator, taps),
            _requant(operator, graph, taps, bias),
        ),
        parameters=Parameters(operator.name, "aot_conv_t", members),
        scratch_bytes=2 * taps.shape[1] if gathers else 0,
        macs=height.output * width.output * taps.size,
    )


def conv_2d(operator: Operator, graph: Graph) -> Step:
    """CONV_2D; weights come as [output channel, height, width, input channel]."""
    source, weights, _ = _parts(operator, graph)
    if weights.shape[3] != source.shape[3]:
        raise unsupported(
            f"CONV_2D '{operator.name}' with groups",
            "use DepthwiseConv2D, or one convolution per group",
        )
    output = graph.output_of(operator)
    axes = window_axes(operator, source, output, (weights.shape[1], weights.shape[2]))
    taps = weights.constant.reshape(weights.shape[0], -1).astype(np.int64)
    return _convolution(operator, graph, taps, axes)


def fully_connected(operator: Operator, graph: Graph) -> Step:
    """FULLY_CONNECTED; weights come as [outputs, inputs]. Several rows are a 1x1 convolution."""
    _, weights, bias = _parts(operator, graph)
    output = graph.output_of(operator)
    taps = weights.constant.astype(np.int64)
    rows = output.size // len(taps)
    if rows > 1:
        one = Axis(1, 1, 1, 1, 1, 0)
        return _convolution(operator, graph, taps, (one, Axis(rows, rows, 1, 1, 1, 0)))
    arguments = (
        f"&{operator.name}",
        taps.shape[1],
        Data(operator.inputs[0]),
        Data(operator.output),
    )
    return Step(
        calls=(
            Call("aot_fully_connected_s8.h", "aot_fully_connected_s8", arguments),
            *fused_clamp(operator, output),
        ),
        constants=(
            _blocked_weights(operator, taps),
            _requant(operator, graph, taps, bias),
        ),
        parameters=Parameters(operator.name, "aot_dot_t", _dot(operator, graph, len(taps))),
        macs=taps.size,
    )


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


def depthwise_conv_2d(operator: Operator, graph: Graph) -> Step:
    """DEPTHWISE_CONV_2D; weights come as [1, height, width, output channel]."""
    source, weights, bias = _parts(operator, graph)
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
    members: dict[str, Value] = {
        "weights": f"{operator.name}_weights",
        "requant": f"{operator.name}_requant",
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
        f"{operator.name}_weights", "int8_t", taps.ravel().astype(np.int8), "[channel][tap]"
    )
    in_place = channels_out == channels and output.size <= source.size
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output), Scratch())
    return Step(
        calls=(
            Call("aot_depthwise_s8.h", "aot_depthwise_s8", arguments),
            *fused_clamp(operator, output),
        ),
        constants=(packed, _requant(operator, graph, taps, bias)),
        parameters=Parameters(operator.name, "aot_depthwise_t", members),
        scratch_bytes=plane[0] * plane[1],
        overwrites=operator.inputs[0] if in_place else None,
        macs=across.output * along.output * taps.size,
    )
