"""A contract's clauses as bounds on measurements, and its limits as agents are told them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.sections import UNLINKED
from mlforge_tasks.contract.targets import views
from mlforge_tasks.verdict.constraints import TEST_SUFFIX, Bound, on_target
from mlforge_tasks.verdict.limits import BY_METRIC, USUAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlforge_tasks.contract.contract import Contract
    from mlforge_tasks.records import Source
    from mlforge_tasks.verdict.limit_kind import LimitKind


# What a program for Linux takes that is the same wherever it is run.
_ON_DISK = ("flash_bytes", "update_bytes")


ANY_SOURCE: tuple[Source, ...] = ("static", "emulated", "hardware")
# Where a mode wants figures from, the strictest first.
_ON_HARDWARE: tuple[Source, ...] = ("hardware",)
_EXECUTED: tuple[Source, ...] = ("emulated", "hardware")
_COMPUTED: tuple[Source, ...] = ("static",)
_STRICTEST = (_ON_HARDWARE, _EXECUTED, _COMPUTED)


def bounds(contract: Contract) -> tuple[Bound, ...]:
    """The contract's clauses: limits with their margins taken off, then what the goal asks.

    Each figure binds twice, on the validation split that the search reads and on the test split
    that it never sees. Of a process, nothing tells what the limits are for; of one for Linux, its
    size on disk can be told without the board. Of several targets the limits of each, those of the
    first by their own names; the goal is met by what the strictest of their modes wants.
    """
    leading, *further = [*views(contract).items()] or [("", contract)]
    clauses = list(_limits(leading[1]))
    clauses += [
        one.model_copy(update={"metric": on_target(one.metric, name)})
        for name, view in further
        for one in _limits(view)
    ]
    sources = min((_sources(one) for _, one in (leading, *further)), key=_STRICTEST.index)
    asked = contract.asked()
    clauses += [
        Bound(
            metric=one.figure.name + suffix,
            limit=one.target,
            unit=one.unit,
            direction="at_most" if one.figure.direction == "minimize" else "at_least",
            sources=sources,
            key=one.key,
            by_worse_end=contract.goal.confidence is not None,
        )
        for suffix in ("", TEST_SUFFIX)
        for one in asked
    ]
    return tuple(clauses)


def admission(clauses: Iterable[Bound]) -> tuple[Bound, ...]:
    """Clauses for a probe: what is no board's figure may refuse for a board, but never passes.

    Of a figure that was computed, and does not count, only the better end refuses.
    """
    lenient: dict[str, Any] = {"by_worse_end": False, "by_better_end": True}
    return tuple(
        bound.model_copy(
            update={
                "sources": ANY_SOURCE,
                **(lenient if _computed_for_a_board(bound) else {}),
            }
        )
        for bound in clauses
    )


def _computed_for_a_board(bound: Bound) -> bool:
    kind = BY_METRIC.get(bound.measured)
    return kind is not None and kind.estimated and "static" not in bound.sources


def of_target(contract: Contract, name: str) -> tuple[Bound, ...]:
    """A further target's limits on what is measured there, where figures have plain names.

    Args:
        contract: That target's alone.
        name: The target's.
    """
    return tuple(
        one.model_copy(update={"metric": on_target(one.metric, name), "of": one.metric})
        for one in _limits(contract)
    )


def _limits(contract: Contract) -> tuple[Bound, ...]:
    """One target's limits."""
    section = contract.own_keys.get("limits")
    return tuple(
        Bound(
            metric=metric,
            limit=limit,
            unit=kind.unit,
            direction=kind.direction,
            sources=_limit_sources(contract, kind),
            key=kind.key.replace("limits", section, 1) if section else "",
            by_worse_end=kind.estimated,
        )
        for metric, limit in contract.effective_limits().items()
        for kind in (BY_METRIC[metric],)
    )


def _sources(contract: Contract) -> tuple[Source, ...]:
    if contract.mode == "static":
        return _COMPUTED
    return _EXECUTED if contract.mode == "simulate" else _ON_HARDWARE


def _limit_sources(contract: Contract, kind: LimitKind) -> tuple[Source, ...]:
    """Where a figure of the device must come from: what was computed never stands for a board."""
    board = contract.target.on_board
    told = () if board.linux is None else _ON_DISK
    if board.process and contract.mode == "simulate" and kind.field not in told:
        return ()
    if contract.mode == "static" and kind.field in _unknown_without_running(contract):
        return ()
    sources = _sources(contract)
    return ("static", *sources) if kind.estimated and "emulated" in sources else sources


def _unknown_without_running(contract: Contract) -> tuple[str, ...]:
    """Limits of what only an execution tells, or only an image where none is linked."""
    unlinked = contract.target.platform == UNLINKED
    return ("stack_bytes", "ram_bytes", "flash_bytes") if unlinked else ("stack_bytes",)


def agent_limits(contract: Contract) -> dict[str, Any]:
    """The limits as `agents.Limits` reads them: what every contract may have, and all others.

    Those of further targets are others, which grow with what the leading one has.
    """
    usual = {metric for kind in USUAL for metric in kind.metrics}
    known = contract.effective_limits()
    others = [_other(metric, limit) for metric, limit in known.items() if metric not in usual]
    for name, view in [*views(contract).items()][1:]:
        target = view.target
        where = f", on {target.board} (platform {target.platform}, engine {target.engine})"
        for metric, limit in view.effective_limits().items():
            told = _other(metric, limit)
            others.append(
                {**told, "metric": on_target(metric, name), "told": f"{told['told']}{where}"}
            )
    kept = {metric: limit for metric, limit in known.items() if metric in usual}
    return {**kept, "others": others} if others else kept


def _other(metric: str, limit: float) -> dict[str, Any]:
    kind = BY_METRIC[metric]
    return {
        "metric": metric,
        "limit": limit,
        "unit": kind.unit,
        "direction": kind.direction,
        "told": kind.told,
        "grows_with": kind.grows_with,
    }
