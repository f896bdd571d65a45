"""The fixed-point arithmetic of TensorFlow Lite Micro, as far as it is done at generation time.

Formulas are those of TFLM's reference kernels and of gemmlowp's fixed-point library, which they
use; the property tests hold every table and constant made here against the interpreter.
Scales are float32 in the model, so intermediate types matter and are the reference's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Activation, Tensor

INT8_MIN, INT8_MAX = -128, 127
INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1
Q31 = 1 << 31

# exp(-2^e) in Q0.31 for e = -2 ... 4, and constants of the Taylor expansion around -1/8.
_EXP_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
_EXP_MINUS_EIGHTH = 1895147668
_ONE_THIRD = 715827883
_HALF_SQRT_2 = 1518500250
# 48/17 and -32/17 in Q2.29, the start of the Newton-Raphson division.
_48_OVER_17 = 1515870810
_MINUS_32_OVER_17 = -1010580540

# The fast form of requantisation, see kernels/aot_math.h.
FAST_SHIFTS = range(1, 23)
FAST_ACCUMULATOR = 1 << 30
WIDE_RIGHT = -32

_ACTIVATION_BOUNDS: dict[Activation, tuple[float | None, float | None]] = {
    "NONE": (None, None),
    "RELU": (0.0, None),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}


@dataclass(frozen=True)
class Factor:
    """A real factor: multiplier * 2^(shift - 31), multiplier in [2^30, 2^31) or 0."""

    multiplier: int
    shift: int


def round_half_away(value: float) -> int:
    """C's `round`."""
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)


def factor(real: float) -> Factor:
    """The factor nearest to a real number; what is below 2^-32 becomes 0."""
    if real == 0.0:
        return Factor(0, 0)
    fraction, shift = math.frexp(real)
    multiplier = round_half_away(fraction * Q31)
    if multiplier == Q31:
        multiplier //= 2
        shift += 1
    return Factor(multiplier, shift) if shift >= -31 else Factor(0, 0)


def wrap(value: int) -> int:
    """An integer as two's complement of 32 bits."""
    return (value + Q31) % (1 << 32) - Q31


def multiply_high(a: int, b: int) -> int:
    """Product / 2^31, rounded half up, saturated."""
    return min((a * b + (1 << 30)) >> 31, INT32_MAX)


def round_shift(value: int, exponent: int) -> int:
    """Quotient by 2^exponent, rounded half away from zero."""
    if exponent == 0:
        return value
    return (value + (1 << (exponent - 1)) - (value < 0)) >> exponent


def scale(value: int, by: Factor) -> int:
    """An integer times a factor, with both roundings."""
    shifted = wrap(value << by.shift) if by.shift > 0 else value
    return round_shift(multiply_high(shifted, by.multiplier), max(-by.shift, 0))


def saturate(value: int) -> int:
    """The nearest int8."""
    return max(INT8_MIN, min(INT8_MAX, value))


def activation_range(
    activation: Activation, output: Tensor, ends: tuple[int, int] = (INT8_MIN, INT8_MAX)
) -> tuple[int, int]:
    """What a fused activation leaves of a range of integers, that of int8 if none is given."""

    def quantise(real: float | None, default: int) -> int:
        if real is None:
            return default
        steps = round_half_away(float(np.float32(real) / output.scale))
        return output.zero_point + steps

    low, high = _ACTIVATION_BOUNDS[activation]
    least, most = ends
    return max(least, quantise(low, least)), min(most, quantise(high, most))


def requant_record(bias: int, low: int, high: int, by: Factor) -> tuple[int, int, int]:
    """Bias, multiplier and shift of a channel, in the fast form where it is exact.

    Args:
        bias: Start of the accumulator.
        low: Least accumulator that any input can give.
        high: Greatest.
        by: Factor from accumulator to output.
    """
    right = -by.shift
    small = low > -FAST_ACCUMULATOR and high < FAST_ACCUMULATOR
    if right in FAST_SHIFTS and small:
        return bias, by.multiplier, right
    return bias, by.multiplier, -by.shift if by.shift >= 0 else WIDE_RIGHT + by.shift


def _rescale_up(value: int, exponent: int) -> int:
    return max(INT32_MIN, min(INT32_MAX, value << exponent))


def exp_of_negative(value: int, integer_bits: int) -> int:
    """exp(value) in Q0.31 for value <= 0 with `integer_bits` integer bits."""
    if value == 0:
        return INT32_MAX
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    in_quarter = (value & (quarter - 1)) - quarter
    x = _rescale_up(in_quarter, integer_bits) + (1 << 28)
    x2 = multiply_high(x, x)
    x3 = multiply_high(x2, x)
    x4 = multiply_high(x2, x2)
    tail = multiply_high(round_shift(x4, 2) + x3, _ONE_THIRD) + x2
    result = _EXP_MINUS_EIGHTH + multiply_high(_EXP_MINUS_EIGHTH, x + round_shift(tail, 1))
    remainder = in_quarter - value
    for exponent, constant in zip(range(-2, 5), _EXP_POWERS, strict=True):
        if integer_bits > exponent and remainder & (1 << (fraction_bits + exponent)):
            result = multiply_high(result, constant)
    return result


def _newton_reciprocal(x: int) -> int:
    """2 / (1 + x) in Q2.29 for x in [0, 1) in Q0.31."""
    half_denominator = (x + INT32_MAX + 1) // 2
    estimate = _48_OVER_17 + multiply_high(half_denominator, _MINUS_32_OVER_17)
    for _ in range(3):
        error = (1 << 29) - multiply_high(half_denominator, estimate)
        estimate += _rescale_up(multiply_high(estimate, error), 2)
    return estimate


def _logistic(value: int) -> int:
    """1 / (1 + exp(-value)) in Q0.31, value in Q4.27."""
    if value == 0:
        return 1 << 30
    positive = _rescale_up(_newton_reciprocal(exp_of_negative(-abs(value), 4)), 1)
    return positive if value > 0 else INT32_MAX - positive


def _tanh(value: int) -> int:
    """tanh(value) in Q0.31, value in Q4.27."""
    if value == 0:
        return 0
    exponential = exp_of_negative(-abs(value), 5)  # doubling is one more integer bit
    magnitude = _rescale_up(_newton_reciprocal(exponential) - (1 << 29), 2)
    return magnitude if value > 0 else -magnitude


def _input_radius(integer_bits: int, left_shift: int) -> int:
    return math.floor(((1 << integer_bits) - 1) * (1 << (31 - integer_bits)) / 2.0**left_shift)


def _table(entries: list[int]) -> NDArray[np.int8]:
    return np.array([saturate(entry) for entry in entries], np.int8)


def _sigmoid_table(source: Tensor, function: Callable[[int], int]) -> NDArray[np.int8]:
    """A function of every int8 as Q4.27, saturated beyond the range of that.

    Under a scale above 15 that range is empty, and the reference takes 0 as below it.
    """
    by = factor(float(source.scale) * (1 << 27))
    radius = _input_radius(4, by.shift)

    def entry(value: int) -> int:
        if value <= -radius:
            return INT8_MIN
        return INT8_MAX if value >= radius else function(scale(value, by))

    return _table([entry(v - source.zero_point) for v in range(INT8_MIN, INT8_MAX + 1)])


def logistic_table(source: Tensor) -> NDArray[np.int8]:
    """LOGISTIC of every int8; the output's scale is 1/256, its zero point -128."""
    return _sigmoid_table(source, lambda x: round_shift(_logistic(x), 23) - 128)


def tanh_table(source: Tensor) -> NDArray[np.int8]:
    """TANH of every int8; the output's scale is 1/128, its zero point 0."""
    return _sigmoid_table(source, lambda x: round_shift(_tanh(x), 24))


def requantise_table(source: Tensor, output: Tensor, by: Factor, low: int) -> NDArray[np.int8]:
    """Every int8 from one scale to another, not below `low`."""
    values = (value - source.zero_point for value in range(INT8_MIN, INT8_MAX + 1))
    return _table([max(low, wrap(scale(value, by) + output.zero_point)) for value in values])


def inverse_root(value: int) -> Factor:
    """1 / sqrt(value) of an integer from 1 to 2^29: five of Newton's steps in Q3.28.

    The reference has its shift to the right, and for 1 the greatest multiplier.
    """
    if value <= 1:
        return Factor(INT32_MAX, 0)
    pairs = (32 - value.bit_length() - 1) // 2 - 1
    half = round_shift(value << (2 * pairs) >> 1, 1)
    x = 1 << 28
    for _ in range(5):
        cube = _rescale_up(multiply_high(multiply_high(x, x), x), 6)
        difference = multiply_high(3 << 27, x) - multiply_high(half, cube)
        x = _rescale_up(difference, 3)
    root = multiply_high(x, _HALF_SQRT_2)
    right = 11 - pairs
    return Factor(root << max(-right, 0), -max(right, 0))


@dataclass(frozen=True)
class SoftmaxScale:
    """How a distance from the largest input becomes the exponent of SOFTMAX.

    Attributes:
        step: What the distance is multiplied by first, a power of two.
        multiplier: What then, / 2^31; the exponent is in Q5.26.
        reach: Exponentials of greater distances are 0: the reference skips what is beyond its
            input range.
    """

    step: int
    multiplier: int
    reach: int


def softmax_scale(source: Tensor, beta: float) -> SoftmaxScale:
    """Of exp(-distance * scale * beta), where scale * beta is above 2^-26."""
    real = min(beta * float(source.scale) * (1 << 26), float(INT32_MAX))
    by = factor(real)
    # A shift of 31 leaves a reach of 0, and a distance of 0 is what it is whatever the step.
    return SoftmaxScale(1 << min(by.shift, 30), by.multiplier, _input_radius(5, by.shift))
