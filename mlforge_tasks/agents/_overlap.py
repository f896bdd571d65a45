"""How much of an operator's output lies over its input, as engine `aot` places both."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlforge_tasks.architecture.figures import LayerFigures
    from mlforge_tasks.architecture.geometry import Window

# An input is that of `stride` windows each but for its border; more is alive for others.
_MOST_BORDER_SHARE = 0.3


def _behind_bytes(window: Window, channels: int, channels_out: int, late: int) -> int:
    """How far the output starts before the input: by rows, or by steps of a series."""
    (height, width), (rows, columns) = window.kernel, window.output
    step, count, taps = columns, rows, height
    if rows == 1:
        step, count, taps = 1, columns, width
    before = max(taps - window.stride, 0) // 2
    read = step * channels * (window.stride if rows > 1 else 1)
    behind = 0
    for done in (1, count - 1):
        unread = max((done - late) * window.stride - before, 0) * read
        behind = max(behind, done * step * channels_out - unread)
    return behind


def overlapped_bytes(layer: LayerFigures, window: Window, channels: int, late: int = 0) -> int:
    """What a convolution or a pool needs less than its input and output.

    Args:
        layer: The operator.
        window: Its window.
        channels: Of its input.
        late: Rows or steps that its kernel still reads behind those that it has written.
    """
    windows = prod(window.output)
    columns = window.stride if window.output[0] == 1 else window.stride**2
    read = layer.live_bytes - layer.output_bytes
    if abs(read - windows * columns * channels) > _MOST_BORDER_SHARE * read:
        return 0
    behind = _behind_bytes(window, channels, layer.output_bytes // windows, late)
    return max(layer.live_bytes - max(layer.output_bytes, read + behind), 0)
