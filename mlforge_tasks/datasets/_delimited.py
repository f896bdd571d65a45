"""CSV text to a table."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.datasets._table import Table
from mlforge_tasks.datasets._unpack import gunzip
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from mlforge_tasks.contract.delimited import Delimited
    from mlforge_tasks.datasets._wanted import Wanted


def read_csv(data: bytes, where: str, form: Delimited, columns: Wanted | None = None) -> Table:
    """Reads CSV text, gzipped where `where` ends with `.gz`.

    Every cell stays text; blank lines are skipped; the rows are one recording.

    Args:
        data: The file.
        where: Its name, for messages.
        form: How it is written.
        columns: What to keep; by default every column.

    Raises:
        MlforgeError: It is no such text, has no rows, or a row has another number of cells.
    """
    text = _decode(gunzip(data, where) if where.endswith(".gz") else data, where)
    rows, lines = _split_rows(text, where, form.delimiter)
    if form.header and rows:
        names, rows, lines = _header(rows[0], where), rows[1:], lines[1:]
    else:
        names = [str(index) for index in range(len(rows[0]) if rows else 0)]
    if not rows:
        raise MlforgeError(f"{where}: there are no rows")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(names):
            raise MlforgeError(
                f"{where}:{line}: found {len(row)} cells, wanted {len(names)}",
                hint="give each row as many cells as the first line has; check `delimiter`",
            )
    kept = set(names if columns is None else columns.kinds(tuple(names)))
    arrays = {
        name: np.array(cells, dtype=object)
        for name, cells in zip(names, zip(*rows, strict=True), strict=True)
        if name in kept
    }
    starts = np.zeros(len(rows), dtype=np.bool_)
    starts[0] = True
    return Table(where, arrays, starts, np.array(lines), tuple(names))


def _decode(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MlforgeError(
            f"{where}:{line}: found bytes that are not UTF-8", hint="save the file as UTF-8"
        ) from error


def _split_rows(text: str, where: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """Rows and the line each ends on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise MlforgeError(f"{where}:{reader.line_num}: not CSV text ({error})") from error
    return rows, lines


def _header(cells: list[str], where: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise MlforgeError(
            f"{where}:1: column '{repeated[0]}' is there twice",
            hint="rename one; without a header line, say `header: false`",
        )
    return names
