"""Rows by column, as a source holds them, and what can be read from a column.

Every error names the file, the row and the column.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._cells import CORRECT, PLAIN, BadCells, CellForm, quoted, shown
from mlforge_tasks.datasets._stamps import Stamps
from mlforge_tasks.datasets._texts import Texts
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.yaml_file import closest

__all__ = ["Table", "shown"]

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.contract.measured import Time

# Kinds of columns that can be text: no complex numbers, no durations, no raw bytes.
_TEXTS = "OUSMbiuf"


@dataclass(frozen=True)
class Files:
    """The files whose rows a table holds below each other.

    Attributes:
        names: Each file, for messages; one may be there several times.
        begins: Row of the table where each begins.
        shifts: Row of the file that this is.
    """

    names: tuple[str, ...]
    begins: NDArray[np.int64]
    shifts: NDArray[np.int64]

    def place(self, row: int) -> tuple[str, int]:
        """The file that a row of the table is of, and which row of that it is."""
        index = int(np.searchsorted(self.begins, row, side="right")) - 1
        return self.names[index], row - int(self.begins[index]) + int(self.shifts[index])


@dataclass(frozen=True)
class Table:
    """Rows of a source.

    Attributes:
        where: File, for messages.
        columns: Arrays with one entry per row; text of a CSV file is an array of objects.
        starts: Whether a row is the first of a recording.
        lines: Line of each row in a text file; None where there are no lines.
        named: Names of all the file's columns, of which some may not be kept; by default those
            that are.
        files: Where its rows are from, if from several files.
        cells: How cells of text are read as numbers.
        said: Columns of what is said of whole recordings.
    """

    where: str
    columns: Mapping[str, NDArray[Any]]
    starts: NDArray[np.bool_]
    lines: NDArray[np.int64] | None = None
    named: tuple[str, ...] = ()
    files: Files | None = None
    cells: CellForm = PLAIN
    said: Mapping[str, Texts] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.starts)

    @property
    def names(self) -> tuple[str, ...]:
        """The file's columns, in its order."""
        return self.named or (*self.columns, *self.said)

    def place(self, row: int) -> str:
        """Where a row is: `file:line`, or `file, row N` counted from 0."""
        where, of_file = (self.where, row) if self.files is None else self.files.place(row)
        if self.lines is None:
            return f"{where}, row {of_file}"
        return f"{where}:{self.lines[row]}"

    def between(self, first: str, last: str) -> tuple[str, ...]:
        """Names of neighbouring columns, both ends included.

        Raises:
            MlforgeError: No such columns, or `last` comes before `first`.
        """
        names = self.names
        for name in (first, last):
            self.column(name)
        start, end = names.index(first), names.index(last)
        if end < start:
            raise MlforgeError(f"{self.where}: column '{last}' comes before column '{first}'")
        return names[start : end + 1]

    def numbers(self, name: str, *, holes: bool = False) -> NDArray[np.float64]:
        """A column as numbers, shape [rows, ...].

        Args:
            name: The column.
            holes: Whether values may be missing, which are NaN.

        Raises:
            MlforgeError: No such column, or a cell that is no finite number.
        """
        if name in self.said:
            said: NDArray[np.float64] = self._of_said(name).numbers(name, holes=holes)
            return np.take(said, self.said[name].index)
        column = self.column(name)
        if column.dtype.kind not in "OUbiuf":
            raise MlforgeError(f"{self.where}: '{name}' holds {column.dtype}, wanted numbers")
        if column.dtype.kind in "OU":
            return self._parsed(name, column, "a number")
        numbers = column.astype(np.float64, copy=False)
        flat = numbers.reshape(self.rows, -1)
        bad = (np.isinf(flat) if holes else ~np.isfinite(flat)).any(axis=1)
        if bad.any():
            raise self._not_finite(name, column, np.asarray(bad))
        return numbers

    def _parsed(self, name: str, column: NDArray[Any], wanted: str) -> NDArray[np.float64]:
        """A column of text as numbers.

        Raises:
            MlforgeError: A cell is none.
        """
        values, bad = self.cells.numbers(column.ravel().tolist())
        self._refuse(name, column, bad, wanted)
        return values.reshape(column.shape)

    def _refuse(self, name: str, column: NDArray[Any], bad: list[int], wanted: str) -> None:
        found = BadCells(self.cells, in_text=self.lines is not None)
        width = max(1, column.size // max(1, self.rows))
        for index in bad:
            row = index // width
            found.add(name, column.flat[index], self.place(row), first=row == 0, wanted=wanted)
        found.check()

    def _not_finite(self, name: str, column: NDArray[Any], bad: NDArray[np.bool_]) -> MlforgeError:
        row, count = int(bad.argmax()), int(bad.sum())
        many = f", in {count:,} rows" if count > 1 else ""
        missing = bool(np.isnan(column[row].astype(np.float64)).any())
        return MlforgeError(
            f"{self.place(row)}: column '{name}': found {quoted(column[row])}, wanted a finite "
            f"number{many}",
            hint="say in dataset.missing what becomes of missing values, such as {rule: drop}"
            if missing
            else CORRECT,
        )

    def _of_said(self, name: str) -> Table:
        """A table of what a column of `said` may hold, each once."""
        texts = self.said[name]
        rows = np.array([texts.first_row(one) for one in range(len(texts.values))])
        files = self.files and Files(
            tuple(self.files.place(row)[0] for row in rows.tolist()),
            np.arange(len(rows)),
            np.zeros(len(rows), dtype=np.int64),
        )
        columns = {name: texts.values.astype(object)}
        return Table(self.where, columns, np.ones(len(rows), np.bool_), files=files)

    def texts(self, name: str) -> Texts:
        """A column as text without surrounding blanks; whole numbers have no decimal point.

        Raises:
            MlforgeError: No such column, or it holds no text, or more than one value per row.
        """
        if name in self.said:
            return self.said[name]
        column = self._flat(name)
        if column.dtype.kind not in _TEXTS:
            raise MlforgeError(f"{self.where}: '{name}' holds {column.dtype}, wanted text")
        if column.dtype.kind == "S":
            column = np.char.decode(column, "utf-8", "replace")
        values, index = np.unique(column, return_inverse=True)
        return Texts.of([_as_text(value) for value in values.tolist()], index)

    def stamps(self, name: str, time: Time | None = None) -> NDArray[Any]:
        """A column of times, datetime64[us], or of numbers that count time, int64 or float64.

        Args:
            name: The column.
            time: How times of text are written; by default as ISO 8601.

        Returns:
            NaT or NaN where a time is missing.

        Raises:
            MlforgeError: No such column, or a cell that is no time.
        """
        column = self._flat(name)
        if column.dtype.kind == "M":
            return column.astype("datetime64[us]")
        if column.dtype.kind in "iu":
            return column.astype(np.int64)
        if column.dtype.kind not in "OU":
            return self.numbers(name, holes=True)
        reader = Stamps(self.cells, time)
        values, bad = reader.read(column.tolist())
        self._refuse(name, column, bad, reader.wanted)
        return values

    def _flat(self, name: str) -> NDArray[Any]:
        column = self.column(name)
        if column.ndim != 1:
            raise MlforgeError(
                f"{self.where}: '{name}' has shape {list(column.shape)}, wanted one value per row"
            )
        return column

    def column(self, name: str) -> NDArray[Any]:
        """A column as the source holds it.

        Raises:
            MlforgeError: No such column.
        """
        if name not in self.names:
            near = closest(name, self.names)
            guess = f"did you mean '{near}'? " if near else ""
            raise MlforgeError(
                f"{self.where}: there is no column '{name}'",
                hint=f"{guess}its columns: {shown(self.names)}",
            )
        if name in self.said:
            return self.said[name][:]
        if name not in self.columns:
            raise AssertionError(f"`_wanted` does not name '{name}', which is read")
        return self.columns[name]


def _as_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
