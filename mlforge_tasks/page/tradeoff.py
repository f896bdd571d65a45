"""The error against each limited figure: what was reached at what cost, and what is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.page import plots
from mlforge_tasks.page.candidates import heading
from mlforge_tasks.page.convergence import fates, lines, mark_size, marks
from mlforge_tasks.page.scales import Dot, Scale, scale, stretch
from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill
from mlforge_tasks.verdict.fronts import undominated
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup
    from matplotlib.axes import Axes

    from mlforge_tasks.page.found import Found
    from mlforge_tasks.verdict.trials import Report


@dataclass(frozen=True)
class Pair:
    """A candidate's cost and its error."""

    cost: Dot
    error: Dot


@dataclass(frozen=True)
class Plot:
    """One cost against the error.

    Attributes:
        figure: Drawn.
        caption: Of the table below it.
        header: Of the table.
        rows: The candidates of its Pareto front.
    """

    figure: Markup
    caption: str
    header: tuple[str, ...]
    rows: list[tuple[str, str, str]]


def section(found: Found) -> Section | None:
    """A plot for each limited figure; nothing as long as no candidate has an error."""
    report = found.report
    error = scale(report, report.goal)
    limited = dict.fromkeys((*report.shown, *(b.metric for b in report.bounds if b.on_device)))
    costs = [one for metric in limited if (one := scale(report, metric)).dots]
    if not error.dots or not costs:
        return None
    body = fill(
        "tradeoff.html",
        plots=[_plot(report, cost, error) for cost in costs],
        baseline=error.baseline is not None,
        goal=heading(error.metric),
        fates=fates(error.dots),
        untrained=any(len(cost.dots) > len(error.dots) for cost in costs),
    )
    return Section("tradeoff", "Error against each limit", body)


def _plot(report: Report, cost: Scale, error: Scale) -> Plot:
    errors = {dot.id: dot for dot in error.dots}
    pairs = [Pair(dot, errors[dot.id]) for dot in cost.dots if dot.id in errors]
    untrained = [dot for dot in cost.dots if dot.id not in errors]
    reached: list[Pair] = undominated(
        pairs,
        lambda pair: (pair.cost.value, pair.error.value),
        least=(cost.least, error.least),
    )
    name, goal = heading(cost.metric), heading(error.metric)
    kept = sum(cost.keeps(one.cost.value) and error.keeps(one.error.value) for one in pairs)
    shown = plots.figure(
        lambda axes: _draw(axes, (cost, error), pairs, reached, untrained),
        title=f"{goal} against {name}",
        description=(
            f"Candidates with both known: {len(pairs)}; that keep both limits: {kept}; on the "
            f"Pareto front: {len(reached)}; of which only the {name} is known: {len(untrained)}. "
            "The table below has the front."
        ),
    )
    units = (report_unit(report, cost), report_unit(report, error))
    rows = [
        (
            one.cost.id,
            format_value(one.cost.value * cost.factor, units[0]),
            format_value(one.error.value * error.factor, units[1]),
        )
        for one in reached
    ]
    return Plot(shown, f"Pareto front of {goal} against {name}", ("candidate", name, goal), rows)


def report_unit(report: Report, one: Scale) -> str:
    """The unit of a figure's measurements."""
    found = (result.measurement(one.metric) for result in report.results)
    return next((value.unit for value in found if value is not None), "1")


def _draw(
    axes: Axes,
    scales: tuple[Scale, Scale],
    pairs: Sequence[Pair],
    reached: Sequence[Pair],
    untrained: Sequence[Dot],
) -> None:
    cost, error = scales
    stretch(axes, error, cost)
    _quadrant(axes, cost, error)
    lines(axes, error)
    if cost.limit is not None:
        axes.axvline(cost.limit, color=plots.LIMIT, linestyle="--")
    axes.plot(
        [one.cost.value for one in reached],
        [one.error.value for one in reached],
        color=plots.MUTED,
        linewidth=1.2,
        drawstyle="steps-post",
    )
    points = [(one.cost.value, one.error.value, one.cost.fate) for one in pairs]
    marks(axes, points, mark_size(len(points)))
    # Those that were never trained have no error: they stand at the upper edge.
    axes.plot(
        [dot.value for dot in untrained],
        [0.985] * len(untrained),
        linestyle="",
        marker="|",
        color=plots.REFUSED,
        markersize=7,
        transform=axes.get_xaxis_transform(),
    )
    axes.set_xlabel(cost.label)
    axes.set_ylabel(error.label)


def _quadrant(axes: Axes, cost: Scale, error: Scale) -> None:
    """Shades what the contract allows of both."""
    (left, right), (low, high) = cost.span(), error.span()
    if cost.limit is not None:
        left, right = (cost.limit, right) if cost.least else (left, cost.limit)
    if error.limit is not None:
        low, high = (error.limit, high) if error.least else (low, error.limit)
    axes.fill_between([left, right], low, high, facecolor=plots.FEASIBLE, alpha=0.12, linewidth=0)
