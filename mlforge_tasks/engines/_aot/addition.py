"""ADD and SUB as one sum of two products, exact because every pair of operands is tried.

The reference brings both operands to a common scale, adds, and brings the sum to the output's:
three multiplications, each with two roundings. Operands have 256 values each, so that whether one
sum of two products gives the same int8 can be seen for all 65,536 pairs. Of that sum only the
constant is free, and each pair says from where to where it may be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import fixed_point
from mlforge_tasks.engines._aot.fixed_point import INT8_MAX, INT8_MIN, INT32_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.fixed_point import Factor
    from mlforge_tasks.engines._aot.graph import Tensor

# The reference scales operands up by this power of two before it brings them to one scale.
HEADROOM_BITS = 20
_INPUTS = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int64)
_BYTE_BITS = 8
_SHIFTS = range(22, 9, -1)
_UNBOUNDED = 1 << 40
# Where the nearest products do not do, their neighbours may: so many steps of so much each.
_STEPS, _STEP = 4, 8


@dataclass(frozen=True)
class Sum:
    """An `aot_add_t`, see kernels/aot_binary_s8.h."""

    factor0: int
    factor1: int
    start: int
    centre: int
    shift: int


@dataclass(frozen=True)
class Operands:
    """What is added.

    Attributes:
        inputs: Both operands.
        output: The result.
        sign: Of the second operand, 1 or -1.
    """

    inputs: tuple[Tensor, Tensor]
    output: Tensor
    sign: int

    @property
    def ratios(self) -> tuple[float, float]:
        """Steps of the output that a step of each operand is."""
        first, second = (float(each.scale) / float(self.output.scale) for each in self.inputs)
        return first, self.sign * second


def factors(
    operands: Operands, headroom_bits: int = HEADROOM_BITS
) -> tuple[Factor, Factor, Factor]:
    """Operands to their common scale, and from there to the output's, as the reference has them."""
    first, second = (float(each.scale) for each in operands.inputs)
    twice = 2 * max(first, second)
    return (
        fixed_point.factor(first / twice),
        fixed_point.factor(second / twice),
        fixed_point.factor(twice / ((1 << headroom_bits) * float(operands.output.scale))),
    )


def _scaled(values: NDArray[np.int64], by: Factor) -> NDArray[np.int64]:
    """`fixed_point.scale` of many values, for factors below 1."""
    high = (values * by.multiplier + (1 << 30)) >> 31
    right = -by.shift
    return high if right == 0 else (high + (1 << (right - 1)) - (high < 0)) >> right


def reference(operands: Operands, by: tuple[Factor, Factor, Factor]) -> NDArray[np.int64]:
    """The reference's outputs [first operand, second operand], zero point added, saturated."""
    first, second = (
        _scaled((_INPUTS - tensor.zero_point) << HEADROOM_BITS, factor)
        for tensor, factor in zip(operands.inputs, by, strict=False)
    )
    scaled = _scaled(first[:, None] + operands.sign * second, by[2])
    return (scaled + operands.output.zero_point).clip(INT8_MIN, INT8_MAX)


def _shift(operands: Operands) -> int:
    """The greatest under which nothing overflows; 0 where there is none."""
    zero_points = [each.zero_point for each in operands.inputs]
    steps = [abs(each) for each in operands.ratios]
    most = sum(
        step * float(abs(_INPUTS - zero_point).max())
        for step, zero_point in zip(steps, zero_points, strict=True)
    )
    # A sum has the zero point and a rounding besides; a factor has eight bits more than the sum.
    largest = max(most + abs(operands.output.zero_point) + 2, max(steps) * (1 << _BYTE_BITS))
    return next((bits for bits in _SHIFTS if (largest + 1) * (1 << bits) < INT32_MAX), 0)


def _products(factor: int) -> NDArray[np.int64]:
    """What a factor makes of every operand."""
    return (_INPUTS * factor) >> _BYTE_BITS


def _neighbours(operands: Operands, shift: int) -> Iterator[tuple[int, int]]:
    """Factors, the nearest first."""
    nearest = [round(each * (1 << (shift + _BYTE_BITS))) for each in operands.ratios]
    steps = range(-_STEPS, _STEPS + 1)
    places = sorted((abs(i) + abs(j), i, j) for i in steps for j in steps)
    for _, i, j in places:
        yield nearest[0] + i * _STEP, nearest[1] + j * _STEP


def _bounds(
    outputs: NDArray[np.int64], zero_point: int, shift: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Least and greatest sum that becomes each output; a negative sum counts one less."""
    half = 1 << (shift - 1)
    low = ((outputs - zero_point) << shift) - half
    high = low + (2 * half - 1)
    low, high = low + (low < 0), high + (high < 0)
    low[outputs == INT8_MIN] = -_UNBOUNDED
    high[outputs == INT8_MAX] = _UNBOUNDED
    return low, high


def find(operands: Operands, by: tuple[Factor, Factor, Factor]) -> Sum | None:
    """The sum that is the reference's for every pair of operands.

    Args:
        operands: What is added.
        by: The reference's factors (`factors`).

    Returns:
        None where no sum that was tried is, which is rare.
    """
    shift = _shift(operands)
    if shift == 0:
        return None
    zero_points = [each.zero_point for each in operands.inputs]
    zero_point = operands.output.zero_point
    low, high = _bounds(reference(operands, by), zero_point, shift)
    for first, second in _neighbours(operands, shift):
        sums = _products(first)[:, None] + _products(second)
        least, greatest = int((low - sums).max()), int((high - sums).min())
        if least <= greatest:
            start = -(zero_points[0] * first + zero_points[1] * second) >> _BYTE_BITS
            centre = (2 * zero_point + 1) << (shift - 1)
            return Sum(first, second, min(max(start, least), greatest), centre, shift)
    return None
