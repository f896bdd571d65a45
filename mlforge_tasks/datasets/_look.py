"""What is in a file or folder, before any contract says so: for a starter contract.

A kind of source whose plug-in has `recognise(path, root)` is found here: it gives what it finds
where a path is of its kind, with the `source` section as a contract would write it. All else is
read with the plug-in itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from mlforge_tasks import plugins
from mlforge_tasks.contract.delimited import Delimited
from mlforge_tasks.contract.source import Source
from mlforge_tasks.datasets._column import column_of
from mlforge_tasks.datasets._wanted import Kind, Wanted
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.datasets._column import Column
    from mlforge_tasks.datasets._found import Found

_BY_HAND = "write dataset.source by hand: docs/contract.md has every kind"


class Everything(Wanted):
    """All columns of a source, as text where that is what they are."""

    def kinds(self, names: tuple[str, ...]) -> Mapping[str, Kind]:
        """Every one of them."""
        return dict.fromkeys(names, "text")


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
        quantities: What the numbers of a column are in, where the file says it.
    """

    source: Mapping[str, Any]
    rows: int
    recordings: int
    columns: tuple[Column, ...]
    length: int | None = None
    checks: tuple[str, ...] = ()
    quantities: Mapping[str, str] = field(default_factory=dict)


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
    columns = tuple(column_of(table, name, found.units.get(name)) for name in names)
    lengths = np.diff(np.append(np.flatnonzero(table.starts), table.rows))
    same = len(lengths) > 1 and len(set(lengths.tolist())) == 1
    length = int(lengths[0]) if same else None
    stand_ins = {one.stand_in for one in columns if one.stand_in is not None}
    if isinstance(spec, Delimited):
        found = found.marked(frozenset().union(*(one.markers for one in columns)))
    if isinstance(spec, Delimited) and stand_ins:
        nothing = sorted(stand_ins)
        found = found.missing(nothing)
        columns = tuple(column_of(table, name, found.units.get(name), nothing) for name in names)
    told = (found.checks, found.quantities)
    return Look(found.source, table.rows, len(lengths), columns, length, *told)


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
