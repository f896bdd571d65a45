"""Recordings that are there twice, in splits that are to know nothing of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.contract.data_card import SPLITS
from mlforge_tasks.datasets._split import LEFT_OUT
from mlforge_tasks.records import sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.datasets._examples import Rows
    from mlforge_tasks.datasets._table import Table


def twice(table: Table, rows: Rows) -> Iterator[str]:
    """That what judges has recordings whose inputs another split has too, such as copied files.

    A file that is one recording has no other to be the same as; neither is one looked for whose
    inputs never change, since silence is like silence.

    Args:
        table: Where recordings begin.
        rows: Raw inputs, and the split of each row.
    """
    begins = np.flatnonzero(table.starts)
    ends = np.append(begins[1:], table.rows)
    if len(begins) == 1:
        return
    seen: dict[str, int] = {}
    same: list[tuple[int, int]] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        inputs = rows.features[begin:end]
        if rows.split[begin] == LEFT_OUT or (inputs == inputs.flat[0]).all():
            continue
        digest = sha256_bytes(inputs.tobytes())
        first = seen.setdefault(digest, begin)
        if rows.split[first] != rows.split[begin]:
            same.append((begin, first))
    if same:
        begin, first = same[0]
        names = [f"{table.place(at)} ({SPLITS[rows.split[at]]})" for at in (begin, first)]
        yield (
            f"{len(same):,} of {len(begins):,} recordings have the inputs of one in another split, "
            f"such as {' and '.join(names)}: what is learned by heart passes there; remove them, "
            "or give both the same `group`"
        )
