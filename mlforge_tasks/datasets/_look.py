"""What is in a file or folder, before any contract says so: for a starter contract.

A kind of source whose plug-in has `recognise(path, root)` is found here: it gives the `source`
section for a path that is of its kind, as a contract would write it. All else is read with the
plug-in itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from mlforge_tasks import plugins
from mlforge_tasks.contract.source import Source
from mlforge_tasks.datasets._sniff import MARKERS, is_number
from mlforge_tasks.datasets._stamps import Stamps, only_format
from mlforge_tasks.datasets._wanted import Kind, Wanted
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.datasets._table import Table

LOOKED_AT = 50_000
MOST_VALUES = 50
_BY_HAND = "write dataset.source by hand: docs/contract.md has every kind"
# Numbers of this size are the epoch's seconds, and milliseconds, microseconds, nanoseconds.
_EPOCH_S = 1e9
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


class Everything(Wanted):
    """All columns of a source, as text where that is what they are."""

    def kinds(self, names: tuple[str, ...]) -> Mapping[str, Kind]:
        """Every one of them."""
        return dict.fromkeys(names, "text")


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: What a contract calls it.
        axes: Shape of one row's value; empty for a number or a text.
        numeric: Whether it holds numbers.
        values: Its different values, where they are few; else empty.
        runs: How many rows one of its few values stays, in the mean, the shortest of them.
        deviation: Its standard deviation, where it holds numbers.
        interval_s: The usual step, where it is a time; else None.
        unit: What its numbers count, where it is a time and that is not seconds.
        format: How its times are written, where that is not ISO 8601.
    """

    name: str
    axes: tuple[int, ...] = ()
    numeric: bool = False
    values: tuple[str, ...] = ()
    runs: float = 1.0
    deviation: float = 0.0
    interval_s: float | None = None
    unit: str | None = None
    format: str | None = None


@dataclass(frozen=True)
class Look:
    """What was found.

    Attributes:
        source: The `source` section.
        rows: How many rows.
        recordings: How many recordings they are.
        columns: In the file's order.
        length: Rows of each recording, where there are several and all have as many; else None.
    """

    source: Mapping[str, Any]
    rows: int
    recordings: int
    columns: tuple[Column, ...]
    length: int | None = None


def look(path: str, root: Path) -> Look:
    """Looks into a file or folder of the project.

    Args:
        path: Relative to the project's root.
        root: The project's root.

    Raises:
        MlforgeError: No kind of source is for it, or it cannot be read.
    """
    source = _recognised(path, root)
    adapter: TypeAdapter[Any] = TypeAdapter(Source)
    try:
        spec = adapter.validate_python(source, by_alias=True, context={"project_root": root})
    except ValidationError as error:
        wanted = "; ".join(one["msg"] for one in error.errors())
        raise MlforgeError(f"data={path}: {wanted}", hint=_BY_HAND) from None
    reader = plugins.load("datasets", f"from_{spec.kind}")
    table = reader.read(spec, root, Everything()).table
    names = (*table.columns, *(name for name in table.said if name not in table.columns))
    columns = tuple(_column(table, name) for name in names)
    lengths = np.diff(np.append(np.flatnonzero(table.starts), table.rows))
    same = len(lengths) > 1 and len(set(lengths.tolist())) == 1
    return Look(source, table.rows, len(lengths), columns, int(lengths[0]) if same else None)


def _recognised(path: str, root: Path) -> dict[str, Any]:
    for name in plugins.installed("datasets"):
        recognise = getattr(plugins.load("datasets", name), "recognise", None)
        found: dict[str, Any] | None = recognise and recognise(path, root)
        if found is not None:
            return found
    raise MlforgeError(
        f"data={path}: no kind of source is known by this name",
        hint=_BY_HAND,
    )


def _column(table: Table, name: str) -> Column:
    if name in table.said:
        said = table.said[name]
        values = tuple(said.values.tolist())
        runs = table.rows / (1 + int(said.changes().sum()))  # of whole recordings
        return Column(name, values=values if len(values) <= MOST_VALUES else (), runs=runs)
    cells = table.columns[name][:LOOKED_AT]
    if cells.ndim > 1:
        return Column(name, cells.shape[1:], numeric=True, deviation=float(np.std(cells)))
    if cells.dtype.kind == "M":
        return Column(name, interval_s=_step(cells.astype("datetime64[us]")))
    shown = cells.astype(np.str_)
    values = tuple(np.unique(shown).tolist())
    few = values if len(values) <= MOST_VALUES else ()
    runs = _runs(shown, few)
    numbers = _numbers(table, cells)
    if numbers is not None:
        step, unit = _clock(name, numbers)
        deviation = float(np.nanstd(numbers))
        return Column(
            name,
            (),
            numeric=True,
            values=few,
            runs=runs,
            deviation=deviation,
            interval_s=step,
            unit=unit,
        )
    step, format_ = (None, None) if few else _text_step(table, shown)
    return Column(name, values=few, runs=runs, interval_s=step, format=format_)


def _runs(cells: NDArray[np.str_], values: tuple[str, ...]) -> float:
    """How many rows a value stays in the mean, of the value that stays the shortest."""
    begins = np.append(True, cells[1:] != cells[:-1])
    each = ((cells == one).sum() / (begins & (cells == one)).sum() for one in values)
    return float(min(each, default=1.0))


def _text_step(table: Table, cells: NDArray[np.str_]) -> tuple[float | None, str | None]:
    """The usual step of times of text, None where they are none; and how they are written."""
    texts = cells.tolist()
    written = only_format(texts)
    stamps, bad = Stamps(table.cells, written=written).read(texts)
    return (None, None) if bad or stamps.dtype.kind != "M" else (_step(stamps), written)


def _numbers(table: Table, cells: NDArray[Any]) -> NDArray[np.float64] | None:
    """The column as numbers, NaN where one is missing; None where it is text."""
    if cells.dtype.kind not in "OU":
        return cells.astype(np.float64) if cells.dtype.kind in "biuf" else None
    texts = [str(one).strip().replace(table.cells.decimal, ".") for one in cells.tolist()]
    if not any(map(is_number, texts)) or {one for one in texts if not is_number(one)} - MARKERS:
        return None
    return np.array([float(one) if is_number(one) else np.nan for one in texts])


def _step(stamps: NDArray[Any]) -> float | None:
    """The usual step of times, in seconds."""
    steps = np.diff(stamps).astype(np.float64) / 1e6
    ahead = steps[steps > 0]
    return float(np.median(ahead)) if len(ahead) > len(steps) / 2 else None


def _clock(name: str, numbers: NDArray[np.float64]) -> tuple[float | None, str | None]:
    """The usual step of numbers that are a time by their name or size, and what they count."""
    steps = np.diff(numbers)
    ahead = steps[steps > 0]
    if len(steps) < 2 or len(ahead) < 0.9 * len(steps):
        return None, None
    first = float(numbers[0])
    named = any(word in name.lower() for word in ("time", "stamp", "second", "date"))
    for unit, factor in _UNITS.items():
        if _EPOCH_S <= first * factor < 3 * _EPOCH_S:
            return float(np.median(ahead)) * factor, None if unit == "s" else unit
    return (float(np.median(ahead)), None) if named or name.lower() in {"t", "s"} else (None, None)
