"""Text that holds a window a line, as NanoEdge AI Studio and Nordic's Edge AI Lab take it.

Nothing in such a file says how its numbers lie, so the contract does: NanoEdge writes a sample of
all channels after the other, Nordic's files all samples of a channel after the other, and a file
for NanoEdge's extrapolation begins each line with the value to predict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.datasets._series import Series, text_lines, to_table
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.contract.sources.logs import Layout
    from mlforge_tasks.datasets._table import Table

TARGET = "target"


def read_window_lines(data: bytes, where: str, layout: Layout) -> Table:
    """Reads a window a line; each is a recording, whose channels are called 0, 1, 2...

    Args:
        data: The file.
        where: Its name.
        layout: How a line's numbers lie.

    Raises:
        MlforgeError: A cell is no number, a line has another number of them than the first, or
            they are no whole number of samples.
    """
    lines = [(line, _numbers(text, where, line, layout)) for line, text in text_lines(data, where)]
    if not lines:
        raise MlforgeError(f"{where}: there are no lines")
    first_line, first = lines[0]
    first_value = 1 if layout.target == "first" else 0
    if (len(first) - first_value) % layout.channels or len(first) <= first_value:
        raise MlforgeError(
            f"{where}:{first_line}: found {len(first) - first_value} numbers, wanted a multiple of "
            f"{layout.channels}, the number of channels",
            hint="check `channels`, `delimiter` and `target` in dataset.source; a first line of "
            "names has to go",
        )
    for line, numbers in lines:
        if len(numbers) != len(first):
            raise MlforgeError(
                f"{where}:{line}: found {len(numbers)} numbers, wanted {len(first)} as in line "
                f"{first_line}"
            )
    return to_table(where, [_series(line, numbers, layout) for line, numbers in lines])


def _numbers(text: str, where: str, line: int, layout: Layout) -> NDArray[np.float64]:
    if layout.delimiter == " ":
        cells = text.split()
    else:
        cells = text.split(layout.delimiter)
        if not cells[-1].strip():  # what a logger's loop leaves behind
            cells.pop()
    if layout.decimal == ",":
        cells = [cell.replace(",", ".") for cell in cells]
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError:
        bad = next(cell for cell in cells if not _is_number(cell))
        raise MlforgeError(
            f"{where}:{line}: found '{bad.strip()[:40]}', wanted numbers with "
            f"'{layout.delimiter}' between them",
            hint="check `delimiter` in dataset.source; these files have no line of names",
        ) from None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _series(line: int, numbers: NDArray[np.float64], layout: Layout) -> Series:
    marks: dict[str, str | float] = {}
    if layout.target == "first":
        marks[TARGET] = float(numbers[0])
        numbers = numbers[1:]
    if layout.order == "interleaved":
        channels = numbers.reshape(-1, layout.channels).T
    else:
        channels = numbers.reshape(layout.channels, -1)
    return Series({str(index): one for index, one in enumerate(channels)}, marks, line)
