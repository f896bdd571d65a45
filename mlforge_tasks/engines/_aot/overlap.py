"""How close the output of a sliding window may follow its input in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.engines._aot.window import Axis


def _groups(count: int, windows: int) -> Iterator[int]:
    """After how many outputs a kernel writes: groups of so many windows, then single ones."""
    whole = count - count % windows
    yield from range(windows, whole + 1, windows)
    yield from range(whole + 1, count + 1)


def bytes_behind(
    height: Axis, width: Axis, channels: int, channels_out: int, windows: int, *, late: int = 0
) -> int:
    """How many bytes an output must start before its input, to overwrite only what was read.

    The kernel goes through windows row by row, and reads a group of them before it writes the
    first output of the group; or it still reads the last few while it writes.

    Args:
        height: From row to row.
        width: Along a row.
        channels: Of the input.
        channels_out: Of the output.
        windows: How many the kernel reads at a time, as long as there are so many.
        late: How many windows, up to the last of a group, may still be read while it is written.

    Returns:
        0 where the output may start at the input's first byte.
    """
    count = height.output * width.output
    row_bytes = width.input * channels
    behind = 0
    for done in _groups(count, windows):
        next_read = max(done - late, 0)
        if next_read == count:
            break  # all is read
        row, column = divmod(next_read, width.output)
        top = max(row * height.stride - height.before, 0)
        left = max(column * width.stride - width.before, 0)
        # The row below starts further left, and may start no lower.
        below = max((row + 1) * height.stride - height.before, 0)
        unread = top * row_bytes + left * channels
        if row + 1 < height.output:
            unread = min(unread, below * row_bytes)
        behind = max(behind, done * channels_out - unread)
    return behind
