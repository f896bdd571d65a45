"""What there is to tell of a data set beside its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._losses import losses
from mlforge_tasks.datasets._outliers import outliers
from mlforge_tasks.datasets._twice import twice
from mlforge_tasks.windows import covered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from mlforge_tasks.contract.dataset import DatasetSpec
    from mlforge_tasks.contract.window import Window
    from mlforge_tasks.datasets import Loaded
    from mlforge_tasks.datasets._examples import Rows
    from mlforge_tasks.datasets._table import Table

# The share of a label's rows that may lie in no example before that is told.
TOLD_FROM = 0.25


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
        "warnings": (
            *usual,
            *_short_stretches(spec, window, table, rows),
            *twice(table, rows),
            *outliers(spec, table, rows, used),
        ),
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


def _short_stretches(spec: DatasetSpec, window: Window, table: Table, rows: Rows) -> Iterator[str]:
    """That a label often ends before a window does, so that examples have little of it."""
    if not spec.target.labels or rows.targets.ndim > 1:
        return
    begins = np.flatnonzero(rows.apart)
    lengths = np.diff(np.append(begins, table.rows))
    ends = np.append(table.starts[begins[1:]], True)
    within = ~(table.starts[begins] & ends)  # recordings that are too short are told as those
    short = within & (lengths < window.span)
    labels = np.where(rows.has_target[begins], rows.targets[begins], -1)
    for at, label in enumerate(spec.target.classes):
        own = labels == at
        lost = lengths[own & short].sum() / max(1, lengths[own].sum())
        if lost >= TOLD_FROM:
            yield (
                f"{np.count_nonzero(own & short):,} of {np.count_nonzero(own):,} stretches of "
                f"'{label}' are shorter than the {window.span} rows of an example: {lost:.0%} of "
                "its rows are in none; a shorter `window` has more of them"
            )
