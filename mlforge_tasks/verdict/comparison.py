"""Two runs side by side: what each asked and came to, and how far apart that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlforge_tasks.yaml_file.units import format_against, format_share, format_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlforge_tasks.verdict.constraints import Bound
    from mlforge_tasks.verdict.trials import Report, TrialResult

# Of a candidate beside what its contract asks; the less of it the better.
COUNTED = ("parameters", "macs")
ABSENT = "-"


class Figure(NamedTuple):
    """A figure of one run's best candidate.

    Attributes:
        value: None where it is not known.
        limit: What its contract allows; None where that asks nothing of it.
        kept: Whether it keeps that; None where one of the two is not known.
    """

    value: float | None
    limit: float | None
    kept: bool | None


class Line(NamedTuple):
    """A figure of two runs.

    Attributes:
        metric: Its name.
        unit: Its unit.
        at_least: Whether more of it is better.
        a: That of the first.
        b: That of the second.
    """

    metric: str
    unit: str
    at_least: bool
    a: Figure
    b: Figure

    @property
    def change(self) -> float | None:
        """How much more the second has, as a share of the first; None where that says nothing."""
        if self.a.value is None or self.b.value is None:
            return None
        if self.a.value == self.b.value:
            return 0.0
        return (self.b.value - self.a.value) / abs(self.a.value) if self.a.value else None

    @property
    def better(self) -> str:
        """Which has the better figure: `a`, `b`, `same`, or empty where one is not known."""
        if self.a.value is None or self.b.value is None:
            return ""
        if self.a.value == self.b.value:
            return "same"
        more = self.b.value > self.a.value
        return "b" if more == self.at_least else "a"

    @property
    def told(self) -> str:
        """How the second is to the first: `-12.3 %, better`."""
        if self.better in ("", "same"):
            return self.better
        word = "better" if self.better == "b" else "worse"
        if self.change is None:
            return word
        sign = "+" if self.change > 0 else "-"
        return f"{sign}{format_share(abs(self.change))}, {word}"

    def text(self, one: Figure) -> str:
        """A figure and its limit: `9.1 KiB of 9.9 KiB`, `15 KiB over 9.9 KiB`."""
        if self.metric in COUNTED:
            return ABSENT if one.value is None else f"{one.value:,.0f}"
        if one.limit is None:
            return ABSENT if one.value is None else format_value(one.value, self.unit)
        if one.value is None:
            return f"{ABSENT} of {format_value(one.limit, self.unit)}"
        value, limit = format_against(one.value, one.limit, self.unit)
        missed = "below" if self.at_least else "over"
        return f"{value} {missed if one.kept is False else 'of'} {limit}"


def lines(a: Report, b: Report) -> Iterator[Line]:
    """What both contracts ask, and what the best candidates have of it.

    Figures of one name that are in different units are two lines: they cannot be compared.

    Args:
        a: One run.
        b: Another one.
    """
    asked: dict[tuple[str, str], Bound] = {}
    for report in (a, b):
        for bound in report.bounds:
            if not bound.of:
                asked.setdefault((bound.metric, bound.unit), bound)
    for (metric, unit), bound in asked.items():
        figures = (_figure(report, metric, unit) for report in (a, b))
        yield Line(metric, unit, bound.direction == "at_least", *figures)
    for name in COUNTED:
        counts = (_count(report.best_result(), name) for report in (a, b))
        yield Line(name, "1", False, *(Figure(one, None, None) for one in counts))  # noqa: FBT003


def _figure(report: Report, metric: str, unit: str) -> Figure:
    best = report.best_result()
    bound = next((one for one in report.bounds if (one.metric, one.unit) == (metric, unit)), None)
    found = best.measurement(metric) if best is not None else None
    value = found.value if found is not None and found.unit == unit else None
    if value is None or bound is None:
        return Figure(value, None if bound is None else bound.limit, None)
    clauses = best.trial.verdict.clauses if best and best.trial.verdict else ()
    status = next((one.status for one in clauses if one.metric == metric), "unknown")
    return Figure(value, bound.limit, None if status == "unknown" else status == "pass")


def _count(best: TrialResult | None, name: str) -> float | None:
    figures = best.trial.figures if best is not None else None
    value = getattr(figures, name, None)
    return None if value is None else float(value)


def facts(a: Report, b: Report) -> Iterator[tuple[str, str, str]]:
    """What two runs are of and came to, in words: a name, and what each has."""
    for name, say in _FACTS.items():
        yield name, say(a), say(b)


def _verdict(report: Report) -> str:
    count = len(report.results)
    word = "met" if report.met else "not met"
    return f"{word}, {count} candidate{'' if count == 1 else 's'}"


def _engine(report: Report) -> str:
    chosen = report.choice.engine if report.choice is not None else None
    return f"{chosen} (chosen)" if chosen else report.engine


def _architecture(report: Report) -> str:
    best = report.best_result()
    return ABSENT if best is None else best.brief


_FACTS: Mapping[str, Callable[[Report], str]] = {
    "verdict": _verdict,
    "board": lambda report: report.board,
    "engine": _engine,
    "mode": lambda report: report.mode,
    "best": lambda report: report.best or ABSENT,
    "architecture": _architecture,
}
