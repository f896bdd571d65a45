"""Whether the numbers of a column are times, and what they count, before any contract says so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The share of a clock's steps that go ahead.
MOSTLY = 0.9
# Numbers of this size are the epoch's seconds, and milliseconds, microseconds, nanoseconds.
_EPOCH_S = 1e9
_TIMES = ("time", "stamp", "second", "date", "elapsed")
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
# What a column's name says that its numbers count: `timestamp_ms`, `Time [us]`, `millis`.
_NAMES = {
    "ms": ("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"),
    "us": ("us", "µs", "μs", "usec", "usecs", "micros", "microsecond", "microseconds"),
    "ns": ("ns", "nsec", "nsecs", "nanos", "nanosecond", "nanoseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
}
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Counted:
    """What numbers count that are times.

    Attributes:
        unit: `s`, `ms`, `us` or `ns`.
        guessed: Whether nothing says so but that they are whole seconds or more apart.
    """

    unit: str
    guessed: bool = False

    @property
    def seconds(self) -> float:
        """How many seconds one is."""
        return _UNITS[self.unit]


def counted(
    name: str, numbers: NDArray[np.float64], steps: NDArray[np.float64], unit: str | None
) -> Counted | None:
    """What the numbers of a column count that are times by their name or size; None of others.

    Args:
        name: The column's.
        numbers: All of it.
        steps: From row to row of the same recording.
        unit: What they count, where it is known.
    """
    if len(steps) < 2 or (steps > 0).mean() < MOSTLY:
        return None
    if unit is not None:
        return Counted(unit)
    for one, seconds in _UNITS.items():
        if _EPOCH_S <= numbers[0] * seconds < 3 * _EPOCH_S:
            return Counted(one)
    said, named = _said(name), says_time(name)
    if said is not None and (named or said != "s"):
        return Counted(said)
    return Counted("s", guessed=bool(steps[steps > 0].min() >= 1)) if named else None


def says_time(name: str) -> bool:
    """Whether a column is a time by its name."""
    return any(word in name.lower() for word in _TIMES) or name.lower() in {"t", "s"}


def _said(name: str) -> str | None:
    """What a column's name says that it counts."""
    words = {one.lower() for one in _WORD.findall(name)}
    return next((unit for unit, called in _NAMES.items() if words & {*called}), None)
