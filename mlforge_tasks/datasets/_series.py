"""Text to lines, and recordings that a file holds one after another to a table."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._table import Files, Table, shown
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Series:
    """One recording.

    Attributes:
        signals: Arrays with one entry per row, all of one length, by the column's name.
        marks: What is said of all its rows, by the column's name.
        line: Where it stands in a text file; None where there are no lines.
    """

    signals: Mapping[str, NDArray[Any]]
    marks: Mapping[str, str | float] = field(default_factory=dict)
    line: int | None = None

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(next(iter(self.signals.values())))


def to_table(where: str, series: Sequence[Series]) -> Table:
    """Puts recordings with the same columns below each other, those without a row left out.

    Args:
        where: The file, for messages.
        series: At least one that has a row.
    """
    series = [one for one in series if one.rows]
    counts = np.array([one.rows for one in series])
    columns: dict[str, NDArray[Any]] = {
        name: np.concatenate([one.signals[name] for one in series]) for name in series[0].signals
    }
    for name in series[0].marks:
        columns[name] = np.repeat(np.array([one.marks[name] for one in series]), counts)
    starts = np.zeros(int(counts.sum()), dtype=np.bool_)
    starts[np.cumsum(counts) - counts] = True
    if series[0].line is None:
        return Table(where, columns, starts)
    return Table(where, columns, starts, np.repeat([one.line for one in series], counts))


def stacked(where: str, parts: Sequence[tuple[Table, Mapping[str, str]]]) -> Table:
    """Puts the tables of several files below each other; each keeps its recordings.

    Args:
        where: All of them, for messages.
        parts: At least one table, and what is said of all its rows, by the column's name.

    Raises:
        MlforgeError: They differ in their columns.
    """
    first, first_marks = parts[0]
    names = (*first.columns, *first_marks)
    for table, marks in parts:
        if {*names} != {*table.columns, *marks}:
            raise MlforgeError(
                f"{table.where}: found the columns {shown((*table.columns, *marks))}; wanted those "
                f"of {first.where}: {shown(names)}"
            )
    if len(parts) == 1 and not first_marks:
        return first
    columns = {
        name: np.concatenate([_column(table, marks, name) for table, marks in parts])
        for name in names
    }
    tables = [table for table, _ in parts]
    counts = np.array([table.rows for table in tables])
    lines = [table.lines for table in tables if table.lines is not None]
    return Table(
        where,
        columns,
        starts=np.concatenate([table.starts for table in tables]),
        lines=np.concatenate(lines) if len(lines) == len(tables) else None,
        named=(*first.names, *first_marks),
        files=Files(
            tuple(table.where for table in tables),
            begins=np.cumsum(counts) - counts,
            shifts=np.zeros(len(tables), dtype=np.int64),
        ),
        cells=first.cells,
    )


def _column(table: Table, marks: Mapping[str, str], name: str) -> NDArray[Any]:
    return np.full(table.rows, marks[name]) if name in marks else table.columns[name]


def text_lines(
    data: bytes, where: str, remarks: tuple[bytes, ...] = ()
) -> Iterator[tuple[int, str]]:
    """Lines that say something, without blanks around them, and their numbers from 1.

    Args:
        data: UTF-8 text; remarks alone may be of any encoding.
        where: The file, for messages.
        remarks: What a line begins with that is a remark.

    Raises:
        MlforgeError: A line is not UTF-8.
    """
    # Not `splitlines`, which makes them all at once.
    for line, raw in enumerate(io.BytesIO(data), 1):
        stripped = (raw.removeprefix(b"\xef\xbb\xbf") if line == 1 else raw).strip()
        if not stripped or stripped.startswith(remarks):
            continue
        try:
            yield line, stripped.decode("utf-8")
        except UnicodeDecodeError:
            raise MlforgeError(
                f"{where}:{line}: found bytes that are not UTF-8", hint="save the file as UTF-8"
            ) from None
