"""Lines of a text file, as its bytes are decoded; and where its header rather is."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, BinaryIO

from mlforge_tasks.contract.delimited import UTF_8
from mlforge_tasks.datasets._cells import quoted
from mlforge_tasks.datasets._unpack import unpacked
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlforge_tasks.contract.delimited import Delimited

MAX_CELLS = 1 << 16
_DELIMITERS = (";", "\t", ",", "|", " ")
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


def text_lines(stream: BinaryIO, where: str, encoding: str) -> io.TextIOWrapper:
    """A file's lines with their ends, gunzipped where `where` ends with `.gz`.

    Reading them raises MlforgeError where it is no whole gzip file, is too large, or has a line
    that is, and UnicodeError where it is not in this encoding.
    """
    # A mark of UTF-8 is no part of the first name.
    known = "utf-8-sig" if encoding == UTF_8 else encoding
    return io.TextIOWrapper(unpacked(stream, where), encoding=known, newline="")


def spaced(lines: Iterable[str], delimiter: str) -> Iterator[str]:
    """Lines whose cells stand apart by one of this, where any number of blanks and tabs counts."""
    if delimiter != " ":
        return iter(lines)
    return (" ".join(line.split()) + "\n" for line in lines)


def not_text(stream: BinaryIO, where: str, encoding: str, error: UnicodeError) -> MlforgeError:
    """What to say of bytes that are not in a file's encoding: where, and what they may be."""
    stream.seek(0)
    with unpacked(stream, where) as content:
        if content.peek(2)[:2] in _BYTE_ORDER_MARKS and not encoding.startswith("utf-16"):
            return MlforgeError(
                f"{where}:1: found text in UTF-16, wanted {encoding.upper()}",
                hint="say `encoding: utf-16` in dataset.source, or save the file as UTF-8",
            )
        line, number = _undecoded(content, encoding)
    place = f"{where}:{number}" if number else where
    message = f"{place}: found bytes that are not {encoding.upper()}"
    if encoding != UTF_8 or line is None:
        return MlforgeError(
            f"{message} ({getattr(error, 'reason', error)})",
            hint="say the file's own `encoding` in dataset.source",
        )
    shown = quoted(line.decode("cp1252", "replace"))
    return MlforgeError(
        message,
        hint=f"say `encoding: cp1252` in dataset.source if {shown} is what it should read; "
        "or save the file as UTF-8",
    )


def _undecoded(content: BinaryIO, encoding: str) -> tuple[bytes | None, int]:
    """The first line that cannot be decoded, and its number; 0 where lines cannot be told."""
    if encoding.startswith(("utf-16", "utf-32")):
        return None, 0
    for number, line in enumerate(content, start=1):
        try:
            line.decode(encoding)
        except UnicodeDecodeError as error:
            return line[max(0, error.start - 15) :], number
    return None, 0


def misread(
    head: list[str], names: tuple[str, ...], wanted: frozenset[str], form: Delimited
) -> tuple[str, str] | None:
    """What is wrong and what to do, where another reading of a file has more of the columns.

    Args:
        head: Its first lines, from where it is read.
        names: The columns that the first row names.
        wanted: The columns that the contract names.
        form: How it is read.
    """
    most, found = len(wanted & {*names}), None
    if most == len(wanted):
        return None
    for number, line in enumerate(head):
        for delimiter in (form.delimiter, *_DELIMITERS):
            cells = _cells(line, delimiter)
            if len(wanted & cells) > most:
                most, found = len(wanted & cells), (number, delimiter)
    if found is None:
        return None
    number, delimiter = found
    keys = [f"skip_rows: {form.skip_rows + number}"] if number else []
    if delimiter != form.delimiter:
        keys.append("delimiter: " + ('"\\t"' if delimiter == "\t" else f'"{delimiter}"'))
    return (
        f"found {quoted(head[0])}, wanted the names of the columns"
        + (f", which line {form.skip_rows + number + 1} has" if number else ""),
        f"say {' and '.join(f'`{key}`' for key in keys)} in dataset.source",
    )


def _cells(line: str, delimiter: str) -> frozenset[str]:
    try:
        return frozenset(
            cell.strip()
            for row in csv.reader(spaced([line], delimiter), delimiter=delimiter)
            for cell in row
        )
    except csv.Error:
        return frozenset()
