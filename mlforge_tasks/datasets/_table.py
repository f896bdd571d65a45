"""Rows by column, as a source holds them, and what can be read from a column.

Every error names the file, the row and the column.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.yaml_file import closest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHOWN_NAMES = 20
# Kinds of columns that can be text: no complex numbers, no durations, no raw bytes.
_TEXTS = "OUSMbiuf"
# Past this, microseconds since 1970 do not fit in 64 bits; that is 292,000 years.
_MAX_SECONDS = 9.2e12
_NO_NUMBER = (ValueError, TypeError, OverflowError)


def shown(names: tuple[str, ...]) -> str:
    """Names for an error message, cut where there are many."""
    rest = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {rest} more" if rest > 0 else "")


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
    """

    where: str
    columns: Mapping[str, NDArray[Any]]
    starts: NDArray[np.bool_]
    lines: NDArray[np.int64] | None = None
    named: tuple[str, ...] = ()
    files: Files | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.starts)

    @property
    def names(self) -> tuple[str, ...]:
        """The file's columns, in its order."""
        return self.named or tuple(self.columns)

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

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column as numbers, shape [rows, ...].

        Raises:
            MlforgeError: No such column, or a cell that is no finite number.
        """
        column = self.column(name)
        if column.dtype.kind not in "OUbiuf":
            raise MlforgeError(f"{self.where}: '{name}' holds {column.dtype}, wanted numbers")
        try:
            with np.errstate(all="ignore"):  # what becomes infinite by this is told below
                numbers = column.astype(np.float64)
        except _NO_NUMBER:
            raise self._not_a_number(name, column) from None
        bad = ~np.isfinite(numbers).reshape(self.rows, -1).all(axis=1)
        if bad.any():
            row = int(bad.argmax())
            raise self._bad_cell(name, row, _cell(column[row]), "a finite number")
        return numbers

    def _not_a_number(self, name: str, column: NDArray[Any]) -> MlforgeError:
        for row, cell in enumerate(column):
            try:
                column[row : row + 1].astype(np.float64)
            except _NO_NUMBER:
                return self._bad_cell(name, row, _cell(cell), "a number")
        raise AssertionError("a column that does not convert has a cell that does not")

    def _bad_cell(self, name: str, row: int, found: str, wanted: str) -> MlforgeError:
        return MlforgeError(
            f"{self.place(row)}: column '{name}': found {found}, wanted {wanted}",
            hint="correct or remove that row",
        )

    def texts(self, name: str) -> NDArray[np.str_]:
        """A column as text without surrounding blanks; whole numbers have no decimal point.

        Raises:
            MlforgeError: No such column, or it holds no text, or more than one value per row.
        """
        column = self._flat(name)
        if column.dtype.kind not in _TEXTS:
            raise MlforgeError(f"{self.where}: '{name}' holds {column.dtype}, wanted text")
        if column.dtype.kind == "S":
            column = np.char.decode(column, "utf-8", "replace")
        values, index = np.unique(column, return_inverse=True)
        return np.array([_as_text(value) for value in values.tolist()])[index]

    def times_us(self, name: str) -> NDArray[np.int64]:
        """A column of ISO 8601 times, numpy times or seconds, as microseconds.

        Raises:
            MlforgeError: No such column, or a cell that is no time.
        """
        column = self._flat(name)
        if column.dtype.kind == "M":
            missing = np.isnat(column)
            if missing.any():
                raise self._bad_cell(name, int(missing.argmax()), "no time", "a time")
            return column.astype("datetime64[us]").astype(np.int64)
        if column.dtype.kind in "OU" and not _is_number(column[0]):
            cells = enumerate(column.tolist())
            return np.array([self._instant_us(name, row, cell) for row, cell in cells])
        seconds = self.numbers(name)
        late = np.abs(seconds) > _MAX_SECONDS
        if late.any():
            row = int(late.argmax())
            raise self._bad_cell(name, row, _cell(column[row]), "a time in seconds")
        return np.round(seconds * 1e6).astype(np.int64)

    def _instant_us(self, name: str, row: int, cell: object) -> int:
        try:
            instant = datetime.fromisoformat(str(cell).strip())
        except ValueError:
            wanted = "an ISO 8601 time such as '2026-01-31 09:30:00'"
            raise self._bad_cell(name, row, _cell(cell), wanted) from None
        # Times without a zone: only the steps between them matter.
        aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        return (aware - EPOCH) // timedelta(microseconds=1)

    def _flat(self, name: str) -> NDArray[Any]:
        column = self.column(name)
        if column.ndim != 1:
            raise MlforgeError(
                f"{self.where}: '{name}' has shape {list(column.shape)}, wanted one value per row"
            )
        return column

    def column(self, name: str) -> NDArray[Any]:
        """A column as it is.

        Raises:
            MlforgeError: There is none of that name.
        """
        if name not in self.names:
            near = closest(name, self.names)
            guess = f"did you mean '{near}'? " if near else ""
            raise MlforgeError(
                f"{self.where}: there is no column '{name}'",
                hint=f"{guess}its columns: {shown(self.names)}",
            )
        if name not in self.columns:
            raise AssertionError(f"`_wanted` does not name '{name}', which is read")
        return self.columns[name]


def _is_number(cell: Any) -> bool:
    try:
        float(cell)
    except _NO_NUMBER:
        return False
    return True


def _cell(value: object) -> str:
    """A cell for an error message; what a terminal would obey is written out."""
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(str(value).split()))
    return f"'{text[:40]}...'" if len(text) > 40 else f"'{text}'"


def _as_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
