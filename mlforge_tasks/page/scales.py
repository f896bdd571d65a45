"""The figures of a report as plots take them: their scale, their unit, who has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.page.candidates import fate, heading
from mlforge_tasks.page.template import clipped, raised

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from mlforge_tasks.verdict.constraints import Bound
    from mlforge_tasks.verdict.trials import Report

# Units that are shown as a larger one where figures reach it: how much that is, and its name.
_LARGER = {"B": ((1 << 20, "MiB"), (1 << 10, "KiB")), "us": ((10**6, "s"), (1000, "ms"))}
# Values that lie further apart than this are told apart on a logarithmic axis alone.
FAR_APART = 30.0


@dataclass(frozen=True)
class Dot:
    """A candidate's figure.

    Attributes:
        at: Its place among all candidates, from 0.
        id: Its name.
        fate: What became of it, see `candidates.fate`.
        value: The figure in the scale's unit.
    """

    at: int
    id: str
    fate: str
    value: float


@dataclass(frozen=True)
class Scale:
    """One figure of all candidates.

    Attributes:
        metric: Which.
        unit: As the plot shows it; empty where it has none.
        factor: What a value is divided by.
        bound: The contract's limit of it, if there is one.
        baseline: What has to be beaten, which needs no model; None where it is not known.
        dots: Who has it.
    """

    metric: str
    unit: str
    factor: float
    bound: Bound | None
    baseline: float | None
    dots: tuple[Dot, ...]

    @property
    def label(self) -> str:
        """Name and unit, for an axis, and that it is logarithmic."""
        parts = [clipped(heading(self.metric), 28), raised(clipped(self.unit, 16))]
        return ", ".join(filter(None, [*parts, "log scale" if self.logarithmic else ""]))

    @property
    def limit(self) -> float | None:
        """The limit in the plot's unit."""
        return None if self.bound is None else self.bound.limit / self.factor

    @property
    def least(self) -> bool:
        """Whether more is better."""
        return self.bound is not None and self.bound.direction == "at_least"

    def keeps(self, value: float) -> bool:
        """Whether a value of the plot keeps the limit."""
        limit = self.limit
        return limit is None or (value >= limit if self.least else value <= limit)

    @property
    def shown(self) -> tuple[float, ...]:
        """All that has to be on the axis."""
        lines = (self.limit, self.baseline)
        return (*(one.value for one in self.dots), *(one for one in lines if one is not None))

    @property
    def logarithmic(self) -> bool:
        """Whether its values lie too far apart for a linear axis."""
        low, high = min(self.shown, default=0.0), max(self.shown, default=0.0)
        return low > 0 and high / low > FAR_APART

    def span(self) -> tuple[float, float]:
        """The ends of its axis; zero is one of them where the axis is linear."""
        low, high = min(self.shown, default=0.0), max(self.shown, default=1.0)
        if self.logarithmic:
            return low / 1.5, high * 1.5
        room = 0.08 * ((high - min(low, 0.0)) or 1.0)
        return (low - room if low < 0 else 0.0), (high + room if high > 0 else room)


def scale(report: Report, metric: str) -> Scale:
    """One figure of all candidates of a report.

    Args:
        report: With them.
        metric: Which; `…_test` is of the test split.
    """
    bound = next((one for one in report.bounds if one.metric == metric), None)
    known = next((one.limit for one in report.without_model if one.of == metric), None)
    found = [(at, one, one.measurement(metric)) for at, one in enumerate(report.results)]
    measured = [(at, one, value) for at, one, value in found if value is not None]
    unit = bound.unit if bound else (measured[0][2].unit if measured else "1")
    largest = max(
        [abs(value.value) for *_, value in measured] + ([bound.limit] if bound else []) + [0]
    )
    factor, shown = next(
        ((size, name) for size, name in _LARGER.get(unit, ()) if largest >= size),
        (1, "" if unit == "1" else unit),
    )
    return Scale(
        metric=metric,
        unit=shown,
        factor=factor,
        bound=bound,
        baseline=None if known is None else known / factor,
        dots=tuple(
            Dot(at, one.trial.id, fate(one), value.value / factor) for at, one, value in measured
        ),
    )


def stretch(axes: Axes, along: Scale, across: Scale | None = None) -> None:
    """Sets the ends and kinds of the axes.

    Args:
        axes: Of the plot.
        along: Of the vertical axis.
        across: Of the horizontal one, where that is a figure too.
    """
    _stretch(axes, axes.yaxis, along)
    axes.set_ylim(*along.span())
    if across is not None:
        _stretch(axes, axes.xaxis, across)
        axes.set_xlim(*across.span())


def _stretch(axes: Axes, axis: Axis, one: Scale) -> None:
    from matplotlib.ticker import MaxNLocator, NullFormatter, StrMethodFormatter  # noqa: PLC0415

    if one.logarithmic:
        (axes.set_yscale if axis is axes.yaxis else axes.set_xscale)("log")
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(MaxNLocator(5))
