"""A contract's clauses as bounds on measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.verdict.constraints import TEST_SUFFIX, UNITS, Bound

if TYPE_CHECKING:
    from mlforge_tasks.contract.contract import Contract
    from mlforge_tasks.records import Source


def bounds(contract: Contract) -> tuple[Bound, ...]:
    """The contract's clauses: limits with their margins taken off, then what the goal asks.

    Each figure binds twice, on the validation split that the search reads and on the test split
    that it never sees. Of a process, nothing tells what the limits are for.
    """
    native = contract.target.on_board.native
    clauses = [
        Bound(
            metric=metric,
            limit=limit,
            unit=UNITS[metric],
            sources=() if native else _sources(contract),
        )
        for metric, limit in contract.effective_limits().items()
    ]
    asked = contract.asked()
    clauses += [
        Bound(
            metric=one.figure.name + suffix,
            limit=one.target,
            unit=one.unit,
            direction="at_most" if one.figure.direction == "minimize" else "at_least",
            sources=_sources(contract),
            key=one.key,
            by_worse_end=contract.goal.confidence is not None,
        )
        for suffix in ("", TEST_SUFFIX)
        for one in asked
    ]
    return tuple(clauses)


def _sources(contract: Contract) -> tuple[Source, ...]:
    return ("emulated", "hardware") if contract.mode == "simulate" else ("hardware",)
