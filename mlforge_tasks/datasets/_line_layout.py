"""How the numbers of lines that hold a window each may lie, by what is in them: for `doit new`.

Nothing in such a file says it. Of one quantity neighbouring samples are alike, so what lies next to
what can be seen; a contract that is made of it says that it has to be checked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# A table that many numbers stand in a row of is rare; NanoEdge wants 16 samples at the least.
LEAST_NUMBERS = 32
_LEAST_LINES = 2
_MOST_CHANNELS = 9
# Quantities are told from one another where it makes so much of a difference.
_LESS, _JUMP = 0.9, 3.0
_FORMS: tuple[tuple[str, str], ...] = ((";", ","), (";", "."), (" ", ","), (" ", "."), (",", "."))
_WITH = {
    mark: re.compile(rf"[+-]?(\d+{mark}?\d*|{mark}\d+)([eE][+-]?\d+)?") for mark in (",", r"\.")
}


def numbers_of(lines: Sequence[str]) -> tuple[dict[str, Any], NDArray[np.float64]] | None:
    """Lines as numbers, and the keys of their form that are not as by default.

    Returns:
        None where they are not equally many numbers, and so many of them, in every line.
    """
    for delimiter, decimal in _FORMS:
        rows = [_cells(line, delimiter) for line in lines]
        width = len(rows[0]) if rows else 0
        wanted = _WITH[re.escape(decimal)]
        if (
            len(rows) >= _LEAST_LINES
            and width >= LEAST_NUMBERS
            and all(len(row) == width for row in rows)
            and all(wanted.fullmatch(cell) for row in rows for cell in row)
        ):
            form = {"delimiter": delimiter} if delimiter != "," else {}
            form |= {"decimal": decimal} if decimal != "." else {}
            text = [[cell.replace(",", ".") for cell in row] for row in rows]
            return form, np.array(text, dtype=np.float64)
    return None


def _cells(line: str, delimiter: str) -> list[str]:
    cells = line.split() if delimiter == " " else line.split(delimiter)
    stripped = [cell.strip() for cell in cells]
    return stripped[:-1] if stripped and not stripped[-1] else stripped


def layout(lines: NDArray[np.float64]) -> dict[str, Any]:
    """The keys `channels` and `order` for lines, [lines, numbers], by what is alike in them."""
    numbers = lines.shape[1]
    some = [count for count in range(1, _MOST_CHANNELS + 1) if numbers % count == 0]
    steps = {count: float(np.abs(lines[:, count:] - lines[:, :-count]).mean()) for count in some}
    alike = next(one for one in some if steps[one] * _LESS <= min(steps.values()))
    if alike > 1:
        return {"channels": alike, "order": "interleaved"}
    jumps = np.abs(np.diff(lines, axis=1)).mean(axis=0)
    apart = [
        count
        for count in some[1:]
        if jumps[numbers // count - 1 :: numbers // count].min() > _JUMP * np.median(jumps)
    ]
    return (
        {"channels": apart[-1], "order": "by_channel"}
        if apart
        else {"channels": 1, "order": "interleaved"}
    )
