"""CSV text to a table: some rows at a time, and of them the columns that are wanted."""

from __future__ import annotations

import csv
import io
import itertools
import re
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from mlforge_tasks.datasets._cells import BadCells, CellForm, form_of
from mlforge_tasks.datasets._lines import MAX_CELLS, misread, not_text, spaced, text_lines
from mlforge_tasks.datasets._stamps import Stamps, advice
from mlforge_tasks.datasets._table import Table
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.contract.delimited import Delimited
    from mlforge_tasks.datasets._wanted import Kind, Wanted

# Cells that are text at one time, some 60 bytes each.
_BLOCK_CELLS = 1 << 18
# Lines that are looked through for the header, where it is not the first.
_HEAD = 50
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


def read_csv(data: bytes, where: str, form: Delimited, columns: Wanted | None = None) -> Table:
    """Reads CSV text; see `read_stream`."""
    return read_stream(io.BytesIO(data), where, form, columns)


def read_stream(
    stream: BinaryIO, where: str, form: Delimited, columns: Wanted | None = None
) -> Table:
    """Reads CSV text, gzipped where `where` ends with `.gz`.

    Blank lines are skipped, and so are empty cells past the last column; the rows are one
    recording.

    Args:
        stream: The file, from its start.
        where: Its name, for messages.
        form: How it is written.
        columns: What to keep, and as what; by default every column, as text.

    Returns:
        Numbers as float64 with NaN where a cell stands for no value, times as datetime64[us] or
        as numbers, text as objects.

    Raises:
        MlforgeError: It is no such text, has no rows, a row has another number of cells, or a cell
            is not what its column is wanted as.
    """
    try:
        return _Reader(stream, where, form, columns).table()
    except UnicodeError as error:  # of UTF-16 without its mark it is no UnicodeDecodeError
        raise not_text(stream, where, form.encoding, error) from error


class _Column:
    """The values of one column so far."""

    def __init__(self, name: str, kind: Kind, form: CellForm, columns: Wanted | None) -> None:
        self.name = name
        self._kind = kind
        self._form = form
        self._stamps = Stamps(form, columns.time if columns else None)
        self._blocks: list[NDArray[Any]] = []

    @property
    def wanted(self) -> str:
        """What a cell should have been, in words."""
        return self._stamps.wanted if self._kind == "time" else "a number"

    @property
    def advice(self) -> Callable[[str], str] | None:
        """What to do about a bad cell, where that is something of its own."""
        return advice if self._kind == "time" and not self._stamps.numeric else None

    def add(self, cells: Sequence[str]) -> list[int]:
        """Keeps some cells' values; gives which of them are bad."""
        bad: list[int] = []
        if self._kind == "number":
            values, bad = self._form.numbers(cells)
        elif self._kind == "time":
            values, bad = self._stamps.read(cells)
        else:  # one object for each text, however often it is there
            values = np.array([sys.intern(cell) for cell in cells], dtype=object)
        self._blocks.append(values)
        return bad

    def array(self) -> NDArray[Any]:
        """All values; what they were made of is let go."""
        blocks, self._blocks = self._blocks, []
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


@dataclass
class _Ragged:
    """Rows with another number of cells than the first: how many, and the first of them."""

    count: int = 0
    line: int = 0
    cells: int = 0

    def add(self, line: int, cells: int) -> None:
        if not self.count:
            self.line, self.cells = line, cells
        self.count += 1


class _Reader:
    def __init__(
        self, stream: BinaryIO, where: str, form: Delimited, columns: Wanted | None
    ) -> None:
        self._where = where
        self._form = form
        self._wanted = columns
        self._cells = form_of(form.missing, form.decimal)
        lines = spaced(text_lines(stream, where, form.encoding), form.delimiter)
        self._skipped = sum(1 for _ in itertools.islice(lines, form.skip_rows))
        self._head = list(itertools.islice(lines, _HEAD))
        self._rows = csv.reader(
            itertools.chain(self._head, lines), delimiter=form.delimiter, strict=True
        )
        self._ragged = _Ragged()

    def table(self) -> Table:
        first = self._next()
        if not first:
            raise MlforgeError(f"{self._where}: there are no rows")
        names = self._header(first) if self._form.header else tuple(map(str, range(len(first))))
        if self._form.units_row:
            self._next()
        kept = self._kept(names)
        bad = BadCells(self._cells, in_text=True, header=self._form.header)
        blocks = self._blocks([] if self._form.header else [first], len(names))
        lines: list[NDArray[np.int64]] = []
        for rows, at in blocks:
            self._add(rows, at, kept, bad, first=not lines)
            lines.append(at)
            if bad.enough:
                bad.check(ended_at=f"{self._where}:{at[-1]}")
        if self._ragged.count:
            raise self._of_other_lengths(len(names))
        if not lines:
            raise MlforgeError(f"{self._where}: there are no rows")
        bad.check()
        places = np.concatenate(lines)
        starts = np.zeros(len(places), dtype=np.bool_)
        starts[0] = True
        arrays = {column.name: column.array() for _, column in kept}
        return Table(self._where, arrays, starts, places, names, cells=self._cells)

    def _next(self) -> list[str]:
        """The next row with a cell; an empty one at the end."""
        try:
            return next((row for row in self._rows if row), [])
        except csv.Error as error:
            raise self._no_csv(error) from error

    def _line(self) -> int:
        return self._skipped + self._rows.line_num

    def _no_csv(self, error: csv.Error) -> MlforgeError:
        return MlforgeError(f"{self._where}:{self._line()}: not CSV text ({error})")

    def _header(self, cells: list[str]) -> tuple[str, ...]:
        if len(cells) > MAX_CELLS:
            raise MlforgeError(
                f"{self._where}:{self._line()}: found {len(cells):,} cells in a row, wanted at "
                f"most {MAX_CELLS:,}",
                hint="give each moment a row of its own; check `delimiter`",
            )
        names = tuple(cell.strip() or str(at) for at, cell in enumerate(cells))
        if self._wanted is not None:
            other = misread(self._head, names, self._wanted.names(), self._form)
            if other is not None:
                raise MlforgeError(f"{self._where}:{self._line()}: {other[0]}", hint=other[1])
        return names

    def _kept(self, names: tuple[str, ...]) -> list[tuple[int, _Column]]:
        """The columns that are kept, each with its place in a row.

        Raises:
            MlforgeError: There are two of a name.
        """
        kinds: dict[str, Kind] = dict.fromkeys(names, "text")
        if self._wanted is not None:
            kinds = dict(self._wanted.kinds(names))
        for name, count in Counter(names).items():
            if count > 1 and name in kinds:
                raise MlforgeError(
                    f"{self._where}:{self._line()}: column '{name}' is there twice",
                    hint="rename one; without a header line, say `header: false`",
                )
        return [
            (index, _Column(name, kinds[name], self._cells, self._wanted))
            for index, name in enumerate(names)
            if name in kinds
        ]

    def _blocks(
        self, rows: list[list[str]], width: int
    ) -> Iterator[tuple[list[list[str]], NDArray[np.int64]]]:
        """Some rows at a time, and the line each ends on; counts rows of another length.

        Args:
            rows: Those that are read already.
            width: How many cells each has.
        """
        size = max(1, _BLOCK_CELLS // max(1, width))
        before = self._line() - _lines_of(rows)
        while True:
            try:
                rows += itertools.islice(self._rows, size - len(rows))
            except csv.Error as error:
                raise self._no_csv(error) from error
            if not rows:
                return
            after = self._line()
            lines = np.arange(before + 1, before + len(rows) + 1)
            if after - before != len(rows):  # a cell has a line break in it
                lines = before + np.cumsum([_lines_of([row]) for row in rows])
            if set(map(len, rows)) != {width}:
                fitting = [
                    index for index, row in enumerate(rows) if self._fits(row, width, lines[index])
                ]
                rows, lines = [rows[index] for index in fitting], lines[fitting]
            if rows:
                yield rows, lines
            rows, before = [], after

    def _fits(self, row: list[str], width: int, line: int) -> bool:
        """Whether a row has only blanks past the last column, which are taken off it."""
        if not row:
            return False
        if len(row) > width and not any(cell.strip() for cell in row[width:]):
            del row[width:]
        if len(row) != width:
            self._ragged.add(int(line), len(row))
        return len(row) == width

    def _add(
        self,
        rows: list[list[str]],
        lines: NDArray[np.int64],
        kept: list[tuple[int, _Column]],
        bad: BadCells,
        *,
        first: bool,
    ) -> None:
        if self._ragged.count:  # there will be no table
            return
        columns = list(zip(*rows, strict=True))
        for index, column in kept:
            cells = columns[index]
            for row in column.add(cells):
                place = f"{self._where}:{lines[row]}"
                alone = first and row == 0
                bad.add(
                    column.name,
                    cells[row],
                    place,
                    first=alone,
                    wanted=column.wanted,
                    advice=column.advice,
                )

    def _of_other_lengths(self, width: int) -> MlforgeError:
        found = self._ragged
        more = f"; {found.count:,} rows have another number" if found.count > 1 else ""
        cut_off = found.count == 1 and found.line == self._line() and found.cells < width
        return MlforgeError(
            f"{self._where}:{found.line}: found {found.cells} cells, wanted {width}{more}",
            hint="the file ends within a row: remove that line"
            if cut_off
            else "give each row as many cells as the first line has; check `delimiter`; lines "
            "above the header are passed over with `skip_rows` (dataset.source)",
        )


def _lines_of(rows: list[list[str]]) -> int:
    """How many lines of a file some rows take."""
    return len(rows) + sum(len(_LINE_BREAK.findall(cell)) for row in rows for cell in row)
