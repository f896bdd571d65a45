"""What is in a file or folder, before any contract says so: for a starter contract.

A kind of source whose plug-in has `recognise(path, root)` is found here: it gives what it finds
where a path is of its kind, with the `source` section as a contract would write it. All else is
read with the plug-in itself.
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

    from mlforge_tasks.datasets._found import Found
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
        runs: How many rows one of its few values stays, in the mean, the shortest of them; of
            what is said of whole recordings, a recording.
        said: How many different texts it is, where it is said of whole recordings.
        counts: Whether it numbers the rows.
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
    said: int = 0
    counts: bool = False
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
        checks: What of the source is not said in the data, a sentence each.
    """

    source: Mapping[str, Any]
    rows: int
    recordings: int
    columns: tuple[Column, ...]
    length: int | None = None
    checks: tuple[str, ...] = ()


def look(path: str, root: Path) -> Look:
    """Looks into a file or folder of the project.

    Args:
        path: Relative to the project's root.
        root: The project's root.

    Raises:
        MlforgeError: No kind of source is for it, or it cannot be read.
    """
    found = _recognised(path, root)
    adapter: TypeAdapter[Any] = TypeAdapter(Source)
    try:
        spec = adapter.validate_python(found.source, by_alias=True, context={"project_root": root})
    except ValidationError as error:
        wanted = "; ".join(one["msg"] for one in error.errors())
        raise MlforgeError(f"data={path}: {wanted}", hint=_BY_HAND) from None
    reader = plugins.load("datasets", f"from_{spec.kind}")
    table = reader.read(spec, root, Everything()).table
    names = (*table.columns, *(name for name in table.said if name not in table.columns))
    columns = tuple(_column(table, name, found.units.get(name)) for name in names)
    lengths = np.diff(np.append(np.flatnonzero(table.starts), table.rows))
    same = len(lengths) > 1 and len(set(lengths.tolist())) == 1
    length = int(lengths[0]) if same else None
    return Look(found.source, table.rows, len(lengths), columns, length, found.checks)


def _recognised(path: str, root: Path) -> Found:
    """What the kind that knows the most of a path finds there.

    Raises:
        MlforgeError: No kind of source is for it.
    """
    if not (root / path).exists():
        raise MlforgeError(f"data={path}: there is no such file or folder in the project")
    general: Found | None = None
    for name in plugins.installed("datasets"):
        recognise = getattr(plugins.load("datasets", name), "recognise", None)
        found: Found | None = recognise and recognise(path, root)
        if found is not None and not found.general:
            return found
        general = general or found
    if general is None:
        packed = path.lower().endswith((".zip", ".tar", ".tgz", ".tar.gz"))
        raise MlforgeError(
            f"data={path}: no kind of source is known by this name, or by what is in it",
            hint="unpack it, and name the folder" if packed else _BY_HAND,
        )
    return general


def _column(table: Table, name: str, unit: str | None) -> Column:
    """One column.

    Args:
        table: Has it.
        name: It.
        unit: What its numbers count, where it is known that they are times.
    """
    if name in table.said:
        said = table.said[name]
        values = tuple(said.values.tolist())
        runs = table.rows / (1 + int(said.changes().sum()))  # of whole recordings
        few = values if len(values) <= MOST_VALUES else ()
        return Column(name, values=few, runs=runs, said=len(values))
    cells = table.columns[name][:LOOKED_AT]
    if cells.ndim > 1:
        return Column(name, cells.shape[1:], numeric=True, deviation=float(np.std(cells)))
    if cells.dtype.kind == "M":
        return Column(name, interval_s=_step(cells.astype("datetime64[us]")))
    few, runs = _values(table, name, cells)
    numbers = _numbers(table, cells)
    if numbers is not None:
        steps = np.diff(numbers)[~table.starts[1 : len(numbers)]]
        step, unit = _clock(name, numbers, steps, unit)
        return Column(
            name,
            numeric=True,
            values=few,
            runs=runs,
            counts=len(steps) > 1 and bool((steps == 1).all()),
            deviation=float(np.nanstd(numbers)),
            interval_s=step,
            unit=unit,
        )
    step, format_ = (None, None) if few else _text_step(table, cells.astype(np.str_))
    return Column(name, values=few, runs=runs, interval_s=step, format=format_)


def _values(table: Table, name: str, cells: NDArray[Any]) -> tuple[tuple[str, ...], float]:
    """A column's values where they are few, and how long the one that stays the shortest does.

    Data is often sorted by class, so all rows are looked at; but not where the first ones differ.
    """
    if len(set(cells.tolist())) > MOST_VALUES:
        return (), 1.0
    texts = table.texts(name)
    if len(texts.values) > MOST_VALUES:
        return (), 1.0
    begins = np.append(True, texts.changes())
    rows = np.bincount(texts.index)
    return tuple(texts.values.tolist()), float((rows / np.bincount(texts.index[begins])).min())


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


def _clock(
    name: str, numbers: NDArray[np.float64], steps: NDArray[np.float64], unit: str | None
) -> tuple[float | None, str | None]:
    """The usual step of numbers that are a time by their name or size, and what they count.

    Args:
        name: The column's.
        numbers: All of it.
        steps: From row to row of the same recording.
        unit: What they count, where it is known.
    """
    ahead = steps[steps > 0]
    if len(steps) < 2 or len(ahead) < 0.9 * len(steps):
        return None, None
    first, usual = float(numbers[0]), float(np.median(ahead))
    if unit is not None:
        return usual * _UNITS[unit], None if unit == "s" else unit
    named = any(word in name.lower() for word in ("time", "stamp", "second", "date"))
    for one, factor in _UNITS.items():
        if _EPOCH_S <= first * factor < 3 * _EPOCH_S:
            return usual * factor, None if one == "s" else one
    return (usual, None) if named or name.lower() in {"t", "s"} else (None, None)
