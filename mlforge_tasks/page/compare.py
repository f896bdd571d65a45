"""Two runs on one page: figures as bars, candidates in plots, on scales that both share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mlforge_tasks.page import plots
from mlforge_tasks.page.template import FOLDER, clipped, fill
from mlforge_tasks.verdict.comparison import facts, lines
from mlforge_tasks.verdict.constraints import UNITS, plain
from mlforge_tasks.verdict.notes import short_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markupsafe import Markup
    from matplotlib.axes import Axes

    from mlforge_tasks.verdict.comparison import Figure, Line
    from mlforge_tasks.verdict.trials import Report

# What of a bar's width the larger of two values, or limits, takes.
FULL = 0.95
COLOURS = (plots.SERIES[0], plots.SERIES[1])
MARKS = ("o", "s")
SCALES = {"B": (1 / 1024, "KiB"), "us": (1 / 1000, "ms")}


class Run(NamedTuple):
    """One of two runs.

    Attributes:
        label: What it is called.
        report: What it came to.
    """

    label: str
    report: Report


@dataclass(frozen=True)
class Beside:
    """What differs beside the figures.

    Attributes:
        contract: Fields of the contracts: name, and what each has; None where one is not known.
        tools: Likewise of tools and packages.
        notes: What is to be known of the runs before their figures.
    """

    contract: Sequence[tuple[str, str, str]] | None
    tools: Sequence[tuple[str, str, str]] | None
    notes: Sequence[str] = ()


class Bar(NamedTuple):
    """A figure of one run as a bar, in shares of its width."""

    label: str
    text: str
    fill: float
    limit_at: float | None
    status: str


def make(a: Run, b: Run, beside: Beside) -> str:
    """The page.

    Args:
        a: One run.
        b: The other.
        beside: What else differs.

    Raises:
        ToolError: A template is missing or broken.
    """
    from markupsafe import Markup  # noqa: PLC0415 - heavy for who only lists commands

    known = list(lines(a.report, b.report))
    made = fill(
        "compare.html",
        a=a,
        b=b,
        facts=list(facts(a.report, b.report)),
        figures=[(short_name(one.metric), one, _bars(one, a, b)) for one in known],
        plots=list(_plots(a, b)),
        beside=beside,
        style=Markup((FOLDER / "page.css").read_text()),  # noqa: S704 - our own file
    )
    return str(made)


def _bars(line: Line, a: Run, b: Run) -> list[Bar]:
    """Both runs' bars, to one scale."""
    ends = [one for side in (line.a, line.b) for one in (side.value, side.limit) if one is not None]
    scale = max((abs(one) for one in ends), default=0.0) / FULL or 1.0
    return [_bar(run.label, line, figure, scale) for run, figure in ((a, line.a), (b, line.b))]


def _bar(label: str, line: Line, figure: Figure, scale: float) -> Bar:
    status = {None: "unknown", True: "pass", False: "fail"}[figure.kept]
    limit_at = None if figure.limit is None else _share(figure.limit, scale)
    fill_to = 0.0 if figure.value is None else _share(figure.value, scale)
    return Bar(label, line.text(figure), fill_to, limit_at, status)


def _share(value: float, scale: float) -> float:
    return min(1.0, max(0.0, value / scale))


def _plots(a: Run, b: Run) -> Iterator[Markup]:
    """Candidates of both runs: what they reach against what they take, and in their order."""
    goal = a.report.goal
    if goal != b.report.goal or _unit(a.report, goal) != _unit(b.report, goal):
        yield from (_against(a, b, ("ram_bytes", "flash_bytes")),)
        return
    for metric in a.report.shown:
        if metric in b.report.shown:
            yield _against(a, b, (metric, goal))
    yield _course(a, b, goal)


def _unit(report: Report, metric: str) -> str:
    return next((one.unit for one in report.bounds if one.metric == metric), "1")


def _scaled(report: Report, metric: str) -> tuple[float, str]:
    """By what a figure is multiplied for an axis, and how that is labelled."""
    unit = _unit(report, metric) if plain(metric) not in UNITS else UNITS[plain(metric)]
    scale, shown = SCALES.get(unit, (1.0, "" if unit == "1" else unit))
    name = clipped(short_name(metric), 24)
    return scale, f"{name} ({shown})" if shown else name


def _against(a: Run, b: Run, metrics: tuple[str, str]) -> Markup:
    across, up = metrics
    (x_scale, x_label), (y_scale, y_label) = (_scaled(a.report, one) for one in metrics)

    def draw(axes: Axes) -> None:
        for run, colour, mark in zip((a, b), COLOURS, MARKS, strict=True):
            for result in run.report.results:
                x, y = result.measurement(across), result.measurement(up)
                if x is not None and y is not None:
                    best = result.trial.id == run.report.best
                    face = colour if best else "none"
                    axes.plot(
                        x.value * x_scale, y.value * y_scale, mark, mfc=face, mec=colour, zorder=3
                    )
            for bound in run.report.bounds:
                if bound.metric == across:
                    axes.axvline(bound.limit * x_scale, color=colour, linestyle="--", linewidth=1)
                if bound.metric == up:
                    axes.axhline(bound.limit * y_scale, color=colour, linestyle="--", linewidth=1)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.margins(0.12)
        axes.set_xlim(left=0)

    return plots.figure(
        draw,
        title=f"{clipped(short_name(up), 24)} against {short_name(across)}",
        description=f"Each candidate of both runs by {across} and {up}; limits dashed.",
    )


def _course(a: Run, b: Run, goal: str) -> Markup:
    scale, label = _scaled(a.report, goal)

    def draw(axes: Axes) -> None:
        for run, colour, mark in zip((a, b), COLOURS, MARKS, strict=True):
            found = [one.measurement(goal) for one in run.report.results]
            known = {at: one.value * scale for at, one in enumerate(found, 1) if one is not None}
            axes.plot(list(known), list(known.values()), mark, mfc="none", mec=colour)
            for bound in run.report.bounds:
                if bound.metric == goal:
                    axes.axhline(bound.limit * scale, color=colour, linestyle="--", linewidth=1)
        axes.set_xlabel("candidate")
        axes.set_ylabel(label)
        axes.margins(0.12)
        axes.locator_params(axis="x", integer=True)

    return plots.figure(
        draw,
        title=f"{clipped(short_name(goal), 24)} of each candidate, in the order they were tried",
        description=f"{goal} of the candidates of both runs, first to last; limits dashed.",
    )
