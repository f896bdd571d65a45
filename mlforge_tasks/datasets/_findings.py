"""What there is to tell of a data set beside its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._losses import losses
from mlforge_tasks.datasets._outliers import outliers
from mlforge_tasks.windows import covered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from mlforge_tasks.contract.dataset import DatasetSpec
    from mlforge_tasks.contract.window import Window
    from mlforge_tasks.datasets import Loaded
    from mlforge_tasks.datasets._examples import Rows
    from mlforge_tasks.datasets._table import Table


def findings(
    spec: DatasetSpec,
    window: Window,
    loaded: Loaded,
    rows: Rows,
    starts: Iterable[NDArray[np.int64]],
) -> dict[str, Any]:
    """The data card's `losses`, `notes` and `warnings`.

    Args:
        spec: The contract's.
        window: How rows become examples.
        loaded: What its source gave.
        rows: What they say, before they are normalised.
        starts: First rows of each split's examples.
    """
    table = loaded.table
    used = covered(np.concatenate(list(starts)), table.rows, window.span)
    clock = rows.clock
    usual = [] if clock is None or clock.keeps_interval else [clock.usual]
    guessed = clock is not None and spec.time is not None and spec.time.unit is None
    unit = clock.read_as if clock is not None and guessed and clock.unit != "s" else ""
    notes = [*loaded.notes, *([unit] if unit else [])]
    if rows.filled and spec.missing is not None:
        notes.append(f"missing inputs that '{spec.missing.rule}' filled: {rows.filled:,}")
    return {
        "losses": losses(window, table, rows),
        "notes": (*notes, *_too_short(table, window)),
        "warnings": (*usual, *outliers(spec, table, rows, used)),
    }


def _too_short(table: Table, window: Window) -> Iterator[str]:
    """That some of several recordings have fewer rows than an example, which nothing else says."""
    begins = np.flatnonzero(table.starts)
    rows = np.diff(np.append(begins, table.rows))
    short = np.flatnonzero(rows < window.span)
    if len(short) and len(rows) > 1:
        first = f"the first is {table.place(int(begins[short[0]]))}, with {rows[short[0]]}"
        many = f"{len(short):,} of {len(rows):,} recordings have"
        yield f"{many} fewer rows than the {window.span} of an example ({first})"
