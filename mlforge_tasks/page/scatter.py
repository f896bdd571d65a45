"""Predicted against true: where a regression is off, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.page import plots
from mlforge_tasks.page.evaluated import Evaluated
from mlforge_tasks.page.excerpt import excerpt
from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import clipped, fill
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markupsafe import Markup
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from mlforge_tasks.page.evaluated import Part
    from mlforge_tasks.page.found import Found
    from mlforge_tasks.verdict.evaluation import OutputErrors

# Outputs that are drawn, those with the largest errors for their spread; points of all plots.
MOST_OUTPUTS, MOST_POINTS = 2, 3600
WORST = 12
BINS = 40


@dataclass(frozen=True)
class Column:
    """One predicted quantity on a split.

    Attributes:
        part: The split.
        errors: What they come to.
        said: What the model said, in the quantity's unit: [N].
        true: What it was: [N].
    """

    part: Part
    errors: OutputErrors
    said: NDArray[np.float64]
    true: NDArray[np.float64]

    @property
    def unit(self) -> str:
        """For an axis; empty where it has none."""
        return "" if self.errors.unit == "1" else f" ({clipped(self.errors.unit, 16)})"


def section(found: Found) -> Section | None:
    """Of a model that predicts quantities."""
    evaluated = Evaluated.of(found)
    if evaluated is None or not any(part.judged.outputs for part in evaluated.parts):
        return None
    worst, chosen = _worst_outputs(evaluated)
    columns = [_column(evaluated, part, at) for at in chosen for part in evaluated.parts]
    each = max(200, MOST_POINTS // len(columns))
    followed = evaluated.parts if len(chosen) == 1 else evaluated.parts[:1]
    excerpts = [one for part in followed for one in excerpt(evaluated, part, worst)]
    body = fill(
        "scatter.html",
        figures=[*(_scatter(one, each) for one in columns), *_residuals(columns)],
        excerpts=excerpts,
        tables=[(part.name, one) for part in evaluated.parts for one in part.judged.outputs],
        sampled=[
            f"{part.name}: {each:,} of {len(part.targets):,}"
            for part in evaluated.parts
            if len(part.targets) > each
        ],
        left_out=len(evaluated.card.outputs) - len(chosen),
        worst=WORST,
        dtype=evaluated.quantisation.output.dtype,
        note=evaluated.test_note(),
    )
    return Section("predicted", "Predicted against true", body)


def _worst_outputs(evaluated: Evaluated) -> tuple[int, list[int]]:
    """The output whose error is largest for the spread of its targets, and those that are drawn."""
    errors = evaluated.parts[0].judged.outputs
    scales = evaluated.card.target_scale
    order = sorted(range(len(errors)), key=lambda at: -errors[at].rmse / scales[at])
    return order[0], sorted(order[:MOST_OUTPUTS])


def _column(evaluated: Evaluated, part: Part, at: int) -> Column:
    said = evaluated.outputs(part)[:, at]
    return Column(part, part.judged.outputs[at], said, part.targets[:, at].astype(np.float64))


def drawn_of(count: int, most: int, also: NDArray[Any]) -> NDArray[np.int64]:
    """Which of many examples are drawn: evenly spread, always the same, and some others."""
    some = np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
    return np.union1d(some, also)


def _scatter(column: Column, most: int) -> Markup:
    name, errors = clipped(column.errors.name, 24), column.errors
    return plots.figure(
        lambda axes: _points(axes, column, most),
        height=300,
        title=f"{name}, {column.part.name}",
        description="Predicted against true: the mean absolute error is "
        f"{format_value(errors.mae, errors.unit)}, the bias "
        f"{format_value(errors.bias, errors.unit)}; the output reaches from {errors.low:.4g} to "
        f"{errors.high:.4g}.",
    )


def _points(axes: Axes, column: Column, most: int) -> None:
    from matplotlib.patches import PathPatch  # noqa: PLC0415 - heavy
    from matplotlib.path import Path  # noqa: PLC0415 - heavy

    worst = np.argsort(-np.abs(column.said - column.true), kind="stable")[:WORST]
    some = drawn_of(len(column.true), most, worst)
    low = float(min(column.true.min(), column.said.min()))
    high = float(max(column.true.max(), column.said.max()))
    room = 0.03 * (high - low) or 1.0
    ends = low - room, high + room
    axes.plot(ends, ends, "-", color=plots.MUTED, linewidth=1)
    for reach in (column.errors.low, column.errors.high):
        if ends[0] < reach < ends[1]:
            axes.axhline(reach, color=plots.LIMIT, linestyle=":", linewidth=1.2)
    # One path of dots for all: a mark of its own for each is ten times the bytes.
    at = np.stack((column.true[some], column.said[some]), axis=1).repeat(2, axis=0)
    codes = np.tile([Path.MOVETO, Path.LINETO], len(some))
    path = Path(at, codes)
    path.should_simplify = False  # to matplotlib a line without a length is none
    dots = PathPatch(path, fill=False, edgecolor=plots.SERIES[0], linewidth=3, capstyle="round")
    dots.set_alpha(0.45)
    axes.add_patch(dots)
    axes.plot(column.true[worst], column.said[worst], "o", mfc="none", mec=plots.FAIL, ms=6)
    axes.set(xlabel=f"true{column.unit}", ylabel="predicted", xlim=ends, ylim=ends)


def _residuals(columns: Sequence[Column]) -> Iterator[Markup]:
    """How often each error is, an output a plot."""
    for name in dict.fromkeys(one.errors.name for one in columns):
        mine = [one for one in columns if one.errors.name == name]
        yield plots.figure(
            lambda axes, mine=mine: _histogram(axes, mine),  # type: ignore[misc]
            height=300,
            title=f"Errors of {clipped(name, 24)}",
            description="Shares of the examples by predicted less true: "
            + "; ".join(f"{one.part.name}: RMSE {one.errors.rmse:.4g}" for one in mine),
        )


def _histogram(axes: Axes, columns: Sequence[Column]) -> None:
    each = [one.said - one.true for one in columns]
    low, high = min(one.min() for one in each), max(one.max() for one in each)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    for off, column, colour in zip(each, columns, plots.SERIES, strict=False):
        shares = np.histogram(off, edges)[0] / len(off)
        axes.stairs(shares, edges, color=colour, label=column.part.name, linewidth=1.5)
    axes.axvline(0, color=plots.MUTED, linewidth=1)
    axes.set(xlabel=f"predicted less true{columns[0].unit}", ylabel="share")
    axes.legend(frameon=False, fontsize=10)
