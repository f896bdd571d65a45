"""Sets of int8 values, one for each channel of a tensor, and what arithmetic makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.fixed_point import INT8_MAX, INT8_MIN, INT32_MAX, INT32_MIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.fixed_point import Factor
    from mlforge_tasks.engines._aot.graph import Shape

    _Integers = NDArray[np.int64]

# A zero point that is added may carry a scaled value beyond 32 bits.
_MOST_SCALED = INT32_MAX - 256


@dataclass(frozen=True)
class Interval:
    """What a tensor's values can be: an interval for each index of its last axis, its channels.

    Attributes:
        low: Least value by channel.
        high: Greatest.
    """

    low: _Integers
    high: _Integers

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Channels of one value."""
        same: NDArray[np.bool_] = self.low == self.high
        return same

    def either(self, other: Interval) -> Interval:
        """The least intervals that hold both."""
        return Interval(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def clamped(self, low: int, high: int) -> Interval:
        """Within bounds."""
        return Interval(self.low.clip(low, high), self.high.clip(low, high))

    def mapped(self, table: NDArray[np.int8]) -> Interval:
        """What a table of every int8 makes of it."""
        ends, places = np.unique(np.stack([self.low, self.high]), axis=1, return_inverse=True)
        runs = [table[a - INT8_MIN : b - INT8_MIN + 1] for a, b in ends.T]
        low = np.array([run.min() for run in runs], np.int64)
        high = np.array([run.max() for run in runs], np.int64)
        return Interval(low[places.ravel()], high[places.ravel()])

    def of(self, channels: int) -> Interval:
        """The same of as many channels, where all are alike."""
        return Interval(np.broadcast_to(self.low, channels), np.broadcast_to(self.high, channels))

    def reshaped(self, source: Shape, target: Shape) -> Interval:
        """Of the same elements under another shape."""
        low = np.broadcast_to(self.low, source).reshape(-1, channels_of(target))
        high = np.broadcast_to(self.high, source).reshape(-1, channels_of(target))
        return Interval(low.min(axis=0), high.max(axis=0))


def channels_of(shape: Shape) -> int:
    """Elements of the last axis; one of a tensor without axes."""
    return shape[-1] if shape else 1


def anything(channels: int) -> Interval:
    """All that int8 holds."""
    return Interval(np.full(channels, INT8_MIN, np.int64), np.full(channels, INT8_MAX, np.int64))


def of_values(values: NDArray[np.generic]) -> Interval:
    """What a constant has."""
    rows = values.reshape(-1, channels_of(values.shape)).astype(np.int64)
    return Interval(rows.min(axis=0), rows.max(axis=0))


def scaled(values: _Integers, by: Sequence[Factor]) -> _Integers:
    """`fixed_point.scale` of the last axis, each of its elements by a factor of its own."""
    multiplier = np.array([each.multiplier for each in by], np.int64)
    shift = np.array([each.shift for each in by], np.int64)
    high = ((values << shift.clip(0)) * multiplier + (1 << 30)) >> 31
    right = (-shift).clip(0)
    half = np.where(right > 0, (np.int64(1) << (right - 1).clip(0)) - (high < 0), 0)
    shifted: _Integers = (high + half) >> right
    return shifted


def requantised(low: _Integers, high: _Integers, by: Sequence[Factor], zero_point: int) -> Interval:
    """Outputs of accumulators between two, both included, by channel.

    Requantisation never falls where the accumulator rises, so the ends make the ends; but where 32
    bits overflow the reference wraps, and an output can be anything.
    """
    left = np.array([max(each.shift, 0) for each in by], np.int64)
    fits = (low << left >= INT32_MIN) & (high << left <= INT32_MAX)
    ends = [scaled(np.where(fits, each, 0), by) for each in (low, high)]
    fits &= (np.abs(ends[0]) < _MOST_SCALED) & (np.abs(ends[1]) < _MOST_SCALED)
    made = Interval(ends[0] + zero_point, ends[1] + zero_point).clamped(INT8_MIN, INT8_MAX)
    return Interval(np.where(fits, made.low, INT8_MIN), np.where(fits, made.high, INT8_MAX))
