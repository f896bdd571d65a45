"""Recordings of tables whose rows are another interval apart than the contract says."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._audio import MOST_TIMES
from mlforge_tasks.datasets._extras import library
from mlforge_tasks.datasets._recordings import Recording
from mlforge_tasks.datasets._table import Table
from mlforge_tasks.datasets._times import read_clock
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.contract.measured import TimeUnit
    from mlforge_tasks.datasets._times import Clock
    from mlforge_tasks.datasets._wanted import Wanted

_PER_NS: dict[TimeUnit, float] = {"s": 1e-9, "ms": 1e-6, "us": 1e-3, "ns": 1.0}
# Ratios of two intervals are simplified to numbers that filters can be made for.
_MOST_RATIO = 1000


class Steps:
    """Holds each recording's usual step against `dataset.time.interval`.

    Args:
        columns: What the contract names.
        resample: Whether a recording of another step is brought to it.

    Raises:
        MlforgeError: It is to be, and nothing says when rows were measured.
        ToolError: scipy is not installed.
    """

    def __init__(self, columns: Wanted, *, resample: bool) -> None:
        if resample and columns.time is None:
            raise MlforgeError(
                "dataset.source.resample: found tables, and nothing says when rows were measured",
                hint="give dataset.time",
            )
        self._columns = columns
        self._signal = library("scipy.signal", "audio", "Files to resample") if resample else None
        self._unit: TimeUnit | None = None
        self._kept = 0
        self._odd: list[str] = []

    def of(self, recording: Recording) -> Recording:
        """The recording, at the contract's interval where it is to be brought to that.

        Raises:
            MlforgeError: A time is none, or lies before the one before.
        """
        time = self._columns.time
        if time is None or time.column not in recording.signals:
            return recording
        starts = np.zeros(recording.rows, dtype=np.bool_)
        starts[:1] = True
        table = Table(
            recording.where,
            recording.signals,
            starts,
            recording.lines,
            recording.named,
            cells=recording.cells,
        )
        clock = read_clock(time.model_copy(update={"unit": time.unit or self._unit}), table, starts)
        if clock.keeps_interval:
            self._unit = self._unit or clock.unit
            self._kept += 1
            return recording
        self._odd.append(f"{recording.where}: {clock.usual}")
        if self._signal is None:
            return recording
        return self._resampled(recording, table.stamps(time.column, time), clock)

    def check(self) -> None:
        """Refuses recordings whose step is not that of the others.

        Raises:
            MlforgeError: There are some, and the contract does not say that they are resampled.
        """
        if self._odd and self._kept and self._signal is None:
            raise MlforgeError(
                f"{self._odd[0]} ({len(self._odd)} of {len(self._odd) + self._kept} files have "
                "another step)",
                hint="to bring them all to it, write `resample: true` in dataset.source",
            )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was resampled."""
        if not self._odd or self._signal is None:
            return ()
        files = "file" if len(self._odd) == 1 else "files"
        return (f"{len(self._odd):,} {files} resampled, of which {self._odd[0]}",)

    def _resampled(self, recording: Recording, stamps: NDArray[Any], clock: Clock) -> Recording:
        """Every stretch of even steps, by a polyphase filter; a row at its edge stays alone."""
        kinds = self._columns.kinds(recording.named)
        numbers = [name for name, kind in kinds.items() if kind == "number"]
        usual = clock.usual_step_ns or clock.interval_ns
        ratio = Fraction(usual, clock.interval_ns).limit_denominator(_MOST_RATIO)
        if not 0 < ratio <= MOST_TIMES:
            raise MlforgeError(
                f"{recording.where}: {clock.usual}, which is too far to resample",
                hint="say in dataset.time.unit what the stamps count, or leave the file out by "
                "dataset.source.files",
            )
        whole = clock.known.copy()
        for name in numbers:
            whole &= np.isfinite(recording.signals[name].reshape(recording.rows, -1)).all(axis=1)
        cut = clock.ahead | (np.abs(clock.step_ns - usual) > clock.tolerance_ns)
        cut[1:] |= ~whole[:-1]
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in recording.signals}
        rows: list[NDArray[np.int64]] = []
        for stretch in np.split(np.arange(recording.rows), np.flatnonzero(cut)):
            held = stretch[whole[stretch]]
            if len(held) < 2:
                continue
            count = -(-len(held) * ratio.numerator // ratio.denominator)
            near = held[np.arange(count) * ratio.denominator // ratio.numerator]
            rows.append(near)
            for name, array in recording.signals.items():
                parts[name].append(array[near])
            for name in numbers:
                parts[name][-1] = self._filtered(recording.signals[name][held], ratio)
            parts[clock.column][-1] = _stamps(stamps[held[0]], count, clock)
        if not rows:
            raise MlforgeError(f"{recording.where}: no two rows are an even step apart")
        signals = {name: np.concatenate(arrays) for name, arrays in parts.items()}
        lines = None if recording.lines is None else recording.lines[np.concatenate(rows)]
        return Recording(recording.where, signals, recording.named, lines, recording.cells)

    def _filtered(self, values: NDArray[Any], ratio: Fraction) -> NDArray[Any]:
        """As of sound, but with what is a straight line taken off before: gravity is no step."""
        if self._signal is None:
            raise AssertionError("is asked of what is to be resampled")
        exact: NDArray[Any] = self._signal.resample_poly(
            values.astype(np.float64), ratio.numerator, ratio.denominator, axis=0, padtype="line"
        )
        return exact


def _stamps(first: Any, count: int, clock: Clock) -> NDArray[Any]:
    """Times an interval apart, in what the column counts."""
    steps_ns = np.arange(count) * clock.interval_ns
    if clock.unit is None:
        since = (steps_ns // 1000).astype("timedelta64[us]")
        times: NDArray[Any] = np.datetime64(first, "us") + since
        return times
    counted: NDArray[Any] = first + steps_ns * _PER_NS[clock.unit]
    return counted
