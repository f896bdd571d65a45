"""Weka's ARFF text to a table.

The format is described at https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable/.
scipy's reader knows no names in double quotes, no `class{a,b}` without a blank and no strings, and
drops what a row has too much of; files of the field have the first two.
"""

from __future__ import annotations

import re
import sys
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._series import Series, text_lines, to_table
from mlforge_tasks.datasets._table import Table
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Literal

    from numpy.typing import NDArray

    InnerRows = Literal["channels", "steps"]

_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_CELL = re.compile(rf"\s*({_QUOTED}|[^,\t'\"]*?)\s*(,|\t|$)")
_ATTRIBUTE = re.compile(rf"@attribute\s+({_QUOTED}|[^\s{{]+)\s*(.*)", re.IGNORECASE | re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_NUMBERS = frozenset({"numeric", "real", "integer"})
_OTHERS = {"string": "text", "date": "text", "relational": "relational"}
_MISSING = "?"


@dataclass(frozen=True)
class Attribute:
    """A column as the header has it.

    Attributes:
        name: What it is called.
        kind: `number`, `text` or `relational`.
        inner: The columns of a relation's rows.
    """

    name: str
    kind: str
    inner: tuple[Attribute, ...] = ()


@dataclass(frozen=True)
class _Row:
    """Cells of a row, and its line."""

    cells: list[str]
    line: int


def read_arff(data: bytes, where: str, inner_rows: InnerRows | None) -> Table:
    """Reads ARFF text.

    Without a relational attribute all rows are one recording. With one each row is a recording:
    the relation's rows are its signals, called 0, 1, 2... (`channels`, as the UEA archive writes
    them; what is missing at the end of all of them is left out), or its steps in time (`steps`),
    and the other attributes are said of all its rows. A missing number is NaN.

    Raises:
        MlforgeError: It is no such text, or a row is not as its header says.
    """
    lines = text_lines(data, where, remarks=(b"%",))
    attributes = _header(lines, where)
    relations = [one for one in attributes if one.kind == "relational"]
    if relations and (len(relations) > 1 or inner_rows is None):
        raise MlforgeError(
            f"{where}: found {len(relations)} relational attributes, and the contract says of "
            f"{inner_rows or 'none'} what its rows are",
            hint="say `relation_rows: channels` (files of the UEA archive) or `steps` in "
            "dataset.source; one relation can be read",
        )
    rows = _rows(lines, len(attributes), where)
    if inner_rows is not None and relations:
        return to_table(where, [_recording(attributes, row, where, inner_rows) for row in rows])
    return _flat(attributes, rows, where)


def _rows(lines: Iterator[tuple[int, str]], count: int, where: str) -> Iterator[_Row]:
    """The rows after `@data`.

    Raises:
        MlforgeError: There is none, or one has another number of cells.
    """
    line = 0
    for line, text in lines:
        cells = _cells(text, where, line)
        if len(cells) != count:
            raise MlforgeError(
                f"{where}:{line}: found {len(cells)} cells, wanted {count}, one for each attribute"
            )
        yield _Row(cells, line)
    if not line:
        raise MlforgeError(f"{where}: there are no rows after @data")


def _header(lines: Iterator[tuple[int, str]], where: str) -> tuple[Attribute, ...]:
    """The attributes; the lines after `@data` are left."""
    open_relation: str | None = None
    outer: list[Attribute] = []
    inner: list[Attribute] = []
    for line, text in lines:
        word = text.split(maxsplit=1)[0].lower()
        if word == "@data":
            return _checked(outer, where)
        if word == "@end" and open_relation is not None:
            outer.append(Attribute(open_relation, "relational", tuple(inner)))
            open_relation, inner = None, []
        elif word == "@attribute":
            found = _attribute(text, where, line)
            if found.kind == "relational" and open_relation is None:
                open_relation = found.name
            else:
                (outer if open_relation is None else inner).append(found)
        elif word != "@relation":
            raise MlforgeError(
                f"{where}:{line}: found '{text[:40]}', wanted @relation, @attribute or @data"
            )
    raise MlforgeError(f"{where}: found no line @data, wanted a file in the ARFF format")


def _checked(attributes: list[Attribute], where: str) -> tuple[Attribute, ...]:
    names = [one.name for one in attributes]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        found = f"the attribute '{twice[0]}' twice" if twice else "no attribute"
        raise MlforgeError(f"{where}: found {found} before @data, wanted each once")
    return tuple(attributes)


def _attribute(text: str, where: str, line: int) -> Attribute:
    match = _ATTRIBUTE.fullmatch(text)
    kind = match.group(2) if match else ""
    word = kind.split(maxsplit=1)[0].lower() if kind else ""
    if match is None or not (kind.startswith("{") or word in {*_NUMBERS, *_OTHERS}):
        raise MlforgeError(
            f"{where}:{line}: found '{text[:60]}', wanted an attribute that is numeric, real, "
            "integer, string, date, relational or {…}"
        )
    name = _unquoted(match.group(1))
    if kind.startswith("{"):
        return Attribute(name, "text")
    return Attribute(name, "number" if word in _NUMBERS else _OTHERS[word])


def _cells(text: str, where: str, line: int) -> list[str]:
    """Cells of a row; those in quotes keep them."""
    if text.startswith("{"):
        raise MlforgeError(
            f"{where}:{line}: found a sparse row, wanted a value for each attribute",
            hint="save the file with Weka's filter SparseToNonSparse",
        )
    if "'" not in text and '"' not in text and "\t" not in text:
        return [cell.strip() for cell in text.split(",")]
    cells: list[str] = []
    place = 0
    while True:
        match = _CELL.match(text, place)
        if match is None:
            raise MlforgeError(f"{where}:{line}: found a quote that is not closed, or in a cell")
        cells.append(match.group(1))
        place = match.end()
        if not match.group(2):
            return cells


def _unquoted(cell: str) -> str:
    if len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "'\"":
        return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), cell[1:-1])
    return cell


def _flat(attributes: tuple[Attribute, ...], rows: Iterator[_Row], where: str) -> Table:
    """All rows as one recording; a number takes 8 bytes as it is read, and equal texts are one."""
    lines = array("q")
    columns: list[array[float] | list[str]] = [
        array("d") if one.kind == "number" else [] for one in attributes
    ]
    for row in rows:
        lines.append(row.line)
        for column, cell in zip(columns, row.cells, strict=True):
            if isinstance(column, list):
                column.append(sys.intern(_unquoted(cell)))
            else:
                column.append(_number(cell, where, row.line))
    starts = np.zeros(len(lines), dtype=np.bool_)
    starts[0] = True
    arrays = {
        one.name: np.array(column, dtype=object if isinstance(column, list) else np.float64)
        for one, column in zip(attributes, columns, strict=True)
    }
    return Table(where, arrays, starts, np.array(lines))


def _numbers(cells: list[str], where: str, line: int) -> NDArray[np.float64]:
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError:  # one is missing, or in quotes, or none
        return np.array([_number(cell, where, line) for cell in cells])


def _number(cell: str, where: str, line: int) -> float:
    try:
        return float(cell)
    except ValueError:
        pass
    if cell == _MISSING:
        return float("nan")
    try:
        return float(_unquoted(cell))
    except ValueError:
        raise MlforgeError(
            f"{where}:{line}: found '{cell[:40]}', wanted a number, or ? where it is missing"
        ) from None


def _recording(
    attributes: tuple[Attribute, ...], row: _Row, where: str, inner_rows: InnerRows
) -> Series:
    marks: dict[str, str | float] = {}
    signals: Mapping[str, NDArray[Any]] = {}
    for attribute, cell in zip(attributes, row.cells, strict=True):
        if attribute.kind == "relational":
            signals = _signals(attribute, cell, where, row.line, inner_rows)
        elif attribute.kind == "number":
            marks[attribute.name] = _number(cell, where, row.line)
        else:
            marks[attribute.name] = _unquoted(cell)
    return Series(signals, marks, row.line)


def _signals(
    attribute: Attribute, cell: str, where: str, line: int, inner_rows: InnerRows
) -> Mapping[str, NDArray[np.float64]]:
    texts = [text for text in _unquoted(cell).split("\n") if text.strip()]
    rows = [_cells(text, where, line) for text in texts]
    if {len(row) for row in rows} != {len(attribute.inner)}:
        raise MlforgeError(
            f"{where}:{line}: the rows of '{attribute.name}' do not have {len(attribute.inner)} "
            "numbers each"
        )
    values = np.array([_numbers(row, where, line) for row in rows])
    if inner_rows == "steps":
        return {one.name: values[:, index] for index, one in enumerate(attribute.inner)}
    there = np.flatnonzero(~np.isnan(values).all(axis=0))
    end = int(there[-1]) + 1 if len(there) else 0
    return {str(index): signal[:end] for index, signal in enumerate(values)}
