"""Text of the `.ts` format of aeon and sktime to a table: a recording (a "case") a line.

The format is described at https://www.aeon-toolkit.org/en/stable/api_reference/file_specifications/ts.html.
aeon's own loader writes labels in lower case and loses minus signs beside time stamps, so this does
not use it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._series import Series, text_lines, to_table
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlforge_tasks.datasets._table import Table

TIME, CLASS, TARGET = "time", "class", "target"
_POINT = re.compile(r"\(([^(),]*),([^(),]*)\)")
_BETWEEN_DIMENSIONS = re.compile(r"(?<=\))\s*:\s*(?=\()")
_MISSING = frozenset({"?", "nan", ""})


@dataclass(frozen=True)
class _Header:
    """The tags before `@data`.

    Attributes:
        stamped: Whether each value has a time beside it.
        labels: The classes, or None where the file has none.
        valued: Whether each recording ends with a number to predict.
        dimensions: How many signals a recording has; None where the file does not say.
    """

    stamped: bool
    labels: tuple[str, ...] | None
    valued: bool
    dimensions: int | None

    @property
    def marked(self) -> bool:
        """Whether a recording ends with a class or a number."""
        return self.valued or self.labels is not None


@dataclass(frozen=True)
class TsText:
    """What a file holds.

    Attributes:
        table: Its recordings.
        notes: What was left out, a sentence each.
    """

    table: Table
    notes: tuple[str, ...]


def read_ts(data: bytes, where: str) -> TsText:
    """Reads a `.ts` file; a recording's signals are called 0, 1, 2...

    The class is the column `class`, a number to predict is `target` (in all rows of its recording),
    time stamps are `time`. A value that is missing is NaN; recordings whose `target` is missing are
    left out, since nothing can be learnt or judged from them.

    Raises:
        MlforgeError: It is no such file, or a recording is not as its header says.
    """
    lines = text_lines(data, where, remarks=(b"#", b"%"))
    header = _read_header(lines, where)
    kept: list[Series] = []
    without: list[int] = []
    for line, text in lines:
        found = _Case(text, line, where, header).read()
        if header.valued and np.isnan(float(found.marks[TARGET])):
            without.append(line)
        else:
            kept.append(found)
    if not kept:
        raise MlforgeError(f"{where}: there are no recordings after @data")
    for one in kept[1:]:
        if one.signals.keys() != kept[0].signals.keys():
            raise MlforgeError(
                f"{where}:{one.line}: found {_count(one)} signals, wanted {_count(kept[0])} as in "
                f"line {kept[0].line}"
            )
    first = f"{where}: left out recordings without a target: {len(without):,}, the first in line"
    return TsText(to_table(where, kept), (f"{first} {without[0]}",) if without else ())


def _count(series: Series) -> int:
    return len(series.signals.keys() - {TIME})


def _read_header(lines: Iterator[tuple[int, str]], where: str) -> _Header:
    """The tags up to `@data`; the lines after it are left."""
    tags: dict[str, tuple[int, list[str]]] = {}
    for line, text in lines:
        words = text.split()
        name = words[0].lower()
        if not name.startswith("@"):
            raise MlforgeError(f"{where}:{line}: found '{text[:40]}' before @data, wanted a tag")
        if name == "@data":
            return _Header(
                stamped=_is_true(tags, "@timestamps", where),
                labels=_labels(tags, where),
                valued=_is_true(tags, "@targetlabel", where),
                dimensions=_dimensions(tags, where),
            )
        tags[name] = line, words[1:]
    raise MlforgeError(f"{where}: found no line @data, wanted a file in the .ts format")


def _is_true(tags: dict[str, tuple[int, list[str]]], name: str, where: str) -> bool:
    line, words = tags.get(name, (0, ["false"]))
    word = words[0].lower() if words else ""
    if word not in {"true", "false"}:
        raise MlforgeError(f"{where}:{line}: {name}: found '{word}', wanted true or false")
    return word == "true"


def _labels(tags: dict[str, tuple[int, list[str]]], where: str) -> tuple[str, ...] | None:
    if not _is_true(tags, "@classlabel", where):
        return None
    line, words = tags["@classlabel"]
    if not words[1:]:
        raise MlforgeError(f"{where}:{line}: @classLabel true: found no label after it")
    return tuple(words[1:])


def _dimensions(tags: dict[str, tuple[int, list[str]]], where: str) -> int | None:
    line, words = tags.get("@dimensions", tags.get("@dimension", (0, [])))
    if words and not words[0].isdecimal():
        raise MlforgeError(f"{where}:{line}: @dimensions: found '{words[0]}', wanted a number")
    if words:
        return int(words[0])
    return 1 if _is_true(tags, "@univariate", where) else None


@dataclass(frozen=True)
class _Case:
    """One line after `@data`."""

    text: str
    line: int
    where: str
    header: _Header

    def read(self) -> Series:
        """The recording.

        Raises:
            MlforgeError: It is not as the header says.
        """
        body, marks = self._split_mark()
        signals = self._stamped(body) if self.header.stamped else self._plain(body)
        found = len(signals.keys() - {TIME})
        if self.header.dimensions not in {None, found}:
            raise self._mistake(f"{found} signals", f"{self.header.dimensions}, as the header says")
        if len({len(values) for values in signals.values()}) > 1:
            lengths = ", ".join(str(len(values)) for values in signals.values())
            raise self._mistake(f"signals of {lengths} values", "one length in a recording")
        return Series(signals, marks, self.line)

    def _split_mark(self) -> tuple[str, dict[str, str | float]]:
        if not self.header.marked:
            return self.text, {}
        body, colon, mark = self.text.rpartition(":")
        mark = mark.strip()
        if not colon or mark.startswith("("):
            raise self._mistake("no class or target after the last colon", "one")
        if self.header.labels is None:
            return body, {TARGET: self._number(mark)}
        if mark not in self.header.labels:
            wanted = f"one of {', '.join(self.header.labels[:20])}, as the header says"
            raise self._mistake(f"the class '{mark[:40]}'", wanted)
        return body, {CLASS: mark}

    def _plain(self, body: str) -> dict[str, NDArray[Any]]:
        return {
            str(index): self._numbers(dimension.split(","))
            for index, dimension in enumerate(body.split(":"))
        }

    def _stamped(self, body: str) -> dict[str, NDArray[Any]]:
        """Signals of `(time,value),(time,value)...`, which share their times."""
        signals: dict[str, NDArray[Any]] = {}
        for index, dimension in enumerate(_BETWEEN_DIMENSIONS.split(body)):
            points = _POINT.findall(dimension)
            if not points or _POINT.sub("", dimension).strip(" ,"):
                raise self._mistake(f"'{dimension[:40]}'", "points such as (0,1.5),(1,2.5)")
            times = np.array([time.strip() for time, _ in points], dtype=object)
            if TIME in signals and not np.array_equal(signals[TIME], times):
                raise self._mistake("signals with different times", "the same times for all")
            signals[TIME] = times
            signals[str(index)] = self._numbers([value for _, value in points])
        return signals

    def _numbers(self, cells: list[str]) -> NDArray[np.float64]:
        try:
            return np.array(cells, dtype=np.float64)
        except ValueError:  # a missing value, mostly; else told with what it is
            return np.array([self._number(cell) for cell in cells])

    def _number(self, cell: str) -> float:
        text = cell.strip()
        if text.lower() in _MISSING:
            return float("nan")
        try:
            return float(text)
        except ValueError:
            raise self._mistake(f"'{text[:40]}'", "a number, or ? where it is missing") from None

    def _mistake(self, found: str, wanted: str) -> MlforgeError:
        return MlforgeError(f"{self.where}:{self.line}: found {found}, wanted {wanted}")
