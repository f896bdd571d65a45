"""Which engine runs the model where a contract says `engine: auto`: the one with more slack.

What is left of a limit is its *room*: (limit - value) / limit, negative where the limit is broken;
of a figure that must be large the other way round. An engine's *slack* is its least room over the
limits on what the device takes; equal slacks are told apart by the sum of the rooms, and then by
the platform's own order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.records import Clause, Measurement, Reason, Record
from mlforge_tasks.verdict.constraints import Bound, first_broken, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

CHOICE = "choice.json"


class Room(Record):
    """What an engine leaves of one limit.

    Attributes:
        metric: The figure that is limited.
        value: What was measured.
        limit: The bound, margins taken off.
        unit: Unit of both.
        share: What is left, as a share of the limit; negative where it is broken. Of a figure that
            must be large, how far it is above.
    """

    metric: str
    value: float
    limit: float
    unit: str
    share: float


class Attempt(Record):
    """One engine's try at an untrained candidate.

    Attributes:
        engine: Its name.
        measurements: All figures found; none where it could not be built or run.
        rooms: What it leaves of each limit, the scarcest first.
        reason: Why it is out: the limit it breaks, or why it could not be built or run.
    """

    engine: str
    measurements: tuple[Measurement, ...] = ()
    rooms: tuple[Room, ...] = ()
    reason: Reason | None = None

    @property
    def slack(self) -> float | None:
        """The least room; None where nothing was measured."""
        return self.rooms[0].share if self.rooms else None

    def rank(self) -> tuple[bool, float, float]:
        """Sorts attempts: what keeps the limits before what does not, then by slack."""
        total = sum(room.share for room in self.rooms)
        return self.reason is None, float("-inf") if self.slack is None else self.slack, total

    def describe(self) -> str:
        """Its outcome in a few words."""
        if not self.rooms:
            why = "it was not measured" if self.reason is None else self.reason.message
            return f"{self.engine} is out: {why}"
        scarcest = self.rooms[0]
        name = scarcest.metric.removesuffix("_bytes").removesuffix("_us")
        if scarcest.share < 0:
            return f"{self.engine} is {-scarcest.share:.1%} over the limit of {name}"
        return f"{self.engine} leaves {scarcest.share:.1%} of {name}, its scarcest"


class EngineChoice(Record):
    """Which engine, and why; `choice.json`, and part of the report.

    Attributes:
        engine: The chosen one; None as long as no candidate keeps the limits with any.
        candidate: The candidate that decided; None where there was nothing to decide.
        why: The reason in one sentence.
        attempts: Every engine's try at that candidate, in the platform's order.
    """

    engine: str | None
    candidate: str | None
    why: str
    attempts: tuple[Attempt, ...] = ()


def _room(clause: Clause, value: float, slack: float) -> Room:
    return Room(
        metric=clause.metric,
        value=value,
        limit=clause.limit,
        unit=clause.unit,
        share=-slack / max(abs(clause.limit), 1e-9),
    )


def attempt(engine: str, bounds: Sequence[Bound], measurements: Sequence[Measurement]) -> Attempt:
    """An engine's try, from what was measured of it.

    Args:
        engine: Its name.
        bounds: The hardware limits.
        measurements: All figures.
    """
    clauses = judge(bounds, measurements).clauses
    rooms = [
        _room(clause, clause.value, clause.slack)
        for clause in clauses
        if clause.value is not None and clause.slack is not None
    ]
    return Attempt(
        engine=engine,
        measurements=tuple(measurements),
        rooms=tuple(sorted(rooms, key=lambda room: room.share)),
        reason=first_broken(bounds, measurements),
    )


def better(attempts: Sequence[Attempt]) -> Attempt:
    """The one with more slack; the first of equals."""
    return max(attempts, key=Attempt.rank)


def decide(candidate: str, attempts: Sequence[Attempt], *, settle: bool = False) -> EngineChoice:
    """The choice that a candidate makes, if it does.

    Args:
        candidate: Its id.
        attempts: Every engine's try at it.
        settle: Choose although no engine keeps the limits.
    """
    best = better(attempts)
    chosen = best.engine if settle or best.reason is None else None
    others = [one for one in attempts if one is not best]
    return EngineChoice(
        engine=chosen,
        candidate=candidate,
        why="; ".join(one.describe() for one in (best, *others)),
        attempts=tuple(attempts),
    )


def only(engine: str, platform: str, board: str) -> EngineChoice:
    """The choice where a platform builds one engine alone for a board."""
    why = f"platform '{platform}' builds no other engine for {board}"
    return EngineChoice(engine=engine, candidate=None, why=why)
