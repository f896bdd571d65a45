"""When rows were measured: what their stamps count, and where the next row is not the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._cells import CORRECT, quoted
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.contract.measured import Time, TimeUnit
    from mlforge_tasks.datasets._table import Table

_NS: dict[TimeUnit, int] = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_IN_WORDS: dict[TimeUnit, str] = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}
# Past this, nanoseconds since 1970 do not fit in 64 bits; that is in the year 2262.
_MOST_NS = 2.0**63
_UNITS = (
    (86400, "d"),
    (3600, "h"),
    (60, "min"),
    (1, "s"),
    (1e-3, "ms"),
    (1e-6, "us"),
    (1e-9, "ns"),
)
_HOUR_NS = 3600 * _NS["s"]


def in_words(ns: int) -> str:
    """A duration in the largest unit of which it has one."""
    seconds = ns * 1e-9
    scale, unit = next((one for one in _UNITS if seconds >= one[0]), (1, "s"))
    return f"{seconds / scale:.6g} {unit}"


@dataclass(frozen=True)
class Clock:
    """The rows of a table in time.

    Attributes:
        known: Whether a row has a time.
        step_ns: Time since the last row before that has one; 0 of a first row.
        ahead: Whether a step may be any, as another recording begins.
        interval_ns: From one row to the next.
        tolerance_ns: How far a step may be off.
        unit: What the stamps count where they are numbers, else None.
        column: Which column they are.
    """

    known: NDArray[np.bool_]
    step_ns: NDArray[np.int64]
    ahead: NDArray[np.bool_]
    interval_ns: int
    tolerance_ns: int
    unit: TimeUnit | None
    column: str

    @property
    def off(self) -> NDArray[np.bool_]:
        """Rows that are not an interval after the row before, and belong to its recording."""
        far: NDArray[np.bool_] = np.abs(self.step_ns - self.interval_ns) > self.tolerance_ns
        return self._inner & far

    @property
    def doubled(self) -> NDArray[np.bool_]:
        """Rows with the time of the row before."""
        same: NDArray[np.bool_] = self.step_ns == 0
        return self.off & same

    @property
    def gaps(self) -> NDArray[np.bool_]:
        """Rows that come late, though the row before has a time."""
        late = self.off & (self.step_ns > self.interval_ns)
        late[1:] &= self.known[:-1]
        return late

    @property
    def early(self) -> NDArray[np.bool_]:
        """Rows that come early, and not at the time of the row before."""
        return self.off & (self.step_ns > 0) & (self.step_ns < self.interval_ns)

    @property
    def breaks(self) -> NDArray[np.bool_]:
        """Whether no window may hold a row and the row before."""
        broken: NDArray[np.bool_] = ~self.known | self.ahead | self.off
        return broken

    @property
    def _inner(self) -> NDArray[np.bool_]:
        return self.known & ~self.ahead

    @property
    def usual_step_ns(self) -> int | None:
        """The median of the steps forward; None where there is none."""
        steps = self.step_ns[self._inner & (self.step_ns > 0)]
        return int(np.median(steps)) if len(steps) else None

    @property
    def keeps_interval(self) -> bool:
        """Whether the usual step is the one that the contract says."""
        step = self.usual_step_ns
        return step is None or abs(step - self.interval_ns) <= self.tolerance_ns

    @property
    def usual(self) -> str:
        """The usual step beside the contract's, in words."""
        step = self.usual_step_ns or 0
        return (
            f"the usual step of column '{self.column}' is {in_words(step)}, and dataset.time says "
            f"{in_words(self.interval_ns)} ± {in_words(self.tolerance_ns)}"
        )

    @property
    def read_as(self) -> str:
        """What its numbers were taken for, in words; empty where they are none."""
        return f"column '{self.column}' counts {_IN_WORDS[self.unit]}" if self.unit else ""


def read_clock(time: Time, table: Table, may_go_back: NDArray[np.bool_]) -> Clock:
    """Reads a table's stamps.

    Args:
        time: How they are written, and how far apart rows are.
        table: The rows.
        may_go_back: Where another recording begins, whose first time may be any.

    Raises:
        MlforgeError: A cell is no time, or a time lies before the one before.
    """
    stamps = table.stamps(time.column, time)
    known = ~(np.isnat(stamps) if stamps.dtype.kind == "M" else np.isnan(stamps))
    rows = np.flatnonzero(known)
    begins = np.maximum.accumulate(np.where(may_go_back, np.arange(table.rows), -1))
    ahead = np.ones(table.rows, dtype=np.bool_)
    ahead[rows[1:]] = begins[rows[1:]] > rows[:-1]
    found, forward = stamps[rows], ~ahead[rows]
    unit = None if stamps.dtype.kind == "M" else time.unit or _unit(found, forward, time)
    steps = np.zeros(table.rows, dtype=np.int64)
    steps[rows] = np.diff(_in_ns(found, unit, time, table, rows), prepend=0)
    steps[ahead] = 0
    clock = Clock(
        known,
        steps,
        ahead,
        round(time.interval_s * 1e9),
        round(time.tolerance_s * 1e9),
        unit,
        time.column,
    )
    if (steps < 0).any():
        raise _backwards(clock, time, table, int((steps < 0).argmax()))
    return clock


def _unit(found: NDArray[Any], forward: NDArray[np.bool_], time: Time) -> TimeUnit:
    """The unit in which the usual step is the interval; seconds where there is none."""
    steps = np.diff(found, prepend=0)[forward]
    steps = steps[steps > 0]
    usual = float(np.median(steps)) if len(steps) else 0.0
    for unit, ns in _NS.items():
        if abs(usual * ns * 1e-9 - time.interval_s) <= time.tolerance_s:
            return unit
    return "s"


def _in_ns(
    found: NDArray[Any], unit: TimeUnit | None, time: Time, table: Table, rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Stamps as whole nanoseconds; numbers with decimals and times to the microsecond."""
    counts = found if unit else found.astype(np.int64)
    one_ns, told_unit = (_NS[unit], _IN_WORDS[unit]) if unit else (1000, "this age")
    late = np.abs(counts.astype(np.float64)) * one_ns >= _MOST_NS
    if late.any():
        row = int(rows[late.argmax()])
        told = quoted(table.column(time.column)[row])
        raise MlforgeError(
            f"{table.place(row)}: column '{time.column}': found {told}, wanted a time in "
            f"{told_unit}",
            hint="say in dataset.time.unit what the stamps count: s, ms, us or ns"
            if unit
            else CORRECT,
        )
    if counts.dtype.kind == "i":
        whole: NDArray[np.int64] = counts * one_ns
        return whole
    return np.round(counts * (one_ns / 1000)).astype(np.int64) * 1000


def _backwards(clock: Clock, time: Time, table: Table, row: int) -> MlforgeError:
    count = int((clock.step_ns < 0).sum())
    many = f" ({count:,} such rows)" if count > 1 else ""
    back_ns = clock.interval_ns - clock.step_ns[row]
    put_back = abs(back_ns - _HOUR_NS) <= clock.tolerance_ns and time.zone is None
    autumn = "; if clocks were put back there, say where with `zone: Europe/Berlin`"
    return MlforgeError(
        f"{table.place(row)}: column '{time.column}': found a time before that of the row above, "
        f"wanted rows in the order of time{many}",
        hint="sort the rows by time, or name the column of the recordings as `group`"
        + (autumn if put_back else ""),
    )
