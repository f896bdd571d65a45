"""Lowers layers with weights, and pooling, whose values are int16 and whose weights are int8.

Of 16 bits zero points are 0 (https://ai.google.dev/edge/litert/models/quantization_spec), so that
what lies outside of the input adds nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import fixed_point
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.fixed_point import INT32_MAX
from mlforge_tasks.engines._aot.program import Call, Constant, Data, Parameters, Step
from mlforge_tasks.engines._aot.ratio import ratio, require_bounds
from mlforge_tasks.engines._aot.simple import require_same_scale
from mlforge_tasks.engines._aot.view import steps_of
from mlforge_tasks.engines._aot.window import Axis, window_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.fixed_point import Factor
    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor
    from mlforge_tasks.engines._aot.program import Value

INT16_MIN, INT16_MAX = -(1 << 15), (1 << 15) - 1
# What the reference's product of a 64-bit accumulator and 16 bits of a factor is defined for.
_MOST_ACCUMULATOR, _MOST_LEFT_SHIFT = 1 << 47, 7
_CALIBRATE = "calibrate with representative data"


def clamp_of(operator: Operator, output: Tensor) -> dict[str, Value]:
    """The least and greatest output that a fused activation leaves."""
    if operator.options.activation != "NONE":
        require_bounds(operator, output)
    low, high = fixed_point.activation_range(
        operator.options.activation, output, (INT16_MIN, INT16_MAX)
    )
    return {"low": low, "high": high}


def reduced(by: Factor) -> tuple[int, int]:
    """Multiplier and right shift behind a 64-bit accumulator: the factor's upper 16 bits."""
    multiplier = min((by.multiplier + (1 << 15)) >> 16, INT16_MAX)
    return multiplier, 15 - by.shift


def _biases(operator: Operator, graph: Graph, channels: int) -> tuple[NDArray[np.int64], bool]:
    """Biases, and whether the reference adds up in 64 bits.

    It does unless a CONV_2D or FULLY_CONNECTED has ones of 32 bits.
    """
    index = operator.inputs[2] if len(operator.inputs) > 2 else -1
    wide = operator.op not in {"CONV_2D", "FULLY_CONNECTED"}
    if index < 0:
        return np.zeros(channels, np.int64), True
    bias = graph.tensors[index]
    return bias.constant.ravel().astype(np.int64), wide or bias.dtype == "int64"


def _factors(operator: Operator, graph: Graph, channels: int) -> list[Factor]:
    source, weights, *_ = graph.inputs_of(operator)
    output = graph.output_of(operator)
    found = [
        ratio(operator, float(source.scale) * float(each) / float(output.scale))
        for each in weights.affine.scales
    ]
    return found if len(found) == channels else found * channels


def _requant(
    operator: Operator, graph: Graph, taps: NDArray[np.int64]
) -> tuple[dict[str, Value], tuple[Constant, ...]]:
    """An `aot_requant_s16_t` of weights [output channel, tap], and its constants.

    Raises:
        CandidateFailure: An accumulator can be what the reference's arithmetic is not defined for.
    """
    biases, wide = _biases(operator, graph, len(taps))
    by = _factors(operator, graph, len(taps))
    most = np.abs(taps).sum(axis=1) * -INT16_MIN + np.abs(biases)
    if most.max() >= (_MOST_ACCUMULATOR if wide else INT32_MAX):
        raise unsupported(
            f"{operator.op} '{operator.name}' whose accumulator of {48 if wide else 32} bits can "
            "overflow",
            "convert it with 64-bit biases, TensorFlow's default; use fewer inputs per output",
        )
    if wide and max(each.shift for each in by) > _MOST_LEFT_SHIFT:
        raise unsupported(
            f"{operator.op} '{operator.name}' whose scales have a ratio of 2^8 or more", _CALIBRATE
        )
    pairs = [reduced(each) if wide else (each.multiplier, each.shift) for each in by]
    multipliers, shifts = np.array(pairs).T
    name = operator.name
    constants = (
        Constant(f"{name}_bias", "int64_t", biases),
        Constant(f"{name}_multiplier", "int32_t", multipliers.astype(np.int32)),
        Constant(f"{name}_shift", "int8_t", shifts.astype(np.int8)),
    )
    members: dict[str, Value] = {
        "bias": constants[0].name,
        "multiplier": constants[1].name,
        "shift": constants[2].name,
        **clamp_of(operator, graph.output_of(operator)),
    }
    return members, constants


def _geometry(axes: tuple[Axis, Axis], channels: int, channels_out: int) -> dict[str, Value]:
    height, width = axes
    return {
        "input_height": height.input,
        "input_width": width.input,
        "input_channels": channels,
        "output_height": height.output,
        "output_width": width.output,
        "output_channels": channels_out,
        "kernel_height": height.kernel,
        "kernel_width": width.kernel,
        "stride_height": height.stride,
        "stride_width": width.stride,
        "dilation_height": height.dilation,
        "dilation_width": width.dilation,
        "pad_top": height.before,
        "pad_left": width.before,
    }


def _layer(
    operator: Operator,
    graph: Graph,
    taps: NDArray[np.int64],
    axes: tuple[Axis, Axis],
    channels: int,
) -> Step:
    """A step of weights [output channel, tap] as they lie in the file."""
    weights = graph.inputs_of(operator)[1]
    depthwise = operator.op == "DEPTHWISE_CONV_2D"
    requant, constants = _requant(operator, graph, taps)
    order = "[row][column][channel]" if depthwise else "[channel][row][column][input channel]"
    kept = weights.constant.ravel().astype(np.int8)
    flash = Constant(f"{operator.name}_weights", "int8_t", kept, order)
    members: dict[str, Value] = {
        "weights": flash.name,
        "requant": requant,
        "geometry": _geometry(axes, channels, len(taps)),
    }
    function = "aot_depthwise_s16" if depthwise else "aot_conv_s16"
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call(f"{function}.h", function, arguments),),
        constants=(flash, *constants),
        parameters=Parameters(operator.name, "aot_layer_s16_t", members),
        macs=axes[0].output * axes[1].output * taps.size,
    )


def conv_2d(operator: Operator, graph: Graph) -> Step:
    """CONV_2D; weights come as [output channel, height, width, input channel]."""
    source, weights, *_ = graph.inputs_of(operator)
    kernel = (weights.shape[1], weights.shape[2])
    axes = window_axes(operator, source, graph.output_of(operator), kernel)
    taps = weights.constant.reshape(weights.shape[0], -1).astype(np.int64)
    return _layer(operator, graph, taps, axes, source.shape[3])


def depthwise_conv_2d(operator: Operator, graph: Graph) -> Step:
    """DEPTHWISE_CONV_2D; weights come as [1, height, width, output channel]."""
    source, weights, *_ = graph.inputs_of(operator)
    kernel = (weights.shape[1], weights.shape[2])
    axes = window_axes(operator, source, graph.output_of(operator), kernel)
    taps = weights.constant.reshape(-1, weights.shape[3]).T.astype(np.int64)
    return _layer(operator, graph, taps, axes, source.shape[3])


def fully_connected(operator: Operator, graph: Graph) -> Step:
    """FULLY_CONNECTED; weights come as [outputs, inputs]."""
    source, weights, *_ = graph.inputs_of(operator)
    taps = weights.constant.astype(np.int64)
    rows = source.size // taps.shape[1]
    axes = (Axis(1, 1, 1, 1, 1, 0), Axis(rows, rows, 1, 1, 1, 0))
    return _layer(operator, graph, taps, axes, taps.shape[1])


def pool(operator: Operator, graph: Graph) -> Step:
    """AVERAGE_POOL_2D and MAX_POOL_2D."""
    source = graph.inputs_of(operator)[0]
    output = graph.output_of(operator)
    if abs(source.scale - output.scale) > 1e-6:
        require_same_scale(operator, graph)
    axes = window_axes(operator, source, output, operator.options.kernel)
    function = "aot_average_pool_s16" if operator.op == "AVERAGE_POOL_2D" else "aot_max_pool_s16"
    members = _geometry(axes, source.shape[3], source.shape[3])
    for name in ("output_channels", "dilation_height", "dilation_width"):
        del members[name]
    members["channels"] = members.pop("input_channels")
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call("aot_pool_s16.h", function, arguments),),
        parameters=Parameters(
            operator.name, "aot_pool_s16_t", {**members, **clamp_of(operator, output)}
        ),
    )


def mean_factor(by: Factor, count: int) -> tuple[int, int]:
    """A factor divided by a count, with as many more bits as the reference has room for."""
    bits = min(count.bit_length() - 1, 32, 31 + by.shift)
    return (by.multiplier << bits) // count, by.shift - bits


def neighbouring_axes(shape: Sequence[int], axes: Sequence[int]) -> tuple[int, int, int] | None:
    """A shape as [outer, count, inner] around axes; None where others lie between them."""
    taken = sorted({axis % len(shape) for axis in axes if shape[axis] > 1})
    first, end = (taken[0], taken[-1] + 1) if taken else (0, 0)
    steps = [*steps_of(shape), 1]
    whole = steps_of((1, *shape))[0]
    inner = steps[end - 1] if end else whole
    count = 1
    for axis in taken:
        count *= shape[axis]
    outer = whole // (count * inner)
    between = all(axis in taken or shape[axis] == 1 for axis in range(first, end))
    return (outer, count, inner) if between else None


def mean(operator: Operator, graph: Graph) -> Step:
    """MEAN over axes that are neighbours."""
    source, listed = graph.inputs_of(operator)
    output = graph.output_of(operator)
    axes = [int(each) for each in listed.constant.ravel()]
    extents = neighbouring_axes(source.shape, axes)
    if extents is None:
        raise unsupported(
            f"MEAN '{operator.name}' of int16 over axes that are no neighbours",
            "take it over axes that are, or over one after the other",
        )
    by = ratio(operator, float(source.scale) / float(output.scale))
    members: dict[str, Value] = {
        **dict(zip(("outer", "count", "inner"), extents, strict=True)),
        "scale": mean_factor(by, extents[1]),
    }
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call("aot_pool_s16.h", "aot_mean_s16", arguments),),
        parameters=Parameters(operator.name, "aot_mean_s16_t", members),
    )
