"""The verdict: whether the contract is met, and by what; each clause against its limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill
from mlforge_tasks.verdict import notes, words
from mlforge_tasks.verdict.baselines import WORDS
from mlforge_tasks.verdict.trials import holds
from mlforge_tasks.yaml_file.units import format_against, format_share, format_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.page.found import Found
    from mlforge_tasks.records import Clause
    from mlforge_tasks.verdict.constraints import Bound
    from mlforge_tasks.verdict.trials import Report, TrialResult

# How much of a bar lies left of its limit, so that there is room to be past it.
LIMIT_AT = 0.7
STATUS = {"pass": "kept", "fail": "missed", "unknown": "not measured"}


@dataclass(frozen=True)
class Line:
    """One clause as the page shows it.

    Attributes:
        name: Of the figure.
        bound: The limit, and which side of it is allowed.
        value: What was measured.
        room: What is left of the limit, or how far past it the figure is.
        source: Where the figure is from.
        status: `pass`, `fail` or `unknown`.
        said: The same in words.
        fill: Length of the bar, as a share of its width.
        limit_at: Where the limit is on it.
        baseline_at: Where that is which needs no model; None where it is not known.
        baseline: What it is, in words.
        interval: How sure the figure is, in words.
    """

    name: str
    bound: str
    value: str
    room: str
    source: str
    status: str
    said: str
    fill: float
    limit_at: float
    baseline_at: float | None
    baseline: str
    interval: str


def section(found: Found) -> Section:
    """The verdict on the whole contract, clause by clause."""
    report, best = found.report, found.best_result
    body = fill(
        "verdict.html",
        report=report,
        best=best,
        outcome=_outcome(found),
        going=found.going,
        shortfall=None if report.met or found.going else words.shortfall(report),
        lines=[_line(report, one) for one in _clauses(best)],
        notes=list(_notes(report, best)),
    )
    return Section("verdict", "Verdict", body)


def _outcome(found: Found) -> str:
    """In a word or two."""
    report, best = found.report, found.best_result
    if report.met:
        return "met"
    if found.going:
        return "not yet met"
    return "unknown" if best is not None and holds(best.trial.verdict) else "not met"


def _clauses(best: TrialResult | None) -> tuple[Clause, ...]:
    """Those of the contract; what a rule without a model has is a mark on them."""
    verdict = best.trial.verdict if best is not None else None
    return verdict.clauses if verdict is not None else ()


def _line(report: Report, clause: Clause) -> Line:
    bound = next((one for one in report.bounds if one.metric == clause.metric), None)
    least = bound is not None and bound.direction == "at_least"
    value, limit = "", format_value(clause.limit, clause.unit)
    if clause.value is not None:
        value, limit = format_against(clause.value, clause.limit, clause.unit)
    known = _baseline(report, clause)
    ends = [abs(one) for one in (clause.value, clause.limit, known and known.limit) if one]
    scale = max([abs(clause.limit) / LIMIT_AT, *ends]) or 1.0
    return Line(
        name=clause.of or notes.short_name(clause.metric),
        bound=f"{'at least' if least else 'at most'} {limit}",
        value=value,
        room=_room(clause),
        source=words.whence(clause) if clause.source else "",
        status=clause.status,
        said=STATUS[clause.status],
        fill=_share(clause.value, scale),
        limit_at=_share(clause.limit, scale),
        baseline_at=_share(known.limit, scale) if known else None,
        baseline=_named(known or clause),
        interval=words.interval_text(clause).strip(" ()"),
    )


def _share(value: float | None, scale: float) -> float:
    return 0.0 if value is None else min(1.0, max(0.0, value / scale))


def _baseline(report: Report, clause: Clause) -> Bound | None:
    """What needs no model has of the same figure, where the clause is not about that itself."""
    if clause.against:
        return None
    return next((one for one in report.without_model if one.of == clause.metric), None)


def _named(known: Bound | Clause) -> str:
    if not known.against:
        return ""
    return f"{WORDS[known.against]}: {format_value(known.limit, known.unit)}"


def _room(clause: Clause) -> str:
    """How far from its limit a figure is, as a share of the limit."""
    if clause.slack is None or not clause.limit:
        return ""
    share = format_share(abs(clause.slack / clause.limit))
    return f"{share} {'over' if clause.slack > 0 else 'left'}"


def _notes(report: Report, best: TrialResult | None) -> Iterator[str]:
    """What to be aware of, as the end of the run tells it."""
    yield from notes.carried_text(report)
    if best is not None:
        yield from notes.left_out_text(best)
        if best.not_compared:
            yield notes.not_compared(best.not_compared)
    yield from notes.changed_text(report)
    yield from notes.detection_text(best)
    yield from notes.without_model(report)
    yield from notes.quantisation_text(report)
    yield from notes.range_text(report)
    yield from notes.layer_text(report)
    if report.choice is not None:
        yield notes.engine_text(report.choice)
