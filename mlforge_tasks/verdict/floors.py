"""Limits that no model can keep: what their clauses are, and what would have to give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.records import Clause, Measurement, Reason, Source
from mlforge_tasks.verdict.constraints import (
    IMPOSSIBLE,
    LATENCIES,
    Bound,
    clause_of,
    over_limit,
    plain,
)
from mlforge_tasks.verdict.limits import BY_METRIC
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlforge_tasks.verdict.trials import Report


def floor(report: Report) -> Reason | None:
    """Why no model can keep the contract, where the search ended with that."""
    best = report.best_result()
    reason = None if best is None else best.trial.reason
    return reason if reason is not None and reason.code == IMPOSSIBLE else None


def floor_clause(report: Report, bound: Bound) -> Clause | None:
    """A limit that no model can keep, held against what is taken without one; else None.

    A size is the linker's, a latency that of the smallest networks in the emulator, what is there
    without inference that of the candidate whose firmware told it.
    """
    reason = floor(report)
    if reason is None or reason.value is None or reason.metric != bound.metric:
        return None
    source: Source = "emulated" if plain(bound.metric) in LATENCIES else "static"
    best, metric = report.best_result(), _without(bound)
    for one in best.trial.measurements if best is not None else ():
        source = one.source if plain(one.metric) == metric else source
    taken = Measurement(metric=bound.metric, value=reason.value, unit=bound.unit, source=source)
    return clause_of(bound, taken)


def floor_clauses(report: Report) -> tuple[Clause, ...]:
    """All clauses of a contract that no model can keep; of the others nothing is known."""
    return tuple(floor_clause(report, one) or clause_of(one) for one in report.bounds)


def floor_text(report: Report) -> str | None:
    """What would have to give, as far as it is known; None where a model may keep the contract."""
    clauses = ((one, floor_clause(report, one)) for one in report.bounds)
    for bound, clause in clauses:
        if clause is not None and clause.value is not None:
            taken = format_value(clause.value, clause.unit)
            return f"{bound.contract_key}: more than {taken}, {_what(bound)}"
    return None


def _what(bound: Bound) -> str:
    if _without(bound) is not None:
        return "which it is without inference"
    if plain(bound.metric) in LATENCIES:
        return "which the smallest networks take"
    return "which the rest of the firmware takes"


def _without(bound: Bound) -> str | None:
    """The measurement of the same without any inference, of a limit that has one."""
    kind = BY_METRIC.get(plain(bound.metric))
    return None if kind is None else kind.floor


def out_of_reach(bounds: Iterable[Bound], measurements: Iterable[Measurement]) -> Reason | None:
    """A limit that is broken without any inference, so that no model can keep it."""
    found = {one.metric: one for one in measurements}
    for bound in bounds:
        taken = found.get(_without(bound) or "")
        if taken is not None and taken.source in bound.sources and not bound.passes(taken.value):
            return Reason(
                code=IMPOSSIBLE,
                stage="admit",
                message=over_limit(bound, taken.value, "is {} without inference"),
                metric=bound.metric,
                value=taken.value,
                limit=bound.limit,
            )
    return None
