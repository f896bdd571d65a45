"""How the search went: every figure of every candidate, in the order they were proposed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mlforge_tasks.page import plots
from mlforge_tasks.page.candidates import PASSED, REFUSED, TRAINED, heading
from mlforge_tasks.page.scales import Dot, Scale, scale, stretch
from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill, raised
from mlforge_tasks.verdict.constraints import TEST_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markupsafe import Markup
    from matplotlib.axes import Axes

    from mlforge_tasks.page.found import Found
    from mlforge_tasks.verdict.trials import Report

# Each output may have a figure of its own, and a page has an end.
MOST_GOALS = 5
MOST_TICKS = 8
# More marks than this are small ones.
CROWD = 60
MARKS = {PASSED: "s", TRAINED: "o", REFUSED: "x"}
SAID = {
    PASSED: "met the contract",
    TRAINED: "trained, missed it",
    REFUSED: "refused or failed",
}
COLOURS = {PASSED: plots.PASS, TRAINED: plots.TRAINED, REFUSED: plots.REFUSED}


def section(found: Found) -> Section | None:
    """A plot for each limited figure and each that is asked; nothing before there are any."""
    report = found.report
    goals = report.goals[:MOST_GOALS]
    known = [
        (scale(report, one), scale(report, one + TEST_SUFFIX)) for one in (*report.shown, *goals)
    ]
    drawn = [(one, test) for one, test in known if one.dots]
    if not drawn:
        return None
    body = fill(
        "convergence.html",
        figures=[_figure(report, one, test) for one, test in drawn],
        fates=fates(dot for one, _ in drawn for dot in one.dots),
        baseline=any(one.baseline is not None for one, _ in drawn),
        test=any(test.dots for _, test in drawn),
        left_out=len(report.goals) - len(goals),
    )
    return Section("convergence", "Convergence", body)


def _figure(report: Report, one: Scale, test: Scale) -> Markup:
    return plots.figure(
        lambda axes: _draw(axes, report, one, test),
        title=one.label,
        description=_described(one),
    )


def _described(one: Scale) -> str:
    """What is to be seen, for who does not see it."""
    unit = f" {one.unit}" if one.unit else ""
    values = [dot.value for dot in one.dots]
    count = f"{len(values)} candidate{'' if len(values) == 1 else 's'}"
    told = f"{heading(one.metric)} of {count}, from {min(values):.4g} to {max(values):.4g}{unit}"
    if one.limit is not None:
        kept = sum(one.keeps(value) for value in values)
        told += f"; within the limit of {one.limit:.4g}{unit}: {kept}"
    if one.baseline is not None:
        told += f"; what needs no model has {one.baseline:.4g}{unit}"
    return raised(f"{told}. The table of candidates has each.")


def _draw(axes: Axes, report: Report, one: Scale, test: Scale) -> None:
    stretch(axes, one)
    count = len(report.results)
    region(axes, one)
    lines(axes, one)
    size = mark_size(count)
    marks(axes, [(dot.at, dot.value, dot.fate) for dot in one.dots], size)
    axes.plot(
        [dot.at for dot in test.dots],
        [dot.value * test.factor / one.factor for dot in test.dots],
        linestyle="",
        marker="o",
        markerfacecolor="none",
        markeredgecolor=plots.TRAINED,
        markersize=size + 3,
    )
    axes.set_xlim(-0.7, count - 0.3)
    places = range(0, count, _step(report))
    axes.set_xticks(places, [report.results[at].trial.id for at in places])
    axes.set_xlabel("candidate")


def _step(report: Report) -> int:
    """How many candidates lie from one that is named to the next: whole rounds, of many."""
    rounds = Counter(one.trial.id.partition(".")[0] for one in report.results)
    least = -(-len(report.results) // MOST_TICKS)
    each = max(rounds.values())
    return least if least < each else -(-least // each) * each


def fates(dots: Iterable[Dot]) -> list[tuple[str, str]]:
    """What marks mean, of those that there are, for a legend."""
    there = {dot.fate for dot in dots}
    return [(fate, said) for fate, said in SAID.items() if fate in there]


def mark_size(count: int) -> float:
    """How large a mark is, of so many: a crowd of small ones can be told apart."""
    return 3.5 if count > CROWD else 6.0


def marks(axes: Axes, points: Sequence[tuple[float, float, str]], size: float) -> None:
    """A mark for each candidate; what matters most is drawn last.

    Args:
        axes: Of the plot.
        points: Of each where it is, and its fate.
        size: Of a mark.
    """
    for fate in (REFUSED, TRAINED, PASSED):
        chosen = [(across, along) for across, along, one in points if one == fate]
        axes.plot(
            [across for across, _ in chosen],
            [along for _, along in chosen],
            linestyle="",
            marker=MARKS[fate],
            color=COLOURS[fate],
            markersize=size,
        )


def region(axes: Axes, one: Scale) -> None:
    """Shades what the contract allows of the figure on the vertical axis."""
    if one.limit is not None:
        low, high = one.span()
        ends = (one.limit, high) if one.least else (low, one.limit)
        axes.axhspan(*ends, facecolor=plots.FEASIBLE, alpha=0.12, linewidth=0)


def lines(axes: Axes, one: Scale) -> None:
    """The limit, and what needs no model, of the figure on the vertical axis."""
    if one.limit is not None:
        axes.axhline(one.limit, color=plots.LIMIT, linestyle="--")
    if one.baseline is not None:
        axes.axhline(one.baseline, color=plots.BASELINE, linestyle=":")
