"""Records of PhysioNet's WFDB format, read with its own library.

Signals are read at their own rates: by default the library averages the faster ones down. Segments
are read one by one, since it fails at a record with a gap between them. Where a signal was moved
against the others (`skew`) and has several samples a frame, the library leaves numbers at the end
that were never measured; here they are NaN, as they are for one sample a frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._extras import library
from mlforge_tasks.datasets._recordings import Recording
from mlforge_tasks.datasets._table import shown
from mlforge_tasks.datasets._unpack import reading
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.datasets._read_files import ReadFiles
    from mlforge_tasks.datasets._wanted import Wanted

RECORD, LABEL, TIME = "record", "label", "time"
_GAP = "~"


@dataclass(frozen=True)
class Run:
    """Rows of a record without a gap between them.

    Attributes:
        recording: Its signals.
        first: Which row of the record its first one is.
        frame_rows: Rows a frame, which annotations count.
        rate_hz: Rows a second.
    """

    recording: Recording
    first: int
    frame_rows: int
    rate_hz: float


@dataclass(frozen=True)
class _Segment:
    """Signals of one header, [rows] each, or None where one that is wanted is not there."""

    signals: dict[str, NDArray[np.float64]] | None
    frame_rows: int


@dataclass(frozen=True)
class _Form:
    """What all records must have alike: which signals, their units, and their rate."""

    where: str
    units: tuple[str, ...]
    rate_hz: float


class Records:
    """The records of a folder.

    Args:
        base: The folder on this machine.
        files: Reads of it.
        names: The files in it.
        columns: Which signals are wanted.

    Raises:
        ToolError: The library is not there.
    """

    def __init__(self, base: Path, files: ReadFiles, names: list[str], columns: Wanted) -> None:
        self.wfdb = library("wfdb", "wfdb", "WFDB records")
        self.base = base
        self.files = files
        self._names = set(names)
        self._columns = columns
        self._kept: tuple[str, ...] = ()
        self._named: tuple[str, ...] = ()
        self._form: _Form | None = None

    @property
    def told(self) -> str:
        """At what rate and in which units the signals were read: others average them down."""
        if self._form is None:
            return "no record was read"
        units = ", ".join(dict.fromkeys(self._form.units))
        return f"signals at their own rate of {self._form.rate_hz:g} Hz, in {units}"

    def all(self) -> list[str]:
        """Names of the records that are no segments of others, sorted."""
        heads = [name.removesuffix(".hea") for name in self._names if name.endswith(".hea")]
        parts: set[str] = set()
        for record in heads:
            folder = record.rpartition("/")[0]
            for name in getattr(self.head(record), "seg_name", None) or ():
                parts.add(f"{folder}/{name}".lstrip("/"))
        return sorted(set(heads) - parts)

    def head(self, record: str) -> Any:
        """A record's header, with those of its segments.

        Raises:
            MlforgeError: There is none, or it is not as it should be.
        """
        where = self.files.where(f"{record}.hea")
        if f"{record}.hea" not in self._names:
            raise MlforgeError(f"{where}: there is no such file (dataset.source.records)")
        with reading(where, "not the header of a WFDB record"):
            found = self.wfdb.rdheader(str(self.base / record))
            if found.n_sig is None or not found.fs > 0:
                raise ValueError("it has no signals, or no rate")
            return found

    def runs(self, record: str) -> Iterator[Run]:
        """A record's rows, apart where there is a gap or a segment lacks a signal.

        Raises:
            MlforgeError: A file is missing or broken, or the record's signals, units or rate are
                not those of the records before.
        """
        head = self.head(record)
        parts = self._parts(record, head)
        if not self._named:
            self._choose(parts, record)
        run: list[_Segment] = []
        frame = first = 0
        for part, frames in parts:
            found = None if part is None else self._segment(part, plain=len(parts) == 1)
            if found is None or found.signals is None or (run and _unlike(run[0], found)):
                yield from self._joined(record, run, first, head.fs)
                run = []
            if found is not None and found.signals is not None:
                first = first if run else frame * found.frame_rows
                run.append(found)
            frame += frames
        yield from self._joined(record, run, first, head.fs)

    def _parts(self, record: str, head: Any) -> list[tuple[str | None, int]]:
        """Names and frames of a record's segments; None is a gap."""
        if not hasattr(head, "seg_name"):
            return [(record, head.sig_len or 0)]
        folder = record.rpartition("/")[0]
        return [
            (None if name == _GAP else f"{folder}/{name}".lstrip("/"), frames)
            for name, frames in zip(head.seg_name, head.seg_len, strict=True)
            if frames
        ]

    def _choose(self, parts: list[tuple[str | None, int]], record: str) -> None:
        heads = [self.head(part) for part, _ in parts if part is not None]
        found = [name for head in heads for name in _names(head)]
        self._named = tuple(dict.fromkeys(found))
        self._kept = tuple(self._columns.kinds(self._named))
        if not self._kept:
            raise MlforgeError(
                f"{self.files.where(record)}: there is no signal that the contract names",
                hint=f"its signals: {shown(self._named)}",
            )

    def _segment(self, part: str, *, plain: bool) -> _Segment:
        head = self.head(part)
        names = _names(head)
        missing = [name for name in self._kept if names.count(name) != 1]
        if missing and plain:
            times = "twice" if missing[0] in names else "not"
            raise MlforgeError(
                f"{self.files.where(part)}: the signal '{missing[0]}' is {times} there",
                hint=f"its signals: {shown(tuple(names))}; name the records that have it in "
                "dataset.source.records",
            )
        if missing:
            return _Segment(None, 1)
        places = [names.index(name) for name in self._kept]
        rates = {head.samps_per_frame[place] for place in places}
        if len(rates) > 1:
            told = ", ".join(
                f"{names[one]} {head.fs * head.samps_per_frame[one]:g}" for one in places
            )
            raise MlforgeError(
                f"{self.files.where(part)}: found signals of different rates: {told} Hz",
                hint="name signals of one rate as inputs",
            )
        (frame_rows,) = rates
        self._hold_alike(part, head, places, frame_rows)
        return self._read(part, head, places, frame_rows)

    def _hold_alike(self, part: str, head: Any, places: list[int], frame_rows: int) -> None:
        where = self.files.where(part)
        units = tuple(head.units[place] for place in places)
        found = _Form(where, units, head.fs * frame_rows)
        wanted = self._form = self._form or found
        if (found.units, found.rate_hz) != (wanted.units, wanted.rate_hz):
            raise MlforgeError(
                f"{where}: found {found.rate_hz:g} Hz and {', '.join(units)}, where {wanted.where} "
                f"has {wanted.rate_hz:g} Hz and {', '.join(wanted.units)}",
                hint="name records that are alike in dataset.source.records",
            )

    def _read(self, part: str, head: Any, places: list[int], frame_rows: int) -> _Segment:
        folder = part.rpartition("/")[0]
        for file in sorted({head.file_name[place] for place in places}):
            name = f"{folder}/{file}".lstrip("/")
            if name not in self._names:
                raise MlforgeError(f"{self.files.where(part)}: its file '{file}' is not beside it")
            self.files.use(name)
        self.files.use(f"{part}.hea")
        with reading(self.files.where(part), "not a whole WFDB record"):
            record = self.wfdb.rdrecord(
                str(self.base / part), channels=places, physical=True, smooth_frames=False
            )
            signals = dict(zip(self._kept, record.e_p_signal, strict=True))
        for name, place in zip(self._kept, places, strict=True):
            never = (head.skew[place] or 0) * frame_rows
            signals[name][len(signals[name]) - never :] = np.nan
        return _Segment(signals, frame_rows)

    def _joined(self, record: str, run: list[_Segment], first: int, fs: float) -> Iterator[Run]:
        """The segments of a run, where there are some."""
        if not run:
            return
        signals: dict[str, NDArray[Any]] = {
            name: np.concatenate([one.signals[name] for one in run if one.signals is not None])
            for name in self._kept
        }
        rows = len(next(iter(signals.values())))
        rate_hz = fs * run[0].frame_rows
        named = (*self._named, TIME)
        if TIME in self._columns.kinds(named) and TIME not in signals:
            signals[TIME] = (first + np.arange(rows)) / rate_hz
        recording = Recording(self.files.where(record), signals, named)
        yield Run(recording, first, run[0].frame_rows, rate_hz)


def _unlike(one: _Segment, other: _Segment) -> bool:
    return one.frame_rows != other.frame_rows


def _names(head: Any) -> list[str]:
    """What signals are called; those without a name by their place."""
    return [name or str(place) for place, name in enumerate(head.sig_name or ())]
