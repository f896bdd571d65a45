"""What a search ran into, and what it reached: the values that were broken, and Pareto fronts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlforge_tasks.records import Clause, Record, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.verdict.constraints import Bound


class Binding(Record):
    """A value of the contract that stood in the way.

    Attributes:
        key: Where it stands in the contract.
        broken: How many candidates broke it.
        measured: Of how many it is known.
        candidate: The one that came closest to it.
        closest: Its value.
        unit: Unit of that.
    """

    key: str
    broken: int
    measured: int
    candidate: str
    closest: float
    unit: str


class Point(Record):
    """A candidate of a Pareto front: its figure and its error."""

    candidate: str
    value: float
    error: float


class Front(Record):
    """What error was reached at what figure; none of the points is worse than another in both.

    Attributes:
        metric: The figure.
        unit: Its unit.
        points: Smallest figure first.
    """

    metric: str
    unit: str
    points: tuple[Point, ...]


def bindings(verdicts: Mapping[str, Verdict], bounds: Mapping[str, Bound]) -> tuple[Binding, ...]:
    """The values that candidates broke, most often broken first."""
    known: dict[str, list[tuple[str, Clause]]] = {}
    for candidate, verdict in verdicts.items():
        for clause in verdict.clauses:
            if clause.slack is not None:
                known.setdefault(bounds[clause.metric].contract_key, []).append((candidate, clause))
    found = []
    for key, entries in known.items():
        broken = {candidate for candidate, clause in entries if clause.status == "fail"}
        if not broken:
            continue
        # A value with two clauses is as far away as the farther one.
        worst: dict[str, Clause] = {}
        for candidate, clause in entries:
            held = worst.get(candidate)
            if held is None or (clause.slack or 0.0) > (held.slack or 0.0):
                worst[candidate] = clause
        candidate = min(worst, key=lambda name: worst[name].slack or 0.0)
        value = worst[candidate].value
        found.append(
            Binding(
                key=key,
                broken=len(broken),
                measured=len(worst),
                candidate=candidate,
                closest=0.0 if value is None else value,
                unit=bounds[worst[candidate].metric].unit,
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.broken, one.key)))


def front(metric: str, goal: Bound, verdicts: Mapping[str, Verdict], unit: str) -> Front:
    """The Pareto front of a figure and the goal's metric."""
    points = []
    for candidate, verdict in verdicts.items():
        values = {clause.metric: clause.value for clause in verdict.clauses}
        value, error = values.get(metric), values.get(goal.metric)
        if value is not None and error is not None:
            points.append(Point(candidate=candidate, value=value, error=error))
    sign = 1.0 if goal.direction == "at_most" else -1.0
    best = math.inf
    kept = []
    for point in sorted(points, key=lambda one: (one.value, sign * one.error)):
        if sign * point.error < best:
            best = sign * point.error
            kept.append(point)
    return Front(metric=metric, unit=unit, points=tuple(kept))
