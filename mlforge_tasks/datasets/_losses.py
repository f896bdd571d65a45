"""What gaps, doubled times and missing values cost of the examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.contract.data_card import Loss
from mlforge_tasks.datasets._windows import holding, window_starts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import Cause
    from mlforge_tasks.contract.dataset import Window
    from mlforge_tasks.datasets._examples import Rows
    from mlforge_tasks.datasets._table import Table


def losses(window: Window, table: Table, rows: Rows) -> tuple[Loss, ...]:
    """Each cause that is there, with the examples that it takes.

    Args:
        window: How rows become examples.
        table: Where rows are.
        rows: What they say.
    """
    starts = window_starts(rows.apart, window) if window.span > 1 else np.arange(table.rows)
    found = []
    for cause, marked, begins, length in _causes(window, rows, starts):
        count = int(marked.sum())
        if count:
            first = table.place(int(marked.argmax()))
            examples = int(holding(marked, begins, length).sum())
            found.append(
                Loss(cause=cause, rows=count, first=first, examples=examples, of=len(starts))
            )
    return tuple(found)


def _causes(
    window: Window, rows: Rows, starts: NDArray[np.int64]
) -> Iterator[tuple[Cause, NDArray[np.bool_], NDArray[np.int64], int]]:
    """Each cause, the rows where it is, and the rows of each window that it must not be among."""
    if rows.clock is not None:
        within = (starts + 1, window.span - 1)  # a window may begin at a row that comes late
        yield "gap", rows.clock.gaps, *within
        yield "doubled", rows.clock.doubled, *within
        yield "early", rows.clock.early, *within
        yield "untimed", ~rows.clock.known, *within
    yield "input", ~rows.has_inputs, starts, window.length
    yield "target", ~rows.has_target, starts + window.span - 1, 1
