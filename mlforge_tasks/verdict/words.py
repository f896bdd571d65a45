"""Verdicts in words: what the end of a run, its report and a build server say of a candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.verdict.baselines import WORDS
from mlforge_tasks.verdict.constraints import ON_CPU, PRUNED, UNITS, plain
from mlforge_tasks.verdict.floors import floor, floor_text
from mlforge_tasks.verdict.notes import short_name, some
from mlforge_tasks.verdict.trials import Report, TrialResult, holds
from mlforge_tasks.yaml_file.units import format_against, format_share, format_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlforge_tasks.records import Clause, Interval, Profile, Reason, Verdict
    from mlforge_tasks.verdict.relaxation import Relaxation, Shortfall

# What a detector's threshold keeps on validation data, by the ends of the contract's keys.
KEPT_BY_CHOICE = (".precision", ".recall")
# Of what a goal asks, the verdict names so much of what is missed.
MISSES_SHOWN = 8
LAYERS_SHOWN = 3


def describe_clause(clause: Clause) -> str:
    """One broken or unknown clause in words."""
    if clause.value is None or clause.slack is None:
        return f"{clause.metric} unknown"
    value, limit = format_against(clause.value, clause.limit, clause.unit)
    if clause.against:
        return f"{clause.of} {value}, {WORDS[clause.against]} has {limit}"
    return f"{clause.metric} {value}{interval_text(clause)}, limit {limit}"


def interval_text(clause: Clause) -> str:
    """How sure a clause's value is, where few examples or bounds say so."""
    if clause.interval is None:
        return ""
    ends = (clause.interval.low, clause.interval.high)
    low, high = (format_value(one, clause.unit) for one in ends)
    return f" ({low} to {high}{sure_text(clause.interval)})"


def sure_text(interval: Interval) -> str:
    """How likely an interval holds what is meant; nothing of bounds."""
    return "" if interval.level == 1 else f" at {format_share(interval.level)}"


def _names(clauses: Iterable[Clause]) -> str:
    """What is in the way, each once; what a rule without a model does better as `baseline`."""
    names = ("baseline" if one.against else short_name(one.metric) for one in clauses)
    return ", ".join(some(dict.fromkeys(names), MISSES_SHOWN))


def verdict_text(result: TrialResult) -> str:
    """The verdict in a table cell: PASS, or which clauses are in the way."""
    verdict, reason = result.trial.verdict, result.trial.reason
    if verdict is not None and verdict.met:
        return "PASS"
    text = _names(failing(verdict))
    if reason is not None:
        return _refused(reason, text)
    return f"misses {text}" if text else f"unknown: {_names(_unknown(verdict))}".rstrip(": ")


def _refused(reason: Reason, broken: str) -> str:
    """The same of a candidate that was not made whole."""
    if reason.code == PRUNED:
        return "weak, stopped early"
    if reason.metric is None:
        return f"failed: {reason.code}"
    if reason.code == ON_CPU:
        return f"{short_name(reason.metric)} unknown, not trained"
    return f"over {broken or short_name(reason.metric)}, not trained"


def _unknown(verdict: Verdict | None) -> list[Clause]:
    """The clauses that nothing told."""
    return [one for one in verdict.clauses if one.status == "unknown"] if verdict else []


def failing(verdict: Verdict | None) -> list[Clause]:
    """The clauses that are broken."""
    return [one for one in verdict.clauses if one.status == "fail"] if verdict else []


def cycles_text(result: TrialResult) -> list[str]:
    """Where an emulated latency is from, and how much less it may be; what is foretold of it."""
    least, most = (result.measurement(name) for name in ("latency_lower_us", "latency_us"))
    cycles = result.cycles
    if cycles is None or least is None or most is None or most.source != "emulated":
        return calibrated_text(result)
    span = f"{format_value(least.value, least.unit)} to {format_value(most.value, most.unit)}"
    clock = f"at {cycles.clock_hz / 1e6:g} MHz"
    by = cycles.tool or cycles.method
    return [f"latency, emulated: {span} {clock}, cycles by {by}", *calibrated_text(result)]


def calibrated_latency(result: TrialResult) -> str:
    """What the board's calibration makes of an emulated latency; empty where that says nothing."""
    known = result.calibrated
    if known is None or known.latency_us is None or known.interval is None:
        return ""
    ends = (known.latency_us, known.interval.low, known.interval.high)
    value, low, high = (format_value(one, "us") for one in ends)
    return f"{value} ({low} to {high} at {format_share(known.interval.level)})"


def calibrated_text(result: TrialResult) -> list[str]:
    """The same with where it is from, and that it proves nothing; or why there is none."""
    known, told = result.calibrated, calibrated_latency(result)
    if known is None:
        return []
    whose = f"the calibration of {known.date} on probe {known.probe}"
    if not told:
        return [f"latency, calibrated: not told, as {whose} is not used: {known.unused}"]
    bounds = f"; of {', '.join(known.bounded)} the emulated bounds stand" if known.bounded else ""
    return [f"latency, calibrated: {told}, foretold by {whose}{bounds}; it meets no clause"]


def profile_text(profile: Profile | None) -> list[str]:
    """The layers that take the most of an inference; nothing where none takes any."""
    if profile is None or not any(layer.share for layer in profile.layers):
        return []
    ranked = sorted(profile.layers, key=lambda layer: -layer.share)[:LAYERS_SHOWN]
    shares = (f"{layer.name} {layer.share:.0%}" for layer in ranked if layer.share)
    return [f"most of an inference, {profile.source}: {', '.join(shares)}"]


def known_clauses(verdict: Verdict | None) -> list[str]:
    """A line for each clause that something is known of."""
    clauses = verdict.clauses if verdict else ()
    return some(f"  {describe_clause(one)} ({whence(one)})" for one in clauses if one.source)


def whence(clause: Clause) -> str:
    """Where a figure is from. A board runs a few examples of a split, and not all."""
    if clause.source == "hardware" and plain(clause.metric) not in UNITS:
        return "hardware, computed on the host"
    return str(clause.source)


def shortfall(report: Report) -> str:
    """Why a contract was not met: the best candidate, what bound it, what would have to give."""
    best = report.best_result()
    if best is None:
        return f"NOT MET: no candidate of {report.name} could be built"
    reason, impossible = best.trial.reason, floor(report)
    if impossible is not None:
        told = f"NOT MET: no model can meet {report.name}: {impossible.message}"
        give = floor_text(report)
        return f"{told}\n  to give: {give}" if give else told
    if holds(best.trial.verdict):
        return _undecided(report, best)
    broken = map(describe_clause, failing(best.trial.verdict))
    binding = "; ".join(some(broken, MISSES_SHOWN))
    count = len(report.results)
    spent = f"{count} candidate{'s' if count > 1 else ''}"
    why = binding or (reason.message if reason is not None else verdict_text(best))
    closest = f"{best.trial.id} ({best.brief}): {why}"
    lines = [f"NOT MET: the budget of {report.name} ended after {spent}. Best: {closest}"]
    blind = ", ".join(dict.fromkeys(short_name(one.metric) for one in report.bounds if one.blind))
    if blind:
        lines.append(
            f"  unknown, whatever is searched: {blind}, which nothing in this mode can tell"
        )
    if report.shortfall is not None:
        lines += _explanation(report.shortfall, report.goal)
    return "\n".join(lines)


def _undecided(report: Report, best: TrialResult) -> str:
    """The end of a run on a board that cannot tell what the limits are for."""
    unknown = ", ".join(short_name(one.metric) for one in _unknown(best.trial.verdict))
    told = f"what {report.board} can tell of {report.name}"
    first = f"UNKNOWN: candidate {best.trial.id} keeps {told}"
    last = f"  {unknown}: not measured, since it ran as a process of this computer"
    return "\n".join([first, *known_clauses(best.trial.verdict), last])


def _explanation(found: Shortfall, goal: str) -> list[str]:
    """What bound the search, what was reached, and the smallest relaxation."""
    lines = some(
        f"  {one.key}: broken by {one.broken} of {one.measured} measured, "
        f"closest {format_value(one.closest, one.unit)} ({one.candidate})"
        for one in found.binding
    )
    for front in found.fronts:
        points = " · ".join(
            f"{point.error:.4g} at {format_value(point.value, front.unit)} ({point.candidate})"
            for point in front.points
        )
        if points:
            lines.append(f"  {goal} against {short_name(front.metric)}: {points}")
    if found.smallest is not None:
        lines.append(f"  to give: {relaxation_text(found.smallest)}")
    if found.engines:
        lines.append(f"  to give: target.engine: {' or '.join(found.engines)}, which has them all")
    return lines


def relaxation_text(found: Relaxation) -> str:
    """What would have to give, and what is known of that."""
    changes = " and ".join(f"{one.key}: {one.written}" for one in found.changes)
    if found.basis == "static":
        return f"{changes}, the least that candidate {found.candidate} takes; it was never built"
    if found.basis == "linked":
        return f"{changes}, which candidate {found.candidate} takes when linked; it never ran"
    if any(one.key.endswith(KEPT_BY_CHOICE) for one in found.changes):
        return f"{changes}; the threshold of candidate {found.candidate} is chosen anew for that"
    kept = f"{changes}, which candidate {found.candidate} keeps"
    if not found.trained:
        return f"{kept}; it was not trained, so its error is not known"
    if found.unknown:
        return f"{kept}; the test split has yet to be asked"
    return kept
