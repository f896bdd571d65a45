"""How a CSV file is likely written, from its beginning: what a starter contract says of it."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
from typing import TYPE_CHECKING, Any

from mlforge_tasks.datasets._found import Found
from mlforge_tasks.datasets._lines import spaced
from mlforge_tasks.datasets._unpack import reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LOOKED_AT_BYTES, LOOKED_AT_LINES = 1 << 16, 200
MOSTLY = 0.5
DELIMITERS = (",", ";", "\t", "|")
_COMMENTS = ("#", "%")
# What programs write where a value is missing; none of it is a number.
MARKERS = {"", "NA", "N/A", "n/a", "na", "NaN", "nan", "NULL", "null", "None", "-", "?"}
_LONGEST_UNIT = 16
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WITH_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")


def is_number(cell: str) -> bool:
    """Whether a cell is a number with a decimal point."""
    return _NUMBER.fullmatch(cell.strip()) is not None


def text_form(path: Path, where: str) -> dict[str, Any]:
    """The keys of `contract.delimited.Delimited` that are not as by default.

    Args:
        path: The file.
        where: Its name, for messages.

    Raises:
        MlforgeError: It cannot be read.
    """
    form: dict[str, Any] = {}
    lines = _beginning(path, where, form)
    delimiter = _delimiter(lines)
    if delimiter != ",":
        form["delimiter"] = delimiter
    skipped = _above(lines, delimiter)
    rows = _rows(lines[skipped:], delimiter)
    if len(rows) > 2 and _is_start(rows[0]) and len({*map(str.strip, rows[1])}) == 1:
        skipped, rows = skipped + 2, rows[2:]
    if skipped:
        form["skip_rows"] = skipped
    return form | _cells(rows, delimiter)


def units_of(path: Path, where: str, form: Mapping[str, Any]) -> dict[str, str]:
    """The unit of each column that the row below the header says one of.

    Args:
        path: The file.
        where: Its name, for messages.
        form: How it is written, as `text_form` found it.

    Raises:
        MlforgeError: It cannot be read.
    """
    if not form.get("units_row"):
        return {}
    lines = _beginning(path, where, {})[form.get("skip_rows", 0) :]
    names, units = _rows(lines, form.get("delimiter", ","))[:2]
    said = ((name.strip(), unit.strip(" \t()[]")) for name, unit in zip(names, units, strict=False))
    return {name: unit for name, unit in said if 0 < len(unit) <= _LONGEST_UNIT and unit != "-"}


def _beginning(path: Path, where: str, form: dict[str, Any]) -> list[str]:
    """The first lines that are whole; `form` is told of an encoding that is not UTF-8."""
    packed = where.endswith(".gz")
    with reading(where, "no text"), gzip.open(path) if packed else path.open("rb") as stream:
        head = stream.read(LOOKED_AT_BYTES)
    lines = _decoded(head, form).splitlines()[:LOOKED_AT_LINES]
    cut = len(head) == LOOKED_AT_BYTES and len(lines) < LOOKED_AT_LINES
    return lines[:-1] if cut else lines


def _is_start(row: list[str]) -> bool:
    """Whether it is when a recording began, for each column: a rate follows (Empatica)."""
    numbers = {float(cell) if is_number(cell) else 0.0 for cell in row}
    return len(numbers) == 1 and 1e9 <= min(numbers) < 3e9


def _delimiter(lines: Sequence[str]) -> str:
    """What cuts the lines most evenly; blanks only where nothing else does."""
    found = max(DELIMITERS, key=lambda one: _evenness(lines, one))
    alone = _evenness(lines, found)[0] < MOSTLY
    return " " if alone and _evenness(lines, " ")[0] >= MOSTLY else found


def _above(lines: Sequence[str], delimiter: str) -> int:
    """How many lines are no part of the table: too short ones, and remarks."""
    width = _columns(lines, delimiter)
    wide = [len(_rows([line], delimiter)[0]) if line.strip() else 0 for line in lines]
    first = next((at for at, cells in enumerate(wide) if cells >= width), 0)
    remarks = next((at for at, one in enumerate(lines) if not one.startswith(_COMMENTS)), 0)
    named = first < remarks and width > 1 and wide[remarks - 1] == width
    return max(first, remarks - named)


def _rows(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    return [row for row in csv.reader(spaced(lines, delimiter), delimiter=delimiter) if row]


def _decoded(head: bytes, form: dict[str, Any]) -> str:
    for encoding, mark in (("utf-16", (b"\xff\xfe", b"\xfe\xff")), ("utf-8", (b"",))):
        if head.startswith(mark):
            whole = len(head) < LOOKED_AT_BYTES  # else the last character may be cut
            try:
                text = codecs.getincrementaldecoder(encoding)().decode(head, final=whole)
            except UnicodeDecodeError:
                continue
            if encoding != "utf-8":
                form["encoding"] = encoding
            return text.removeprefix("\ufeff")
    form["encoding"] = "cp1252"
    return head.decode("cp1252", errors="replace")


def _evenness(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    """The share of lines that a delimiter cuts into as many cells as most, if these are several."""
    counts = [len(row) for row in _rows(lines, delimiter)]
    width = _columns(lines, delimiter)
    return (counts.count(width) / len(counts) if width > 1 else 0.0, width)


def _columns(lines: Sequence[str], delimiter: str) -> int:
    """How many cells most lines have."""
    counts = [len(row) for row in _rows(lines, delimiter)]
    return max(set(counts), key=counts.count) if counts else 1


def _cells(rows: Sequence[list[str]], delimiter: str) -> dict[str, Any]:
    """Header, units, decimals and markers."""
    form: dict[str, Any] = {}
    body = [[cell.strip() for cell in row] for row in rows]
    commas = sum(bool(_WITH_COMMA.fullmatch(cell)) for row in body[1:] for cell in row)
    if commas and delimiter != ",":
        form["decimal"] = ","
        body = [[cell.replace(",", ".") for cell in row] for row in body]
    if body and any(map(is_number, body[0])):
        form["header"] = False
    elif len(body) > 2 and not any(map(is_number, body[1])) and any(map(is_number, body[2])):
        form["units_row"] = True
    first = 0 if form.get("header") is False else 2 if form.get("units_row") else 1
    markers: set[str] = set()
    for column in zip(*body[first:], strict=False):
        numbers = sum(map(is_number, column))
        odd = {cell for cell in column if not is_number(cell)}
        if numbers > len(column) / 2 and odd <= MARKERS:
            markers |= odd
    return form | ({"missing": sorted(markers)} if markers else {})


def pair(kind: str, path: str, root: Path) -> Found:
    """A `source` section of a file to train with, and of the one to test with beside it."""
    test = path.replace("_TRAIN.", "_TEST.")
    beside = {"test_path": test} if test != path and (root / test).is_file() else {}
    return Found({"kind": kind, "path": path, **beside})
