"""Windows of rows: where they may begin, and which of them have all that they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.contract.window import Window


def window_starts(breaks: NDArray[np.bool_], window: Window) -> NDArray[np.int64]:
    """First rows of all windows that lie, with their target, between two breaks.

    Args:
        breaks: Whether a row must not share a window with the one before; the first does not.
        window: Length, stride and horizon; strides are counted from each break.
    """
    begins = np.flatnonzero(breaks)
    ends = np.append(begins[1:], len(breaks))
    runs = [
        np.arange(begin, end - window.span + 1, window.stride)
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
    ]
    return np.concatenate(runs)


def whole_windows(
    starts: NDArray[np.int64],
    window: Window,
    has_inputs: NDArray[np.bool_],
    has_target: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Which windows have all that an example needs.

    Args:
        starts: Their first rows, [N].
        window: How many rows of inputs they have, and where their targets lie.
        has_inputs: Whether a row has all its inputs, [rows].
        has_target: Whether a row has its target, [rows].
    """
    whole: NDArray[np.bool_] = ~holding(~has_inputs, starts, window.length)
    return whole & has_target[target_rows(starts, window)].all(axis=1)


def target_rows(starts: NDArray[np.int64], window: Window) -> NDArray[np.int64]:
    """Where the targets of windows lie, by horizon: [N, horizons]."""
    ahead = np.array(window.horizons, dtype=np.int64) + (window.length - 1)
    rows: NDArray[np.int64] = starts[:, np.newaxis] + ahead
    return rows


def holding(marked: NDArray[np.bool_], begins: NDArray[np.int64], rows: int) -> NDArray[np.bool_]:
    """Which spans of rows hold a marked one.

    Args:
        marked: Rows, [rows].
        begins: The spans' first rows, [N].
        rows: How many rows each has.
    """
    count = np.concatenate(([0], np.cumsum(marked)))
    held: NDArray[np.bool_] = count[begins + rows] > count[begins]
    return held
