"""What a search ran into, and what it reached: the values that were broken, and Pareto fronts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlforge_tasks.records import Clause, Record, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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
        points: Best figure first.
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


def undominated(
    points: Iterable[Any], both: Callable[[Any], tuple[float, float]], *, least: tuple[bool, bool]
) -> list[Any]:
    """Those that none other is better than in both figures, best in the first of them first.

    Args:
        points: All.
        both: The two figures of a point.
        least: Of each figure, whether more of it is better.
    """
    signs = tuple(-1.0 if one else 1.0 for one in least)

    def cost(point: Any) -> tuple[float, float]:
        first, second = both(point)
        return signs[0] * first, signs[1] * second

    best, kept = math.inf, []
    for point in sorted(points, key=cost):
        if cost(point)[1] < best:
            best = cost(point)[1]
            kept.append(point)
    return kept


def front(limited: Bound, goal: Bound, verdicts: Mapping[str, Verdict]) -> Front:
    """The Pareto front of a limited figure and the goal's metric."""
    points = []
    for candidate, verdict in verdicts.items():
        values = {clause.metric: clause.value for clause in verdict.clauses}
        value, error = values.get(limited.metric), values.get(goal.metric)
        if value is not None and error is not None:
            points.append(Point(candidate=candidate, value=value, error=error))
    least = (limited.direction == "at_least", goal.direction == "at_least")
    kept = undominated(points, lambda one: (one.value, one.error), least=least)
    return Front(metric=limited.metric, unit=limited.unit, points=tuple(kept))
