"""Why a contract was not met, and the least that would have to give.

Everything here is arithmetic on verdicts: no candidate is imagined, each relaxation is one that a
measured candidate keeps.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from mlforge_tasks.constraints import TEST_SUFFIX, Bound
from mlforge_tasks.records import Clause, Record, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GOAL_KEY = "goal.target"
_KEYS = {
    "ram_bytes": "limits.ram",
    "flash_bytes": "limits.flash",
    "latency_us": "limits.latency",
    "stack_bytes": "limits.stack",
}
# Digits of a goal that is written back into a contract.
GOAL_DIGITS = 4
# The difference from a limit is told relative to it, and a limit may be 0.
TINY = 1e-12


class Change(Record):
    """One value of a contract that would have to be another.

    Attributes:
        key: Where it stands in the contract.
        written: What to write there.
        limit: What it is now, margins taken off, in the metric's unit.
        needed: What the candidate needs, in the same terms.
        share: How far that is, relative to the limit.
    """

    key: str
    written: str
    limit: float
    needed: float
    share: float


class Relaxation(Record):
    """Changes with which a measured candidate would not break any clause that is known of it.

    Attributes:
        candidate: Its id.
        changes: What would have to give.
        unknown: Metrics that were not measured: it broke a limit and was never trained, or the
            test split was not asked yet, which it is only of what meets all else.
    """

    candidate: str
    changes: tuple[Change, ...]
    unknown: tuple[str, ...]

    @property
    def trained(self) -> bool:
        """Whether all is known of it but what the test split says."""
        return all(metric.endswith(TEST_SUFFIX) for metric in self.unknown)


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


class Shortfall(Record):
    """Why a contract was not met.

    Attributes:
        binding: The values that candidates broke, most often broken first.
        relaxations: What would have to give, least first: trained candidates before others, a
            single change before several.
        fronts: The goal's metric against each limit.
    """

    binding: tuple[Binding, ...]
    relaxations: tuple[Relaxation, ...]
    fronts: tuple[Front, ...]

    @property
    def smallest(self) -> Relaxation | None:
        """The smallest relaxation, or None where nothing was measured."""
        return self.relaxations[0] if self.relaxations else None


def contract_key(metric: str) -> str:
    """Where the clause of a metric stands in a contract; the goal's two clauses are one value."""
    return _KEYS.get(metric, GOAL_KEY)


def _written(bound: Bound, needed: float, margin: float) -> str:
    """The loosest-by-least value that, its margin taken off, allows what is needed."""
    if bound.unit == "B":
        size = math.ceil(needed / (1 - margin))
        while math.floor(size * (1 - margin)) < needed:
            size += 1
        return f"{size} B"
    if bound.unit == "us":
        tenths = math.ceil(needed / (1 - margin) * 10)
        while tenths / 10 * (1 - margin) < needed:
            tenths += 1
        return f"{tenths / 10:.1f} us"
    exact = Decimal(repr(needed))
    step = Decimal(1).scaleb(exact.adjusted() - GOAL_DIGITS + 1)
    rounding = ROUND_CEILING if bound.direction == "at_most" else ROUND_FLOOR
    return f"{exact.quantize(step, rounding=rounding):f}"


def _change(clauses: Iterable[Clause], bounds: Mapping[str, Bound], margin: float) -> Change:
    """The change that lets failing clauses of one key pass."""
    worst = max(clauses, key=lambda clause: clause.slack or 0.0)
    bound = bounds[worst.metric]
    needed = worst.limit if worst.value is None else worst.value
    return Change(
        key=contract_key(worst.metric),
        written=_written(bound, needed, margin),
        limit=worst.limit,
        needed=needed,
        share=abs(needed - worst.limit) / max(abs(worst.limit), TINY),
    )


def _relaxation(
    candidate: str, verdict: Verdict, bounds: Mapping[str, Bound], margins: Mapping[str, float]
) -> Relaxation | None:
    failing: dict[str, list[Clause]] = {}
    for clause in verdict.clauses:
        if clause.status == "fail":
            failing.setdefault(contract_key(clause.metric), []).append(clause)
    if not failing:
        return None
    changes = tuple(
        _change(clauses, bounds, margins.get(clauses[0].metric, 0.0))
        for clauses in failing.values()
    )
    unknown = tuple(one.metric for one in verdict.clauses if one.status == "unknown")
    return Relaxation(candidate=candidate, changes=changes, unknown=unknown)


def _cost(relaxation: Relaxation) -> tuple[bool, int, float]:
    total = sum(change.share for change in relaxation.changes)
    return not relaxation.trained, len(relaxation.changes), total


def _least(relaxations: Iterable[Relaxation]) -> tuple[Relaxation, ...]:
    """The least of each kind: one that changes the same values by more says nothing new."""
    kept: dict[tuple[bool, frozenset[str]], Relaxation] = {}
    for one in sorted(relaxations, key=_cost):
        keys = frozenset(change.key for change in one.changes)
        kept.setdefault((one.trained, keys), one)
    return tuple(kept.values())


def _bindings(verdicts: Mapping[str, Verdict], bounds: Mapping[str, Bound]) -> tuple[Binding, ...]:
    known: dict[str, list[tuple[str, Clause]]] = {}
    for candidate, verdict in verdicts.items():
        for clause in verdict.clauses:
            if clause.slack is not None:
                known.setdefault(contract_key(clause.metric), []).append((candidate, clause))
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


def _front(metric: str, goal: Bound, verdicts: Mapping[str, Verdict], unit: str) -> Front:
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


def explain(
    bounds: tuple[Bound, ...], margins: Mapping[str, float], verdicts: Mapping[str, Verdict]
) -> Shortfall:
    """Why a contract was not met.

    Args:
        bounds: Its clauses, margins taken off; those of the goal come last.
        margins: The share of a limit that is held back, by metric.
        verdicts: Those of all candidates by id, oldest first; none of them met.
    """
    by_metric = {bound.metric: bound for bound in bounds}
    goals = [one for one in bounds if contract_key(one.metric) == GOAL_KEY]
    goal = next(one for one in goals if not one.metric.endswith(TEST_SUFFIX))
    relaxations = (
        _relaxation(name, verdict, by_metric, margins) for name, verdict in verdicts.items()
    )
    return Shortfall(
        binding=_bindings(verdicts, by_metric),
        relaxations=_least(one for one in relaxations if one is not None),
        fronts=tuple(
            _front(one.metric, goal, verdicts, one.unit) for one in bounds if one not in goals
        ),
    )
