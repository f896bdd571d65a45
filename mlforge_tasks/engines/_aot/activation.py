"""Lowers HARD_SWISH, LEAKY_RELU and PRELU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import fixed_point
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.fixed_point import INT8_MAX, INT8_MIN
from mlforge_tasks.engines._aot.program import Call, Constant, Data, Parameters, Step
from mlforge_tasks.engines._aot.ratio import ratio
from mlforge_tasks.engines._aot.simple import lookup

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.fixed_point import Factor
    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor
    from mlforge_tasks.engines._aot.program import Value

INT16_MIN, INT16_MAX = -(1 << 15), (1 << 15) - 1
# Input values of HARD_SWISH are lifted by 7 bits; 3.0 is 2^15 on the scale of its ramp.
_LIFT = 128
_RAMP_SCALE = np.float32(3 / 32768)
_MOST_VALUE = 255
_MOST_PRODUCT = 1 << 16
# The reference's ramp shifts 16-bit values left within 32 bits.
_MOST_RAMP_SHIFT = 16


def _table(values: list[int]) -> NDArray[np.int8]:
    return np.array([fixed_point.saturate(value) for value in values], np.int8)


def leaky_relu(operator: Operator, graph: Graph) -> Step:
    """LEAKY_RELU as a table."""
    source = graph.inputs_of(operator)[0]
    output = graph.output_of(operator)
    slope = operator.options.alpha
    positive = ratio(operator, float(source.scale) / float(output.scale))
    negative = ratio(operator, float(source.scale) * slope / float(output.scale))

    def entry(value: int) -> int:
        by = positive if value >= 0 else negative
        return fixed_point.wrap(fixed_point.scale(value, by) + output.zero_point)

    values = range(INT8_MIN - source.zero_point, INT8_MAX + 1 - source.zero_point)
    return lookup(operator, graph, _table([entry(value) for value in values]))


def _saturate16(value: int) -> int:
    return max(INT16_MIN, min(INT16_MAX, value))


def _multiply_high16(a: int, b: int) -> int:
    """Product / 2^15, rounded half away from zero."""
    product = a * b
    half = (1 << 14) if product >= 0 else 1 - (1 << 14)
    return _saturate16(_divide(product + half, 1 << 15))


def _round_shift16(value: int, exponent: int) -> int:
    """`fixed_point.round_shift` in 16 bits: beyond 15 the reference's mask of the rest is -1."""
    if exponent < 16:
        return fixed_point.round_shift(value, exponent)
    return (value >> exponent) + (value > (-1 if value >= 0 else 0))


def _divide(a: int, b: int) -> int:
    """C's division, towards zero."""
    return a // b if a >= 0 else -(-a // b)


def _halved(by: Factor) -> int:
    """A multiplier's upper 16 bits, rounded."""
    return min((by.multiplier + (1 << 15)) >> 16, INT16_MAX)


def _ramp(lifted: int, by: Factor) -> int:
    """(x + 3) / 6 in Q0.15 between -3 and 3, saturated beyond."""
    value = lifted
    if by.shift > 0:
        value = _saturate16(value << (by.shift - 1))
    value = _multiply_high16(value, _halved(by))
    if by.shift > 0:
        value = _saturate16(value * 2)
    if by.shift < 0:
        value = _round_shift16(value, -by.shift)
    return (value + (1 << 15)) >> 1


def hard_swish(operator: Operator, graph: Graph) -> Step:
    """HARD_SWISH as a table, computed in the 16 bits that the reference computes in."""
    source = graph.inputs_of(operator)[0]
    output = graph.output_of(operator)
    lifted_scale = source.scale / np.float32(_LIFT)
    to_output = fixed_point.factor(float(lifted_scale) / float(output.scale))
    to_ramp = fixed_point.factor(float(lifted_scale) / float(_RAMP_SCALE))
    if to_output.shift > 0 or to_ramp.shift > _MOST_RAMP_SHIFT:
        raise unsupported(
            f"HARD_SWISH '{operator.name}' whose scales are far from each other",
            "calibrate with representative data",
        )

    def entry(value: int) -> int:
        lifted = value * _LIFT
        scaled = _multiply_high16(lifted, _halved(to_output))
        product = _divide(_ramp(lifted, to_ramp) * scaled, 1 << 15)
        return _round_shift16(product, -to_output.shift) + output.zero_point

    values = range(INT8_MIN - source.zero_point, INT8_MAX + 1 - source.zero_point)
    return lookup(operator, graph, _table([entry(value) for value in values]))


def _slopes(alpha: Tensor, output: Tensor) -> NDArray[np.int8]:
    """Slopes of as many elements as it takes until they repeat."""
    everywhere = np.broadcast_to(alpha.constant, output.shape).astype(np.int8)
    for axis in range(len(output.shape)):
        if (everywhere == everywhere.take([0], axis)).all():
            everywhere = everywhere.take([0], axis)
        elif everywhere.shape[axis] > 1:
            break
    return everywhere.ravel()


def prelu(operator: Operator, graph: Graph) -> Step:
    """PRELU with constant slopes."""
    source, alpha = graph.inputs_of(operator)
    output = graph.output_of(operator)
    if alpha.data is None:
        raise unsupported(f"PRELU '{operator.name}' with computed slopes", "use LeakyReLU")
    if source.shape != output.shape:
        raise unsupported(
            f"PRELU '{operator.name}' with more slopes than inputs", "give it the slopes' shape"
        )
    slopes = _slopes(alpha, output)
    name = f"{operator.name}_alpha"
    positive = float(source.scale) / float(output.scale)
    negative = float(source.scale) * float(alpha.scale) / float(output.scale)
    members: dict[str, Value] = {
        "alpha": name,
        "count": output.size,
        "period": slopes.size,
        "input_zero_point": source.zero_point,
        "alpha_zero_point": alpha.zero_point,
        "output_zero_point": output.zero_point,
        "positive": fixed_point.requant_record(
            0, -_MOST_VALUE, _MOST_VALUE, ratio(operator, positive)
        )[1:],
        "negative": fixed_point.requant_record(
            0, -_MOST_PRODUCT, _MOST_PRODUCT, ratio(operator, negative)
        )[1:],
    }
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call("aot_prelu_s8.h", "aot_prelu_s8", arguments),),
        constants=(Constant(name, "int8_t", slopes, "slopes"),),
        parameters=Parameters(operator.name, "aot_prelu_t", members),
        overwrites=operator.inputs[0],
    )
