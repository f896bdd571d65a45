"""How rows become examples: `dataset.window`, and what a horizon is called."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from mlforge_tasks.contract.fields import Count
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake

# More than any file has; what adds a few of them up stays within 64 bits.
MOST_ROWS = 10**12
_Rows = Annotated[int, Field(strict=True, ge=0, le=MOST_ROWS)]
_Count = Annotated[Count, Field(le=MOST_ROWS)]
# Units of time, in seconds.
_UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "us"))
# How far from a whole number of a unit an interval may be that is one but for its binary digits.
_ROUNDING = 1e-9


def _read(value: object) -> object:
    """A number of rows, or several that differ."""
    each = value if isinstance(value, list | tuple) else [value]
    if not each or any(isinstance(one, bool) or not isinstance(one, int) for one in each):
        raise Mistake("a number of rows, or a list of them such as [1, 6]")
    if min(each) < 0:
        raise Mistake("at least 0 rows")
    if max(each) > MOST_ROWS:
        raise Mistake(f"at most {MOST_ROWS:,} rows")
    if len(set(each)) < len(each):
        raise Mistake("each horizon once")
    return tuple(value) if isinstance(value, list) else value


class Window(Record):
    """How rows become examples.

    Attributes:
        length: Rows in an input.
        stride: Rows from one window's start to the next one's.
        horizon: How many rows after the window's last one the target lies; or each of several, at
            all of which the targets are predicted.
    """

    length: _Count
    stride: _Count = 1
    horizon: Annotated[_Rows | tuple[_Rows, ...], BeforeValidator(_read)] = 0

    @property
    def horizons(self) -> tuple[int, ...]:
        """All of them, in the contract's order."""
        return self.horizon if isinstance(self.horizon, tuple) else (self.horizon,)

    @property
    def named(self) -> bool:
        """Whether targets are called by their horizons."""
        return isinstance(self.horizon, tuple)

    @property
    def span(self) -> int:
        """Rows that a window and its targets cover."""
        return self.length + max(self.horizons)


def horizon_text(rows: int, interval_s: float | None) -> str:
    """`30 min`: how far ahead a horizon is, in the largest unit that the interval is whole in.

    Args:
        rows: The horizon.
        interval_s: Time from one row to the next; without it the text is `6 rows`.
    """
    if interval_s is None:
        return f"{rows} row{'' if rows == 1 else 's'}"
    for seconds, unit in _UNITS:
        steps = round(interval_s / seconds)
        if steps and abs(steps * seconds / interval_s - 1) < _ROUNDING:
            return f"{rows * steps} {unit}"
    return f"{rows * interval_s:.12g} s"
