"""The verdict: whether the contract is met, and by what; each clause against its limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.page.candidates import heading
from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill, raised
from mlforge_tasks.verdict import notes, words
from mlforge_tasks.verdict.baselines import WORDS
from mlforge_tasks.verdict.constraints import LATENCIES
from mlforge_tasks.verdict.floors import floor, floor_clauses, floor_text
from mlforge_tasks.verdict.trials import holds
from mlforge_tasks.yaml_file.units import format_against, format_share, format_value

if TYPE_CHECKING:
    from mlforge_tasks.page.found import Found
    from mlforge_tasks.records import Clause
    from mlforge_tasks.verdict.constraints import Bound
    from mlforge_tasks.verdict.fronts import Binding
    from mlforge_tasks.verdict.relaxation import Shortfall
    from mlforge_tasks.verdict.trials import Report, TrialResult

# How much of a bar lies left of its limit, so that there is room to be past it.
LIMIT_AT = 0.7
# What else is marked on a bar lies a little before its end.
ROOM = 1.03
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
        sure: Where on the bar the ends are that few examples leave open; None where nothing does.
        interval: The same in words.
        foretold: Of a latency, what the board's calibration makes of it; empty without one.
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
    sure: tuple[float, float] | None
    interval: str
    foretold: str


def section(found: Found) -> Section:
    """The verdict on the whole contract, clause by clause."""
    report, best = found.report, found.best_result
    missed = report.shortfall
    body = fill(
        "verdict.html",
        report=report,
        best=best,
        impossible=floor(report) is not None,
        outcome=_outcome(found),
        going=found.going,
        why=_why(found),
        bindings=[_binding(one) for one in missed.binding] if missed else [],
        smallest=_smallest(missed) or raised(floor_text(report) or ""),
        engines=missed.engines if missed else (),
        lines=[_line(report, one, best) for one in _clauses(report, best)],
        notes=notes.every(report, best),
    )
    return Section("verdict", "Verdict", body)


def _why(found: Found) -> str:
    """Why the contract is not met, in a sentence; the architecture stands above it."""
    report, best = found.report, found.best_result
    if report.met or found.going:
        return ""
    told = words.shortfall(report).partition("\n")[0].partition(": ")[2]
    told = told.replace(f" ({best.brief})", "") if best is not None else told
    return raised(told[:1].upper() + told[1:])


def _smallest(missed: Shortfall | None) -> str:
    """The least that would have to give, as it would be written; empty where nothing is known."""
    if missed is None or missed.smallest is None:
        return ""
    return raised(words.relaxation_text(missed.smallest))


def _binding(one: Binding) -> tuple[str, ...]:
    """A value of the contract that stood in the way, for a table."""
    closest = raised(format_value(one.closest, one.unit))
    return one.key, f"{one.broken} of {one.measured}", closest, one.candidate


def _outcome(found: Found) -> str:
    """In a word or two."""
    report, best = found.report, found.best_result
    if report.met:
        return "met"
    if found.going:
        return "not yet met"
    return "unknown" if best is not None and holds(best.trial.verdict) else "not met"


def _clauses(report: Report, best: TrialResult | None) -> tuple[Clause, ...]:
    """Those of the contract; what a rule without a model has is a mark on them."""
    if floor(report) is not None:
        return floor_clauses(report)
    verdict = best.trial.verdict if best is not None else None
    return verdict.clauses if verdict is not None else ()


def _line(report: Report, clause: Clause, best: TrialResult | None) -> Line:
    value, limit = "", format_value(clause.limit, clause.unit)
    if clause.value is not None:
        value, limit = format_against(clause.value, clause.limit, clause.unit)
    known, sure = _baseline(report, clause), None if clause.against else clause.interval
    ends = (clause.value, known and known.limit, sure and sure.high)
    scale = max([abs(clause.limit) / LIMIT_AT, *(ROOM * abs(one) for one in ends if one)]) or 1.0
    return Line(
        name=_name(clause),
        bound=raised(f"{_side(report, clause)} {limit}"),
        value=raised(value),
        room=_room(clause, least=_is_least(report, clause)),
        source=words.whence(clause) if clause.source else "",
        status=clause.status,
        said=STATUS[clause.status],
        fill=_share(clause.value, scale),
        limit_at=_share(clause.limit, scale),
        baseline_at=_share(known.limit, scale) if known else None,
        baseline=f"{WORDS[known.against]}: {_value(known)}" if known else "",
        sure=(_share(sure.low, scale), _share(sure.high, scale)) if sure else None,
        interval=raised(words.interval_text(clause).strip(" ()")) if sure else "",
        foretold=_foretold(clause, best),
    )


def _foretold(clause: Clause, best: TrialResult | None) -> str:
    """What a calibration makes of a latency; it is judged nowhere."""
    told = words.calibrated_latency(best) if best is not None else ""
    return raised(f"calibrated: {told}") if told and clause.metric in LATENCIES else ""


def _name(clause: Clause) -> str:
    name = heading(clause.of or clause.metric)
    return f"{name}, against {WORDS[clause.against]}" if clause.against else name


def _side(report: Report, clause: Clause) -> str:
    """Which side of a limit is allowed."""
    if clause.against:
        return "better than"
    return "at least" if _is_least(report, clause) else "at most"


def _is_least(report: Report, clause: Clause) -> bool:
    bound = next((one for one in report.bounds if one.metric == clause.metric), None)
    return bound is not None and bound.direction == "at_least"


def _share(value: float | None, scale: float) -> float:
    return 0.0 if value is None else min(1.0, max(0.0, value / scale))


def _baseline(report: Report, clause: Clause) -> Bound | None:
    """What needs no model has of the same figure, where the clause is not about that itself."""
    if clause.against:
        return None
    return next((one for one in report.without_model if one.of == clause.metric), None)


def _value(known: Bound) -> str:
    return raised(format_value(known.limit, known.unit))


def _room(clause: Clause, *, least: bool) -> str:
    """How far from its limit a figure is, as a share of the limit."""
    if clause.slack is None or not clause.limit:
        return ""
    share = format_share(abs(clause.slack / clause.limit))
    missed = "short" if least else "over"
    return f"{share} {missed if clause.slack > 0 else 'left'}"
