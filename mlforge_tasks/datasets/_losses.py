"""What gaps, doubled times and missing values cost of the examples."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.contract.data_card import Loss
from mlforge_tasks.datasets._windows import holding, target_rows, window_starts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import Cause
    from mlforge_tasks.contract.window import Window
    from mlforge_tasks.datasets._examples import Rows
    from mlforge_tasks.datasets._table import Table

    Marked = NDArray[np.bool_]


def losses(window: Window, table: Table, rows: Rows) -> tuple[Loss, ...]:
    """Each cause that is there, with the examples that it takes.

    Args:
        window: How rows become examples.
        table: Where rows are.
        rows: What they say.
    """
    starts = window_starts(rows.apart, window) if window.span > 1 else np.arange(table.rows)
    found = []
    for cause, marked, lost in _causes(window, rows, starts):
        count = int(marked.sum())
        if count:
            first = table.place(int(marked.argmax()))
            examples = int(lost(marked).sum())
            found.append(
                Loss(cause=cause, rows=count, first=first, examples=examples, of=len(starts))
            )
    return tuple(found)


def _causes(
    window: Window, rows: Rows, starts: NDArray[np.int64]
) -> Iterator[tuple[Cause, Marked, Callable[[Marked], Marked]]]:
    """Each cause, the rows where it is, and which windows rows that are marked so take."""
    if rows.clock is not None:
        # A window may begin at a row that comes late.
        within = partial(holding, begins=starts + 1, rows=window.span - 1)
        yield "gap", rows.clock.gaps, within
        yield "doubled", rows.clock.doubled, within
        yield "early", rows.clock.early, within
        yield "untimed", ~rows.clock.known, within
    yield "input", ~rows.has_inputs, partial(holding, begins=starts, rows=window.length)
    targets = target_rows(starts, window)
    yield "target", ~rows.has_target, lambda marked: _any_of(marked[targets])


def _any_of(marked: Marked) -> Marked:
    """By window, whether a row of its own is marked; of [N, rows]."""
    found: Marked = np.logical_or.reduce(marked, axis=1)
    return found
