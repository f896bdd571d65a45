"""A contract's clauses as bounds on measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.verdict.constraints import TEST_SUFFIX, UNITS, Bound

if TYPE_CHECKING:
    from mlforge_tasks.contract.contract import Contract
    from mlforge_tasks.records import Source


def bounds(contract: Contract) -> tuple[Bound, ...]:
    """The contract's clauses: limits with their margins taken off, then the goal.

    The goal binds twice, on the validation split that the search reads and on the test split that
    it never sees. Of a process, nothing tells what the limits are for.
    """
    native = load_board(contract.target.board).native
    clauses = [
        Bound(
            metric=metric,
            limit=limit,
            unit=UNITS[metric],
            sources=() if native else _sources(contract),
        )
        for metric, limit in contract.effective_limits().items()
    ]
    goal = contract.goal
    clauses += [
        Bound(
            metric=metric,
            limit=goal.target,
            unit=_goal_unit(contract),
            direction="at_most" if goal.direction == "minimize" else "at_least",
            sources=_sources(contract),
        )
        for metric in (goal.metric, goal.metric + TEST_SUFFIX)
    ]
    return tuple(clauses)


def _goal_unit(contract: Contract) -> str:
    """The goal's unit in terms of the predicted quantity, where all outputs have the same."""
    units = {output.unit for output in contract.dataset.target.outputs}
    unit = units.pop() if len(units) == 1 else "1"
    return {"mse": f"({unit})^2", "mae": unit}.get(contract.goal.metric, "1")


def _sources(contract: Contract) -> tuple[Source, ...]:
    return ("emulated", "hardware") if contract.mode == "simulate" else ("hardware",)
