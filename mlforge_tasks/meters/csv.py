"""Any meter whose program writes CSV: a command that records, or a file that is appended to."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.meters import Trace
from mlforge_tasks.meters._settings import FILE, Csv, factor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

# How long a recorder may take until its file has a first sample, and to end.
START_LIMIT_S = END_LIMIT_S = 20.0
# A file that has not grown for so long has all that was recorded: programs write several times a
# second.
QUIET_S = 0.5
POLL_S = 0.02
# A step of more than so many usual ones is a hole.
HOLE_STEPS = 1.5
_TAIL_BYTES = 2000
DELIMITER_HINT = "see `columns` and `delimiter` of the meter in the hardware map"


@dataclass(frozen=True)
class _Rows:
    """Values of a file's columns, each with its line.

    Attributes:
        values: By column, shape (rows,).
        first_line: The line of the first row.
    """

    values: Mapping[str, NDArray[np.float64]]
    first_line: int


def read(path: Path, settings: Csv, *, behind: int = 0) -> Trace:
    """Reads what was recorded.

    Args:
        path: The file.
        settings: Its columns.
        behind: Byte of the file that the recording begins at; its header stands at the top.

    Raises:
        ToolError: It is no such file; with the line.
    """
    import numpy as np  # noqa: PLC0415 - only with a meter

    rows = _rows(path, settings, behind)
    columns, values = settings.columns, rows.values
    times = values[columns.time.column] * factor(columns.time.unit)
    period_s, lost = _period(path, times, rows.first_line)
    measured = columns.current or columns.power
    assert measured is not None  # noqa: S101 - `Csv` sees to it
    power = values[measured.column] * factor(measured.unit)
    if columns.power is None and columns.voltage is not None:
        power = power * values[columns.voltage.column] * factor(columns.voltage.unit)
    elif columns.power is None:
        power = power * (settings.voltage_v or 0.0)
    most = np.inf if measured.full_scale is None else measured.full_scale
    return Trace(
        period_s=period_s,
        power_w=power,
        marker=values[columns.marker.column] > columns.marker.above,
        clipped=np.abs(values[measured.column]) >= most,
        lost=lost,
    )


def _wanted(settings: Csv) -> tuple[str, ...]:
    columns = settings.columns
    found = (columns.time, columns.current, columns.power, columns.voltage, columns.marker)
    return tuple(one.column for one in found if one is not None)


def _rows(path: Path, settings: Csv, behind: int) -> _Rows:
    import numpy as np  # noqa: PLC0415 - as above

    try:
        data = path.read_bytes()
    except OSError as error:
        raise ToolError(f"cannot read {path}, which the meter writes: {error.strerror}") from error
    if behind >= len(data):
        raise ToolError(
            f"{path} was not written to while the board was measured",
            hint="start the meter's program, or let a `command` of the hardware map do it",
        )
    lines = data[: data.rfind(b"\n") + 1].decode("utf-8-sig", "replace").splitlines()
    wanted = _wanted(settings)
    top, places = _header(path, lines, settings, wanted)
    first = max(top + 1, data[:behind].count(b"\n"))
    values: list[list[float]] = []
    for number, cells in enumerate(_cells(lines[first:], settings), first):
        if cells:
            values.append([_number(path, number + 1, cells, one, settings) for one in places])
    if len(values) < 2:
        raise ToolError(f"{path} has {len(values)} samples", hint="see whether the meter records")
    table = np.asarray(values)
    return _Rows({name: table[:, at] for at, name in enumerate(wanted)}, first + 1)


def _cells(lines: list[str], settings: Csv) -> Iterator[list[str]]:
    """The cells of each line by itself: a stray quote is not to swallow those behind it."""
    for line in lines:
        cells = [line]
        with contextlib.suppress(csv.Error):  # a cell beyond all sense
            cells = next(csv.reader([line], delimiter=settings.delimiter), [])
        yield cells


def _header(
    path: Path, lines: list[str], settings: Csv, wanted: tuple[str, ...]
) -> tuple[int, list[int]]:
    """The line that names the columns, and their places; what comes before it says nothing."""
    best: list[str] = []
    for top, line in enumerate(lines[:100]):
        names = [one.strip() for one in next(_cells([line], settings), [])]
        if set(wanted) <= set(names):
            return top, [names.index(name) for name in wanted]
        if not best or len(set(wanted) & set(names)) > len(set(wanted) & set(best)):
            best = names
    missing = [name for name in wanted if name not in best]
    raise ToolError(
        f"{path} has no line with all columns: {', '.join(map(repr, missing))} "
        f"{'is' if len(missing) == 1 else 'are'} not among {', '.join(map(repr, best)) or 'none'}",
        hint=DELIMITER_HINT,
    )


def _number(path: Path, line: int, cells: list[str], place: int, settings: Csv) -> float:
    text = cells[place].strip() if place < len(cells) else ""
    if settings.delimiter != ",":
        text = text.replace(",", ".")
    with contextlib.suppress(ValueError):
        value = float(text)
        if value - value == 0:  # neither infinite nor NaN
            return value
    raise ToolError(
        f"{path}:{line}: found '{text[:60]}' in column {place + 1}, no number", hint=DELIMITER_HINT
    )


def _period(path: Path, times: NDArray[np.float64], first_line: int) -> tuple[float, str]:
    """Time between samples, and where some are missing."""
    import numpy as np  # noqa: PLC0415 - as above

    steps = np.diff(times)
    back = np.flatnonzero(steps <= 0)
    if len(back):
        raise ToolError(
            f"{path}:{first_line + int(back[0]) + 1}: time does not go up",
            hint="a time with more digits; its unit stands in the hardware map",
        )
    usual = float(np.median(steps))
    holes = np.flatnonzero(steps > HOLE_STEPS * usual)
    if len(holes) == 0:
        return float(times[-1] - times[0]) / len(steps), ""
    at = first_line + int(holes[0]) + 1
    widest = float(steps[holes].max())
    return usual, f"{path}:{at}: a step of {widest:.4g} s, usually {usual:.4g} s"


class _Recording:
    """See `meters.Recording`: of a file, which a command may write."""

    def __init__(self, settings: Csv, path: Path, running: subprocess.Popen[bytes] | None) -> None:
        self._settings = settings
        self._path = path
        self._running = running
        self._behind = path.stat().st_size if running is None and path.exists() else 0

    def stop(self) -> Trace:
        """See `meters.Recording.stop`."""
        if self._running is None:
            self._wait_until_quiet()
        else:
            self._interrupt(self._running)
        return read(self._path, self._settings, behind=self._behind)

    def _wait_until_quiet(self) -> None:
        deadline = time.monotonic() + END_LIMIT_S
        size, since = -1, time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - since < QUIET_S:
            now = self._path.stat().st_size if self._path.exists() else 0
            if now != size:
                size, since = now, time.monotonic()
            time.sleep(POLL_S)

    def _interrupt(self, running: subprocess.Popen[bytes]) -> None:
        if running.poll() is not None:
            raise _ended(running)
        os.killpg(running.pid, signal.SIGINT)
        try:
            running.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise ToolError(
                f"the meter's command did not end within {END_LIMIT_S:g} s of SIGINT",
                hint="`command` of the meter in the hardware map",
            ) from None


def _ended(running: subprocess.Popen[bytes]) -> ToolError:
    said = running.stdout.read()[-_TAIL_BYTES:].decode(errors="replace") if running.stdout else ""
    return ToolError(
        f"the meter's command ended by itself with {running.returncode}\n{said}".rstrip(),
        hint="it must record until it gets SIGINT",
    )


@dataclass(frozen=True)
class _CsvMeter:
    """See `meters.Connected`."""

    settings: Csv
    folder: Path

    @property
    def identity(self) -> Mapping[str, str]:
        """What the map says that it is: a file tells nothing of it."""
        return {"meter": f"csv {self.settings.name}"}

    @contextlib.contextmanager
    def record(self) -> Iterator[_Recording]:
        """See `meters.Connected.record`."""
        settings = self.settings
        with tempfile.TemporaryDirectory() as own:
            path = Path(own) / "trace.csv"
            if settings.file is not None:
                path = self.folder / Path(settings.file).expanduser()
            if settings.command is None:
                yield _Recording(settings, path, None)
                return
            path.unlink(missing_ok=True)  # an earlier recording is none of this one
            argv = [word.replace(FILE, str(path)) for word in settings.command]
            running = process.start(argv, cwd=self.folder)
            try:
                _wait_for_samples(path, settings, running)
                yield _Recording(settings, path, running)
            finally:
                process.stop(running)
                if running.stdout is not None:
                    running.stdout.close()


def _wait_for_samples(path: Path, settings: Csv, running: subprocess.Popen[bytes]) -> None:
    """Waits until a recorder has written something behind its header."""
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if running.poll() is not None:
            raise _ended(running)
        with contextlib.suppress(ToolError):
            read(path, settings)
            return
        time.sleep(POLL_S)
    raise ToolError(
        f"the meter's command wrote no samples to {path} within {START_LIMIT_S:g} s",
        hint="does it write as it goes on, with the columns of the hardware map?",
    )


class CsvKind:
    """See `meters.Meter`."""

    name = "csv"

    def require(self, settings: Csv, folder: Path) -> None:
        """See `meters.Meter.require`: what records; a relative path with a folder is the map's."""
        program = settings.command[0] if settings.command else None
        if program is None or shutil.which(program) is not None:
            return
        if "/" not in program or not os.access(folder / program, os.X_OK):
            raise ToolError(
                f"'{program}' was not found",
                hint="`command` of the meter in the hardware map names it",
            )

    @contextlib.contextmanager
    def connect(self, settings: Csv, folder: Path) -> Iterator[_CsvMeter]:
        """See `meters.Meter.connect`: there is nothing to find before it records."""
        yield _CsvMeter(settings, folder)


PLUGIN = CsvKind()
