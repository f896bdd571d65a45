"""Raw text of the WISDM data sets to a table: `user,activity,time,x,y,z;`.

Their raw files have defects of their own: records end with a semicolon and not with the line, of
which some hold two; cells are missing; some are all zeros; time starts again within a user. Copies
of the set often have no times: `user,activity,x,y,z;`.
"""

from __future__ import annotations

import itertools
import math
import sys
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.datasets._series import text_lines
from mlforge_tasks.datasets._table import Table
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_CELLS, _CELLS_WITHOUT_TIME = 6, 5
_LOOKED_AT = 100  # records, for whether they have times
_AXES = ("x", "y", "z")
_MAX_STAMP = 2**62


@dataclass
class _Samples:
    """Records as they are read; a million of them take 60 MB so."""

    cells: int
    users: list[str] = field(default_factory=list)
    activities: list[str] = field(default_factory=list)
    stamps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    lines: array[int] = field(default_factory=lambda: array("q"))
    resumes: list[bool] = field(default_factory=list)

    @property
    def timed(self) -> bool:
        """Whether each says when it was."""
        return self.cells == _CELLS

    def add(self, record: str, line: int, *, resumes: bool) -> str | None:
        """Adds a record, or says what is wrong with it.

        Args:
            record: Its text.
            line: Its line.
            resumes: Whether a record was left out before it.
        """
        cells = [cell.strip() for cell in record.split(",")]
        if len(cells) != self.cells or not all(cells):
            return f"another number of cells than {self.cells}"
        try:
            stamp = int(cells[2]) if self.timed else 1
            values = [float(cell) for cell in cells[-len(_AXES) :]]
        except ValueError:
            return "a cell that is no number"
        if not all(map(math.isfinite, values)) or abs(stamp) > _MAX_STAMP:
            return "a cell that is no number"
        if stamp == 0:
            return "the time 0"
        self.users.append(sys.intern(cells[0]))
        self.activities.append(sys.intern(cells[1]))
        self.stamps.append(stamp)
        self.values.extend(values)
        self.lines.append(line)
        self.resumes.append(resumes)
        return None


@dataclass(frozen=True)
class Defect:
    """A kind of record that was left out: how many, and where the first is."""

    what: str
    count: int
    line: int

    def __str__(self) -> str:
        return f"records with {self.what}: {self.count}, the first in line {self.line}"


@dataclass(frozen=True)
class WisdmText:
    """What a file holds.

    Attributes:
        table: Columns `user`, `activity`, `time` (where there are times), `x`, `y`, `z`. A
            recording ends where the user changes, time does not go on, or a record was left out.
        defects: What was left out.
    """

    table: Table
    defects: tuple[Defect, ...]


def read_wisdm(data: bytes, where: str) -> WisdmText:
    """Reads raw WISDM text.

    Args:
        data: The file.
        where: Its name.

    Raises:
        MlforgeError: It is no such text: more of it is left out than read.
    """
    found = Counter[str]()
    lines: dict[str, int] = {}
    some = [record for _, record in itertools.islice(_records(data, where), _LOOKED_AT)]
    untimed = sum(map(_without_time, some)) > len(some) / 2
    samples = _Samples(_CELLS_WITHOUT_TIME if untimed else _CELLS)
    resumes = True
    for line, record in _records(data, where):
        defect = samples.add(record, line, resumes=resumes)
        resumes = defect is not None
        if defect is not None:
            found[defect] += 1
            lines.setdefault(defect, line)
    defects = tuple(Defect(what, found[what], lines[what]) for what in found)
    if len(samples.users) <= found.total():
        told = f" ({defects[0]})" if defects else ""
        raise MlforgeError(
            f"{where}: found {len(samples.users)} records such as "
            f"'33,Jogging,49105962326000,-0.69,12.68,0.50;', wanted a file of them{told}"
        )
    return WisdmText(_table(where, samples), defects)


def _without_time(record: str) -> bool:
    """Whether a record has three readings behind its activity, and no time before them."""
    cells = record.split(",")
    return len(cells) == _CELLS_WITHOUT_TIME and all(map(_is_number, cells[2:]))


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _records(data: bytes, where: str) -> Iterator[tuple[int, str]]:
    for line, text in text_lines(data, where):
        for record in text.split(";"):
            if record.strip():
                yield line, record


def _table(where: str, samples: _Samples) -> Table:
    stamps = np.array(samples.stamps)
    users = np.array(samples.users)
    starts = np.array(samples.resumes)
    starts[1:] |= users[1:] != users[:-1]
    starts[1:] |= stamps[1:] < stamps[:-1]
    values = np.array(samples.values).reshape(-1, len(_AXES))
    columns: dict[str, NDArray[np.generic]] = {
        "user": users,
        "activity": np.array(samples.activities),
        **({"time": stamps} if samples.timed else {}),
    }
    columns |= {name: values[:, index] for index, name in enumerate(_AXES)}
    return Table(where, columns, starts, np.array(samples.lines))
