"""How close the output of a sliding window may follow its input in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.engines._aot.window import Axis

# MVE kernels take so many windows at a time, of up to so many bytes and of more. Fewer such groups
# in a chunk lie closer, and take longer each.
_NARROW_BYTES, _NARROW_WINDOWS, _WIDE_WINDOWS, _GROUPS = 64, 8, 4, 4


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


@dataclass(frozen=True)
class Chunks:
    """Windows that lie one behind the other, of which some are read until all they make is written.

    Attributes:
        windows: How many at a time; the last are fewer.
        bytes_behind: How many bytes the output must start before the input, if read from the front.
        bytes_ahead: How many after it, if read from the back.
    """

    windows: int
    bytes_behind: int
    bytes_ahead: int


def chunks_of(count: int, channels: int, channels_out: int) -> Chunks | None:
    """How so many windows may be read; None where they are few enough to be read at once.

    Args:
        count: Windows.
        channels: Of the input.
        channels_out: Of the output.
    """
    windows = _NARROW_WINDOWS if channels <= _NARROW_BYTES else _WIDE_WINDOWS
    if count <= _GROUPS * windows:
        return None
    even = -(-count // -(-count // (_GROUPS * windows)))
    chunk = -(-even // windows) * windows
    ends = [(i, min(i + chunk, count)) for i in range(0, count, chunk)]
    return Chunks(
        chunk,
        max(end * channels_out - first * channels for first, end in ends),
        max(end * channels - first * channels_out for first, end in ends),
    )
