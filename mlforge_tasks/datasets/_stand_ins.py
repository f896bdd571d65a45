"""Numbers that loggers write where there is no value, such as -999: for a starter contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

KNOWN = (-99, -99.9, -99.99, -200, -999, -999.9, -9999, -9999.9, -99999, 9999, 99999)
_FEWEST = 3


def stand_in(numbers: NDArray[np.float64]) -> float | None:
    """The one that some cells of a column hold and that no reading comes near.

    It is there several times, and is further from all others than they are from each other.

    Args:
        numbers: The column; NaN where a value is missing.
    """
    there = numbers[np.isfinite(numbers)]
    for value in KNOWN:
        same = there == value
        others = there[~same]
        if same.sum() < _FEWEST or not len(others):
            continue
        low, high = float(others.min()), float(others.max())
        if max(low - value, value - high) > high - low > 0:
            return value
    return None
