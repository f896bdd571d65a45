"""Lowers maps, sums and products of int16, and SOFTMAX."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import addition, fixed_point
from mlforge_tasks.engines._aot.binary import broadcast_record, in_place_operand
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.int16_layers import INT16_MAX, INT16_MIN, clamp_of
from mlforge_tasks.engines._aot.program import Alias, Call, Constant, Data, Parameters, Step
from mlforge_tasks.engines._aot.ratio import ratio, require_bounds
from mlforge_tasks.engines._aot.simple import require_same_scale

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.fixed_point import Factor
    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Lowered, Value

# The reference lifts operands of a sum by as many bits, so that they stay within 32.
_LIFT_BITS = 15
_UNIT_BITS = 15
_ONE = 1 << _UNIT_BITS
_NEAR_POWER = 1e-3
_INSTEAD = "convert with TensorFlow's own quantiser"
# The table of the logistic function: steps of 1 of its argument, and places.
_SIGMOID_STEPS, _SIGMOID_PLACES = 24, 256
# The step of inputs, 2^-12, for which the reference shifts instead of multiplying.
_SIGMOID_BITS, _THREE_QUARTERS = 12, 3
_MOST_SIGMOID_SHIFT = 30
# The range of differences that exponentials are tabled for, and what the reference calls a range.
_SOFTMAX_RANGE = 10.0
_RANGE = (1 << 16) - 1
_LOOKUP_PLACES = 512


def _pair(by: Factor) -> tuple[int, int]:
    return by.multiplier, by.shift


def _map(operator: Operator, function: str, parameters: Parameters, *tables: Constant) -> Step:
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call("aot_map_s16.h", function, arguments),),
        constants=tables,
        parameters=parameters,
        overwrites=operator.inputs[0],
    )


def _rescale(operator: Operator, graph: Graph, positive: Factor, negative: Factor) -> Step:
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    functions = {
        ("int16", "int16"): "aot_rescale_s16",
        ("int16", "int8"): "aot_narrow_s16",
        ("int8", "int16"): "aot_widen_s16",
    }
    members: dict[str, Value] = {
        "positive": _pair(positive),
        "negative": _pair(negative),
        "count": output.size,
        "zero_point": source.zero_point + output.zero_point,  # only int8 has one
    }
    function = functions[source.dtype, output.dtype]
    step = _map(operator, function, Parameters(operator.name, "aot_rescale_s16_t", members))
    if source.dtype == output.dtype:
        return step
    return Step(calls=step.calls, parameters=step.parameters)


def quantize(operator: Operator, graph: Graph) -> Lowered:
    """QUANTIZE from and to int16."""
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    if operator.options.from_float:
        raise unsupported(
            f"QUANTIZE '{operator.name}' of floats that int16 values stand for",
            "convert the model again, to 16x8 throughout",
        )
    if source.dtype == output.dtype and source.scale == output.scale:
        return Alias(operator.inputs[0])
    by = ratio(operator, float(source.scale) / float(output.scale))
    return _rescale(operator, graph, by, by)


def leaky_relu(operator: Operator, graph: Graph) -> Step:
    """LEAKY_RELU."""
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    step = float(source.scale) / float(output.scale)
    slope = float(source.scale) * operator.options.alpha / float(output.scale)
    return _rescale(operator, graph, ratio(operator, step), ratio(operator, slope))


def relu(operator: Operator, graph: Graph) -> Step:
    """RELU, which may change the scale."""
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    by = ratio(operator, float(source.scale) / float(output.scale))
    return _rescale(operator, graph, by, fixed_point.Factor(0, 0))


def relu6(operator: Operator, graph: Graph) -> Step:
    """RELU6; the reference does not rescale it."""
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    require_same_scale(operator, graph, instead="use ReLU in the layer before, or max_value=None")
    require_bounds(operator, source)
    six = fixed_point.round_half_away(float(np.float32(6) / source.scale))
    arguments = (0, min(six, INT16_MAX), output.size)
    data = (Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call("aot_map_s16.h", "aot_clamp_s16", (*arguments, *data)),),
        overwrites=operator.inputs[0],
    )


def sigmoid_table() -> NDArray[np.uint16]:
    """1 / (1 + exp(-i / 24)) in 1/65536 for i from 0 to 255; the last is what is greater, too.

    Each is moved by half of what interpolation would be off midway to the next, and rounded.
    """

    def exact(place: float) -> float:
        return 2 * _ONE / (1 + math.exp(-place / _SIGMOID_STEPS))

    def moved(place: int) -> int:
        off = exact(place + 0.5) - (exact(place) + exact(place + 1)) / 2
        return math.floor(exact(place) + off / 2 + 0.5)

    places = [moved(place) for place in range(_SIGMOID_PLACES - 1)]
    return np.array([*places, 2 * _ONE - 1], np.uint16)


def _power_of_two(scale: np.float32) -> int | None:
    """The power of two that a scale is, as near as the reference asks for."""
    power = math.log2(float(scale))
    return round(power) if abs(power - round(power)) < _NEAR_POWER else None


def _sigmoid_scale(operator: Operator, scale: np.float32) -> tuple[int, int]:
    """Multiplier and shift from a step of the input to 1 / (3 * 4096), as the reference's."""
    power = _power_of_two(scale)
    shifts = (0,) if operator.op == "LOGISTIC" else (0, 1)
    if power is not None and power + _SIGMOID_BITS in shifts:
        return _THREE_QUARTERS << (power + _SIGMOID_BITS), 0
    multiplier, shift = float(scale) * (1 << _SIGMOID_BITS) * 3.0, 0
    while multiplier <= INT16_MAX / 2 and shift <= _MOST_SIGMOID_SHIFT:
        multiplier, shift = 2 * multiplier, shift + 1
    if multiplier > _RANGE or shift > _MOST_SIGMOID_SHIFT:  # 32 bits hold a product
        raise unsupported(
            f"{operator.op} '{operator.name}' with an input scale of {scale:.3g}",
            "calibrate with representative data",
        )
    return int(multiplier), shift


def sigmoid(operator: Operator, graph: Graph) -> Step:
    """LOGISTIC and TANH."""
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    if _power_of_two(output.scale) != -_UNIT_BITS:
        raise unsupported(
            f"{operator.op} '{operator.name}' with an output scale other than 1/32768", _INSTEAD
        )
    multiplier, shift = _sigmoid_scale(operator, source.scale)
    table = Constant(f"{operator.name}_table", "uint16_t", sigmoid_table())
    members: dict[str, Value] = {
        "table": table.name,
        "count": output.size,
        "multiplier": multiplier,
        "shift": shift,
    }
    function = "aot_logistic_s16" if operator.op == "LOGISTIC" else "aot_tanh_s16"
    return _map(operator, function, Parameters(operator.name, "aot_sigmoid_s16_t", members), table)


def _rounded(value: np.float32) -> np.float32:
    return np.float32(fixed_point.round_half_away(float(value)))


def lookup_table(
    function: Callable[[np.float32], np.float32], scale: np.float32, zero_point: int
) -> NDArray[np.int16]:
    """513 places of a function of an int16, from which the reference interpolates.

    Each is moved by half of what the interpolation would be off midway to the next. Outputs are
    in 1/32768; types are the reference's.

    Args:
        function: Of the real input.
        scale: A step of the input.
        zero_point: The input that stands for 0.
    """
    low, high = (scale * np.float32(end - zero_point) for end in (INT16_MIN, INT16_MAX))
    step = (high - low) / np.float32(_LOOKUP_PLACES)
    half = step / np.float32(2)
    output_scale = np.float32(2.0) / np.float32(_RANGE)
    ends = [output_scale * np.float32(end) for end in (INT16_MIN, INT16_MAX)]
    inverse = np.float32(_RANGE + 1) / (ends[1] - ends[0])
    places = []
    for i in range(_LOOKUP_PLACES):
        x = low + np.float32(i) * step
        here = _rounded(function(x) * inverse)
        following = function(low + np.float32(i + 1) * step) * inverse
        guessed = _rounded((following + here) / np.float32(2))
        off = guessed - _rounded(function(x + half) * inverse)
        places.append(here - _rounded(off / np.float32(2)))
    places.append(_rounded(function(high) * inverse))
    return np.clip(places, INT16_MIN, INT16_MAX).astype(np.int16)


def _exp(value: np.float32) -> np.float32:
    return np.float32(math.exp(float(value)))


def _reciprocal(value: np.float32) -> np.float32:
    return np.float32(1) / (np.float32(1) + value)


def softmax_tables() -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Exponentials of -10 to 0, and 1 / (1 + x) from 0 to 1."""
    exponential_scale = np.float32(_SOFTMAX_RANGE) / np.float32(_RANGE)
    unit_scale = np.float32(1) / np.float32(_RANGE)
    return (
        lookup_table(_exp, exponential_scale, INT16_MAX),
        lookup_table(_reciprocal, unit_scale, INT16_MIN),
    )


def softmax(operator: Operator, graph: Graph) -> Step:
    """SOFTMAX along the last axis."""
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    if abs(float(output.scale) * _ONE - 1) > 0.001:
        raise unsupported(
            f"SOFTMAX '{operator.name}' with an output scale other than 1/32768", _INSTEAD
        )
    beta = float(np.float32(operator.options.beta))
    by = ratio(operator, float(source.scale) * beta / (_SOFTMAX_RANGE / _RANGE))
    depth = source.shape[-1]
    names = [f"{operator.name}_{each}" for each in ("exponentials", "reciprocals")]
    tables = [
        Constant(name, "int16_t", table)
        for name, table in zip(names, softmax_tables(), strict=True)
    ]
    members: dict[str, Value] = {
        "exponentials": names[0],
        "reciprocals": names[1],
        "rows": source.size // depth,
        "depth": depth,
        "scale": _pair(by),
    }
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call("aot_softmax_s16.h", "aot_softmax_s16", arguments),),
        constants=tuple(tables),
        parameters=Parameters(operator.name, "aot_softmax_s16_t", members),
        overwrites=operator.inputs[0],
    )


def _binary(operator: Operator, graph: Graph, kind: str, members: dict[str, Value]) -> Step:
    operands = (Data(operator.inputs[0]), Data(operator.inputs[1]), Data(operator.output))
    call = Call("aot_binary_s16.h", f"aot_{kind}_s16", (f"&{operator.name}", *operands))
    whole: dict[str, Value] = {
        "broadcast": broadcast_record(operator, graph),
        **members,
        **clamp_of(operator, graph.output_of(operator)),
    }
    return Step(
        calls=(call,),
        parameters=Parameters(operator.name, f"aot_{kind}_s16_t", whole),
        overwrites=in_place_operand(operator, graph),
    )


def add_or_sub(operator: Operator, graph: Graph) -> Step:
    """ADD and SUB."""
    first, second = graph.inputs_of(operator)
    sign = 1 if operator.op == "ADD" else -1
    operands = addition.Operands((first, second), graph.output_of(operator), sign)
    by = addition.factors(operands, _LIFT_BITS)
    if any(each.shift > 0 for each in by):
        raise unsupported(
            f"{operator.op} '{operator.name}' with an output scale far below its inputs'",
            "calibrate with representative data",
        )
    names = ("operand0", "operand1", "output")
    pairs: dict[str, Value] = {name: _pair(each) for name, each in zip(names, by, strict=True)}
    return _binary(operator, graph, "add", {**pairs, "sign": sign})


def mul(operator: Operator, graph: Graph) -> Step:
    """MUL."""
    first, second = graph.inputs_of(operator)
    real = float(first.scale) * float(second.scale) / float(graph.output_of(operator).scale)
    return _binary(operator, graph, "mul", {"output": _pair(ratio(operator, real))})
