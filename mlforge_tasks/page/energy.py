"""What an inference costs in energy and heat, each figure with where it is from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill
from mlforge_tasks.verdict.energy_notes import KINDS
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from mlforge_tasks.page.found import Found
    from mlforge_tasks.verdict.energy_notes import EnergyNotes
    from mlforge_tasks.verdict.limit_kind import LimitKind
    from mlforge_tasks.verdict.trials import TrialResult

NAMES = ("energy of an inference", "average power", "battery life", "junction temperature")


def section(found: Found) -> Section | None:
    """Of the best candidate; nothing where neither the board nor the contract says anything."""
    best, notes = found.best_result, found.report.energy
    limits = {one.metric: one.limit for one in found.report.bounds}
    if best is None or notes is None:
        return None
    rows = [
        _row(name, kind, best, limits.get(kind.field), notes)
        for name, kind in zip(NAMES, KINDS, strict=True)
    ]
    sources = [one.source for kind in KINDS if (one := best.measurement(kind.field)) is not None]
    body = fill(
        "energy.html", best=best, rows=rows, notes=notes.sources, computed="static" in sources
    )
    return Section("energy", "Energy and heat", body)


def _row(
    name: str, kind: LimitKind, best: TrialResult, limit: float | None, notes: EnergyNotes
) -> tuple[str, ...]:
    """Name, at least, at most, limit, where it is from or what it lacks."""
    bound = "\u2013" if limit is None else format_value(limit, kind.unit)
    one = best.measurement(kind.field)
    if one is None:
        lack, known = notes.lacks.get(kind.field), dict(best.not_measured).get(kind.field)
        why = f"unknown: it needs {lack}" if lack else f"unknown: {known or 'it was not measured'}"
        return name, "\u2013", "\u2013", bound, why
    ends = (one.value, one.value) if one.interval is None else (one.interval.low, one.interval.high)
    low, high = (format_value(end, kind.unit) for end in ends)
    return name, low, high, bound, one.source
