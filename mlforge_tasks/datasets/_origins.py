"""Where each row of a table is from, as runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.origins import OriginNames, Origins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.datasets._table import Table
    from mlforge_tasks.datasets._texts import Texts


def origins(table: Table, groups: Texts | None) -> Origins:
    """Those of all rows.

    Args:
        table: The rows.
        groups: Each row's group, or None.
    """
    breaks: NDArray[np.bool_] = table.starts.copy()
    breaks[0] = True
    if groups is not None:
        breaks[1:] |= groups.changes()
    if table.lines is not None:
        breaks[1:] |= np.diff(table.lines) != 1
    if table.files is not None:
        begun = table.files.begins
        breaks[begun[begun < table.rows]] = True  # the last may have no row
    begins = np.flatnonzero(breaks)
    recordings = np.flatnonzero(table.starts)
    names, file, numbers = _in_files(table, begins)
    runs = np.stack(
        (
            begins,
            file,
            numbers,
            np.searchsorted(recordings, begins, side="right") - 1,
            np.full(len(begins), -1) if groups is None else groups.index[begins],
        ),
        axis=1,
    ).astype(np.int64)
    known = OriginNames(
        files=names,
        groups=() if groups is None else tuple(map(str, groups.values.tolist())),
        recordings=len(recordings),
        by_line=table.lines is not None,
    )
    return Origins(known, runs)


def _in_files(
    table: Table, begins: NDArray[np.int64]
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    """The files' names, and of some rows which file each is of and its number there."""
    files = table.files
    names: tuple[str, ...]
    if files is None:
        names, file, numbers = (table.where,), np.zeros(len(begins), np.int64), begins
    else:
        piece = np.searchsorted(files.begins, begins, side="right") - 1
        places: dict[str, int] = {}
        order = np.array([places.setdefault(name, len(places)) for name in files.names])
        names, file = tuple(places), order[piece]
        numbers = begins - files.begins[piece] + files.shifts[piece]
    return names, file, numbers if table.lines is None else table.lines[begins]
