"""What one column holds: numbers, a few values, times. For a contract to start from."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._counted import MOSTLY, counted, says_time
from mlforge_tasks.datasets._sniff import MARKERS, is_number
from mlforge_tasks.datasets._stamps import Stamps, only_format
from mlforge_tasks.datasets._stand_ins import stand_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.datasets._table import Table
    from mlforge_tasks.datasets._texts import Texts

LOOKED_AT = 50_000
MOST_VALUES = 50
# How far a step may be off the usual one, as a share of it.
TOLERANCE = 0.2
_ID = re.compile(r"(^|[_ ])(id|idx|index)$", re.IGNORECASE)
_DAY, _DAYS = "%Y%m%d", (19000101, 21001231)


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: What a contract calls it.
        axes: Shape of one row's value; empty for a number or a text.
        numeric: Whether it holds numbers.
        values: Its different values, where they are few; else empty.
        runs: How many rows one of its few values stays, in the mean, the shortest of them; of
            what is said of whole recordings, a recording.
        said: How many different texts it is, where it is said of whole recordings.
        recordings: How many recordings one of its few values is in, the fewest of them.
        counts: Whether it numbers the rows, or says when they were and is no clock.
        whole: Whether it is the same in all rows of each recording, of several.
        deviation: Its standard deviation, where it holds numbers.
        missing: The share of its rows that lack a number, where it holds numbers.
        stand_in: The number that stands for a missing value, where it likely does.
        markers: What its cells hold that are no numbers, where all others are.
        interval_s: The usual step, where it is a time; else None.
        goes_back: Whether it does, as the time of day at midnight.
        stretch: How many rows follow one another at that step, in the mean.
        unit: What its numbers count, where it is a time and that is not seconds.
        guessed: Whether its numbers are taken for seconds, though nothing says so.
        format: How its times are written, where that is not ISO 8601.
    """

    name: str
    axes: tuple[int, ...] = ()
    numeric: bool = False
    values: tuple[str, ...] = ()
    runs: float = 1.0
    said: int = 0
    recordings: int = 1
    counts: bool = False
    whole: bool = False
    deviation: float = 0.0
    missing: float = 0.0
    stand_in: float | None = None
    markers: frozenset[str] = frozenset()
    interval_s: float | None = None
    goes_back: bool = False
    stretch: float = 0.0
    unit: str | None = None
    guessed: bool = False
    format: str | None = None


def column_of(table: Table, name: str, unit: str | None, nothing: Sequence[float] = ()) -> Column:
    """One column.

    Args:
        table: Has it.
        name: It.
        unit: What its numbers count, where it is known that they are times.
        nothing: Numbers that stand for missing values.
    """
    if name in table.said:
        said = table.said[name]
        values = tuple(said.values.tolist())
        runs = table.rows / (1 + int(said.changes().sum()))  # of whole recordings
        few = values if len(values) <= MOST_VALUES else ()
        found = Column(name, values=few, runs=runs, said=len(values))
        return replace(found, recordings=_recordings(table, said))
    cells = table.columns[name][:LOOKED_AT]
    if cells.ndim > 1:
        return Column(name, cells.shape[1:], numeric=True, deviation=float(np.std(cells)))
    if cells.dtype.kind == "M":
        return _with_steps(table, Column(name), cells.astype("datetime64[us]"))
    found = _with_values(table, Column(name), cells)
    numbers = _numbers(table, cells)
    if numbers is not None:
        numbers[np.isin(numbers, nothing)] = np.nan
        return replace(_numeric(table, found, numbers, unit), markers=_markers(cells))
    return found if found.values else _text_times(table, found, cells)


def _with_values(table: Table, found: Column, cells: NDArray[Any]) -> Column:
    """The same with its values where they are few, and how long they stay.

    Data is often sorted by class, so all rows are looked at; but not where the first ones differ.
    """
    if len(set(cells.tolist())) > MOST_VALUES:
        return found
    texts = table.texts(found.name)
    if len(texts.values) > MOST_VALUES:
        return found
    begins = np.append(True, texts.changes())
    runs = float((np.bincount(texts.index) / np.bincount(texts.index[begins])).min())
    values = tuple(texts.values.tolist())
    return replace(found, values=values, runs=runs, recordings=_recordings(table, texts))


def _recordings(table: Table, texts: Texts) -> int:
    """How many recordings a text is in, of the text that is in the fewest."""
    changes = np.append(True, texts.changes()) | table.starts
    pairs = np.stack([texts.index[changes].astype(np.int64), np.cumsum(table.starts)[changes]])
    return int(np.bincount(np.unique(pairs, axis=1)[0]).min())


def _numeric(table: Table, found: Column, numbers: NDArray[np.float64], unit: str | None) -> Column:
    """A column of numbers: a quantity, a clock, a date, or what numbers the rows."""
    steps = np.diff(numbers)[~table.starts[1 : len(numbers)]]
    found = replace(
        found,
        numeric=True,
        stand_in=stand_in(numbers),
        deviation=float(np.nanstd(numbers)),
        missing=float(np.isnan(numbers).mean()),
        counts=_names_rows(found.name, numbers)
        or (len(steps) > 1 and (bool((steps == 1).all()) or _runs_on(found.name, steps))),
        whole=len(steps) > 1 and not steps.any() and table.starts.sum() > 1,
    )
    if _is_date(found.name, numbers):
        return _text_times(table, found, numbers.astype(np.int64), written=_DAY)
    clock = counted(found.name, numbers, steps, unit)
    if clock is None:
        return found
    told = None if clock.unit == "s" else clock.unit
    found = _with_steps(table, found, numbers * clock.seconds * 1e6)
    return replace(found, unit=told, guessed=clock.guessed)


def _names_rows(name: str, numbers: NDArray[np.float64]) -> bool:
    """Whether it is a number that each row has of its own, by its name and by what it is."""
    return _ID.search(name) is not None and len(np.unique(numbers)) == len(numbers)


def _runs_on(name: str, steps: NDArray[np.float64]) -> bool:
    """Whether it is a time by its name, though several rows may share one."""
    return says_time(name) and bool((steps >= 0).mean() >= MOSTLY)


def _is_date(name: str, numbers: NDArray[np.float64]) -> bool:
    """Whether numbers are days, as 20260105 is one."""
    low, high = _DAYS
    named = any(word in name.lower() for word in ("date", "day"))
    return named and bool(((numbers >= low) & (numbers <= high)).all())


def _text_times(
    table: Table, found: Column, cells: NDArray[Any], written: str | None = None
) -> Column:
    """The same as a time, where its texts are times: and how they are written."""
    texts = cells.astype(np.str_).tolist()
    written = written or only_format(texts)
    stamps, bad = Stamps(table.cells, written=written).read(texts)
    if bad or stamps.dtype.kind != "M":
        return found
    return replace(_with_steps(table, found, stamps), format=written)


def _with_steps(table: Table, found: Column, stamps_us: NDArray[Any]) -> Column:
    """The same as a time, where most of its steps go ahead."""
    steps_s = np.diff(stamps_us).astype(np.float64) / 1e6
    ahead = steps_s[steps_s > 0]
    if len(ahead) <= len(steps_s) / 2:
        return found
    usual = float(np.median(ahead))
    apart = table.starts[1 : len(stamps_us)]
    breaks = apart | (np.abs(steps_s - usual) > usual * TOLERANCE)
    return replace(
        found,
        interval_s=usual,
        goes_back=bool((steps_s[~apart] < 0).any()),
        stretch=len(stamps_us) / (1 + np.count_nonzero(breaks)),
    )


def _numbers(table: Table, cells: NDArray[Any]) -> NDArray[np.float64] | None:
    """The column as numbers, NaN where one is missing; None where it is text."""
    if cells.dtype.kind not in "OU":
        return cells.astype(np.float64) if cells.dtype.kind in "biuf" else None
    texts = [str(one).strip().replace(table.cells.decimal, ".") for one in cells.tolist()]
    if not any(map(is_number, texts)) or {one for one in texts if not is_number(one)} - MARKERS:
        return None
    return np.array([float(one) if is_number(one) else np.nan for one in texts])


def _markers(cells: NDArray[Any]) -> frozenset[str]:
    """What cells of numbers hold where one is missing."""
    texts = {str(one).strip() for one in cells.tolist()} if cells.dtype.kind in "OU" else set()
    return frozenset(texts & MARKERS)
