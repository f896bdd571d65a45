"""Recordings, a file each, to one table of their rows below each other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._cells import PLAIN, CellForm
from mlforge_tasks.datasets._table import Files, Table, shown
from mlforge_tasks.datasets._texts import Texts
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


# Of all recordings together, before they are put below each other, which takes as much again.
_MOST_BYTES = 8 << 30


@dataclass(frozen=True)
class Piece:
    """Rows of a recording that belong together, and what is said of all of them.

    Attributes:
        first: The first row.
        end: The one after the last.
        marks: Values by column.
    """

    first: int
    end: int
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recording:
    """What one file holds.

    Attributes:
        where: The file, for messages.
        signals: Arrays with one entry a row, by column.
        named: All columns of the file, of which some may not be wanted.
        lines: Line of each row in a text file; None where there are no lines.
        cells: How cells of text are read as numbers.
    """

    where: str
    signals: Mapping[str, NDArray[Any]]
    named: tuple[str, ...] = ()
    lines: NDArray[np.int64] | None = None
    cells: CellForm = PLAIN

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(next(iter(self.signals.values())))


class Joined:
    """Puts recordings below each other; each piece is a recording of its own in the table.

    Args:
        where: What they are together, for messages.
        said: Columns that are said of recordings, of which some may not be wanted.
    """

    def __init__(self, where: str, said: tuple[str, ...] = ()) -> None:
        self._where = where
        self._said = said
        self._first: Recording | None = None
        self._signals: dict[str, list[NDArray[Any]]] = {}
        self._lines: list[NDArray[np.int64]] = []
        self._bytes = 0
        self._pieces: list[Piece] = []
        self._files: list[str] = []
        self._shifts: list[int] = []

    def add(self, recording: Recording, pieces: Sequence[Piece]) -> None:
        """Adds some rows of a recording.

        Raises:
            MlforgeError: Its columns are not those of the recordings before.
        """
        first = self._first = self._first or recording
        _check_alike(recording, first)
        for piece in pieces:
            if piece.end <= piece.first:
                continue
            both = sorted(piece.marks.keys() & recording.signals.keys())
            if both:
                raise MlforgeError(
                    f"{recording.where}: column '{both[0]}' is there too, beside what is said of "
                    "the whole recording",
                    hint="rename it in the file",
                )
            for name, array in recording.signals.items():
                self._signals.setdefault(name, []).append(array[piece.first : piece.end])
                self._bytes += self._signals[name][-1].nbytes
            if self._bytes > _MOST_BYTES:
                raise MlforgeError(
                    f"{self._where}: the recordings hold more than {_MOST_BYTES >> 30} GiB "
                    f"(at {recording.where}, the {len(self._pieces) + 1:,}th)",
                    hint="take fewer of them by dataset.source.files, or smaller ones by "
                    "dataset.source.rate or dataset.source.images",
                )
            if recording.lines is not None:
                self._lines.append(recording.lines[piece.first : piece.end])
            self._pieces.append(piece)
            self._files.append(recording.where)
            self._shifts.append(piece.first)

    def table(self) -> Table:
        """All of them; what they were made of is let go.

        Raises:
            MlforgeError: There is no row.
        """
        if self._first is None or not self._pieces:
            raise MlforgeError(
                f"{self._where}: no recording has a row that is labelled",
                hint="check `unit` in dataset.source.labels",
            )
        counts = np.array([piece.end - piece.first for piece in self._pieces])
        begins = np.cumsum(counts) - counts
        columns: dict[str, NDArray[Any]] = {}
        for name in tuple(self._signals):
            columns[name] = np.concatenate(self._signals.pop(name))
        said: dict[str, Texts] = {}
        for name in self._pieces[0].marks:
            said[name] = Texts.of([piece.marks[name] for piece in self._pieces]).repeated(counts)
        starts = np.zeros(int(counts.sum()), dtype=np.bool_)
        starts[begins] = True
        lines = np.concatenate(self._lines) if self._lines else None
        own = self._first.named or tuple(self._first.signals)
        named = (*own, *(name for name in self._said if name not in own))
        files = Files(tuple(self._files), begins, np.array(self._shifts))
        cells = self._first.cells
        return Table(self._where, columns, starts, lines, named, files, cells, said)


def _check_alike(recording: Recording, first: Recording) -> None:
    if recording.signals.keys() != first.signals.keys():
        unlike = sorted(recording.signals.keys() ^ first.signals.keys())
        holder, other = (first, recording) if unlike[0] in first.signals else (recording, first)
        raise MlforgeError(
            f"{other.where}: there is no column '{unlike[0]}', which {holder.where} has",
            hint=f"its columns: {shown(other.named or tuple(other.signals))}; files that are alike "
            "can be picked with dataset.source.files",
        )
    for name, array in recording.signals.items():
        before = first.signals[name]
        if array.shape[1:] != before.shape[1:] or _kind(array) != _kind(before):
            raise MlforgeError(
                f"{recording.where}: '{name}' holds {_told(array)}, where {first.where} has "
                f"{_told(before)}"
            )


def _kind(array: NDArray[Any]) -> str:
    """What can be put below each other: text, numbers, or what numpy calls it."""
    kind = array.dtype.kind
    return "text" if kind in "OUS" else "number" if kind in "biuf" else kind


def _told(array: NDArray[Any]) -> str:
    kind = "text" if _kind(array) == "text" else str(array.dtype)
    return f"{kind} of shape {list(array.shape[1:])}" if array.ndim > 1 else kind


def odd_ones(found: Mapping[str, object], wanted: object | None) -> tuple[object, list[str]]:
    """Which recordings are not like the others.

    Args:
        found: Something of each recording, by its name.
        wanted: What it should be; by default what most have.

    Returns:
        What it should be, and the names of those that have something else.
    """
    if wanted is None:
        wanted = Counter(found.values()).most_common(1)[0][0]
    return wanted, [name for name, value in found.items() if value != wanted]
