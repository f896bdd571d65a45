"""Why a contract was not met, and the least that would have to give.

Everything here is arithmetic on verdicts: no candidate is imagined, each relaxation is one that a
measured candidate keeps. Of what was never measured, the size that the linker found or the least by
arithmetic is told as such.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Literal

from mlforge_tasks.records import Clause, Measurement, Record, Verdict
from mlforge_tasks.verdict.constraints import TEST_SUFFIX, Bound, clause_of, judge, plain
from mlforge_tasks.verdict.fronts import Binding, Front, bindings, front

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# Digits of a goal that is written back into a contract.
GOAL_DIGITS = 4
# Where a contract names the memory that it may not go beyond.
BOARD_KEY = "target.board"
_MEMORIES = {"ram_bytes": "RAM", "flash_bytes": "flash"}
# Linked and static figures are less than measured ones, and come after them.
Basis = Literal["measured", "linked", "static"]
_BASES: tuple[Basis, ...] = ("measured", "linked", "static")
# The difference from a limit is told relative to it, and a limit may be 0.
TINY = 1e-12
# What is written for a rule without a model that a candidate is not better than.
IGNORE = "ignore"


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
        unknown: Metrics that were not measured and could have been: it broke a limit and was never
            trained, or the test split was not asked yet, which it is only of what meets all else.
        basis: What is known of it: measurements, what the linker found, or lower bounds.
        test_asked: Whether the test split was asked for this, since the search was over.
    """

    candidate: str
    changes: tuple[Change, ...]
    unknown: tuple[str, ...]
    basis: Basis = "measured"
    test_asked: bool = False

    @property
    def trained(self) -> bool:
        """Whether all is known of it but what the test split says."""
        return all(metric.endswith(TEST_SUFFIX) for metric in self.unknown)


class Needs(Record):
    """What a candidate that was never measured takes.

    Attributes:
        basis: Whether the linker found it, or it is the least by arithmetic.
        values: By metric.
    """

    basis: Basis
    values: dict[str, float]


class Shortfall(Record):
    """Why a contract was not met.

    Attributes:
        binding: The values that candidates broke, most often broken first.
        relaxations: What would have to give, least first: trained candidates before others, a
            single change before several.
        fronts: The goal's metric against each limit.
        engines: Engines that run a brought model which the contract's engine refuses.
    """

    binding: tuple[Binding, ...]
    relaxations: tuple[Relaxation, ...]
    fronts: tuple[Front, ...]
    engines: tuple[str, ...] = ()

    @property
    def smallest(self) -> Relaxation | None:
        """The smallest relaxation, or None where nothing is known of any candidate."""
        return self.relaxations[0] if self.relaxations else None


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
    if bound.against:
        return IGNORE
    # A margin is taken off what is written, so that an even larger value is needed.
    exact = Decimal(repr(needed / (1 - margin)))
    step = Decimal(1).scaleb(exact.adjusted() - GOAL_DIGITS + 1)
    rounding = ROUND_CEILING if bound.direction == "at_most" else ROUND_FLOOR
    if bound.on_device and bound.unit == "1":
        return f"{100 * exact.quantize(step, rounding=rounding):f} %"
    unit = f" {bound.unit}" if bound.on_device else ""
    return f"{exact.quantize(step, rounding=rounding):f}{unit}"


@dataclass(frozen=True)
class _Contract:
    """What a relaxation is written in terms of."""

    bounds: Mapping[str, Bound]
    margins: Mapping[str, float]
    memories: Mapping[str, float]


def _change(clauses: Iterable[Clause], contract: _Contract) -> Change:
    """The change that lets failing clauses of one key pass."""
    worst = max(clauses, key=lambda clause: clause.slack or 0.0)
    bound = contract.bounds[worst.metric]
    needed = worst.limit if worst.value is None else bound.judged(worst.value, worst.interval)
    key = bound.contract_key
    written = _written(bound, needed, contract.margins.get(worst.metric, 0.0))
    if needed > contract.memories.get(worst.metric, math.inf):
        key, written = BOARD_KEY, f"one with {written} of {_MEMORIES[plain(worst.metric)]}"
    return Change(
        key=key,
        written=written,
        limit=worst.limit,
        needed=needed,
        share=abs(needed - worst.limit) / max(abs(worst.limit), TINY),
    )


def _relaxation(candidate: str, verdict: Verdict, contract: _Contract) -> Relaxation | None:
    failing: dict[str, list[Clause]] = {}
    for clause in verdict.clauses:
        if clause.status == "fail":
            key = contract.bounds[clause.metric].contract_key
            failing.setdefault(key, []).append(clause)
    if not failing:
        return None
    changes = tuple(_change(clauses, contract) for clauses in failing.values())
    unknown = tuple(
        one.metric
        for one in verdict.clauses
        if one.status == "unknown" and contract.bounds[one.metric].sources
    )
    return Relaxation(candidate=candidate, changes=changes, unknown=unknown)


def _expected(candidate: str, needs: Needs, contract: _Contract) -> Relaxation | None:
    """A relaxation for what was never measured."""
    found = [
        Measurement(metric=metric, value=value, unit="", source="static")
        for metric, value in needs.values.items()
    ]
    anywhere = (one.model_copy(update={"sources": ("static",)}) for one in contract.bounds.values())
    relaxation = _relaxation(candidate, judge(anywhere, found), contract)
    return relaxation and relaxation.model_copy(update={"basis": needs.basis})


def _cost(relaxation: Relaxation) -> tuple[int, bool, int, float, bool, float]:
    total = sum(change.share for change in relaxation.changes)
    # A rule without a model is ignored or not, however far a candidate is from it.
    given = sum(change.share for change in relaxation.changes if change.written != IGNORE)
    basis = _BASES.index(relaxation.basis)
    changes, unknown = len(relaxation.changes), bool(relaxation.unknown)
    return basis, not relaxation.trained, changes, given, unknown, total


def _least(relaxations: Iterable[Relaxation]) -> tuple[Relaxation, ...]:
    """The first of each kind: one that changes the same values by more says nothing new."""
    kept: dict[tuple[str, bool, bool, frozenset[str]], Relaxation] = {}
    for one in relaxations:
        keys = frozenset(change.key for change in one.changes)
        kept.setdefault((one.basis, one.trained, one.test_asked, keys), one)
    return tuple(kept.values())


def _settled(asked: Relaxation, others: Iterable[Relaxation]) -> list[Relaxation]:
    """Relaxations, least first, behind the least of those that hold on the test split too."""
    rest = sorted((asked, *others), key=_cost)
    first = next(one for one in rest if not one.unknown or one is asked)
    return [first, *(one for one in rest if one is not first)]


def _with_test(
    found: Relaxation, verdict: Verdict, asked: Mapping[str, Measurement], contract: _Contract
) -> Relaxation:
    """A relaxation that what the test split says passes too."""
    clauses = []
    for clause in verdict.clauses:
        one = asked.get(clause.of or clause.metric)
        told = clause.metric in found.unknown and one is not None
        # Its own: a linear model is not held against a linear one.
        own = {"limit": clause.limit, "against": clause.against}
        bound = contract.bounds[clause.metric].model_copy(update=own)
        clauses.append(clause_of(bound, one) if told else clause)
    more = _relaxation(found.candidate, Verdict(met=False, clauses=tuple(clauses)), contract)
    return (more or found).model_copy(update={"test_asked": True})


def _ask_nobody(candidate: str) -> Mapping[str, Measurement]:  # noqa: ARG001 - whoever it is
    return {}


def explain(
    bounds: tuple[Bound, ...],
    margins: Mapping[str, float],
    verdicts: Mapping[str, Verdict],
    *,
    needs: Mapping[str, Needs] | None = None,
    memories: Mapping[str, float] | None = None,
    ask_test: Callable[[str], Mapping[str, Measurement]] = _ask_nobody,
) -> Shortfall:
    """Why a contract was not met.

    Args:
        bounds: Its clauses, margins taken off; of those of the goal the leading one comes first.
        margins: The share of a limit that is held back, by metric.
        verdicts: Those of all candidates by id, oldest first; none of them met.
        needs: What candidates take that were never measured, by id.
        memories: What the board has, by metric.
        ask_test: What the test split says of a candidate, by metric; asked once, of the smallest
            relaxation, so that what is told holds for it. Where it then is not the smallest of
            those that the test split was asked of, that one comes first.
    """
    by_metric = {bound.metric: bound for bound in bounds}
    goal = next(one for one in bounds if not one.on_device)
    contract = _Contract(by_metric, margins, memories or {})
    found = [_relaxation(name, verdict, contract) for name, verdict in verdicts.items()]
    found += [_expected(name, one, contract) for name, one in (needs or {}).items()]
    relaxations = sorted((one for one in found if one is not None), key=_cost)
    if relaxations and relaxations[0].trained and relaxations[0].unknown:
        smallest, *others = relaxations
        values = ask_test(smallest.candidate)
        if values:
            asked = _with_test(smallest, verdicts[smallest.candidate], values, contract)
            relaxations = _settled(asked, others)
    return Shortfall(
        binding=bindings(verdicts, by_metric),
        relaxations=_least(relaxations),
        fronts=tuple(front(one, goal, verdicts) for one in bounds if one.on_device),
    )
