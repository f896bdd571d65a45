"""A stretch of time in which a regression is worst: what it said beside what was true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.contract.split import RandomSplit
from mlforge_tasks.page import plots
from mlforge_tasks.page.template import clipped
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from mlforge_tasks.page.evaluated import Evaluated, Part
    from mlforge_tasks.verdict.evaluation import OutputErrors

# Examples that are drawn, and of which the mean error is the largest.
DRAWN, STRETCH = 240, 40
# Time is told in the unit of which there is more than one.
UNITS = ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"), (1e-3, "ms"))
WIDTH = 740


@dataclass(frozen=True)
class Excerpt:
    """The worst stretch of a split.

    Attributes:
        title: Which split and output.
        figure: What was said and what was true, over time.
        place: Where that is in the data; empty where it is not known.
    """

    title: str
    figure: Markup
    place: str


def excerpt(evaluated: Evaluated, part: Part, at: int) -> Iterator[Excerpt]:
    """The worst stretch of a split, where its examples follow each other.

    Args:
        evaluated: The model's.
        part: Which split.
        at: Which output.
    """
    if isinstance(evaluated.card.split_rule, RandomSplit):
        return
    stride = 1 if evaluated.card.window is None else evaluated.card.window.stride
    said = evaluated.outputs(part)[:, at]
    true = part.targets[:, at].astype(np.float64)
    bounds = worst_stretch(np.abs(said - true), part.windows.starts, stride)
    if bounds is None:
        return
    some, output = slice(*bounds), part.judged.outputs[at]
    title = f"The worst stretch of {part.name}, {clipped(output.name, 24)}"
    mean = format_value(float(np.abs(said - true)[some].mean()), output.unit)
    interval = evaluated.card.interval_s
    clock = _clock(None if interval is None else interval * stride, bounds[1] - bounds[0])
    figure = plots.figure(
        lambda axes: _draw(axes, true[some], said[some], output, clock),
        width=WIDTH,
        title=title,
        description=f"Predicted and true over {bounds[1] - bounds[0]} examples that follow each "
        f"other; the mean absolute error is {mean}.",
    )
    yield Excerpt(title, figure, _place(evaluated, part.windows.starts[some]))


def _draw(
    axes: Axes,
    true: NDArray[np.float64],
    said: NDArray[np.float64],
    output: OutputErrors,
    clock: tuple[float, str],
) -> None:
    scale, unit = clock
    time = np.arange(len(true)) * scale
    axes.plot(time, true, color=plots.MUTED, label="true")
    axes.plot(time, said, color=plots.SERIES[0], label="predicted")
    label = clipped(output.name, 24)
    shown = label if output.unit == "1" else f"{label} ({clipped(output.unit, 12)})"
    axes.set(xlabel=unit, ylabel=shown)
    axes.margins(x=0.01)
    axes.legend(frameon=False, fontsize=10)


def _place(evaluated: Evaluated, starts: NDArray[np.int64]) -> str:
    """Where the inputs of examples that follow each other are."""
    if evaluated.origins is None:
        return ""
    length = int(starts[-1] - starts[0]) + (evaluated.card.window_length or 1)
    return evaluated.origins.of(int(starts[0]), length).place


def worst_stretch(
    off: NDArray[np.float64], starts: NDArray[np.int64], stride: int
) -> tuple[int, int] | None:
    """First example, and the one after the last, around the stretch with the largest mean error.

    Args:
        off: Absolute errors, [N].
        starts: First row of each example, [N].
        stride: From one example to the next.

    Returns:
        None where no `STRETCH` examples follow each other.
    """
    breaks = np.flatnonzero(np.diff(starts) != stride) + 1
    begins = np.concatenate(([0], breaks))
    ends = np.concatenate((breaks, [len(starts)]))
    if len(off) < STRETCH:
        return None
    sums = np.concatenate(([0.0], np.cumsum(off)))
    means = (sums[STRETCH:] - sums[:-STRETCH]) / STRETCH
    run = np.searchsorted(begins, np.arange(len(means)), side="right") - 1
    whole = np.arange(len(means)) + STRETCH <= ends[run]
    if not whole.any():
        return None
    worst = int(np.argmax(np.where(whole, means, -np.inf)))
    low, high = int(begins[run[worst]]), int(ends[run[worst]])
    first = max(low, min(worst + STRETCH // 2 - DRAWN // 2, high - DRAWN))
    return first, min(high, first + DRAWN)


def _clock(step_s: float | None, count: int) -> tuple[float, str]:
    """What an example takes of a unit of time, and that; without an interval examples count."""
    if step_s is None:
        return 1.0, "examples"
    whole = step_s * count
    size, unit = next((one for one in UNITS if whole > 2 * one[0]), UNITS[-1])
    return step_s / size, unit
