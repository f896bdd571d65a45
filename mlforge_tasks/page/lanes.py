"""Lays out a graph whose nodes run one after the other: a row each, and lanes for what is yet read.

A value has a lane from the node that makes it to the last that reads it, the lowest that is free,
so a chain is one line, and a detour runs beside what it leads around. It takes one pass, and in
width no more than there are values alive at a time, for which a phone has room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence


@dataclass(frozen=True)
class Node:
    """What runs.

    Attributes:
        reads: Values, by any name.
        makes: Likewise.
    """

    reads: Sequence[Hashable]
    makes: Sequence[Hashable]


@dataclass(frozen=True)
class Row:
    """One node's row.

    Attributes:
        lane: Where the node is.
        above: Lanes that lead to it from above.
        below: Lanes that lead on from it.
        past: Lanes that go on downwards without it, be it that it reads them too.
    """

    lane: int
    above: tuple[int, ...]
    below: tuple[int, ...]
    past: tuple[int, ...]

    @property
    def ends(self) -> tuple[int, int]:
        """The first and the last lane that the node joins."""
        joined = (self.lane, *self.above, *self.below)
        return min(joined), max(joined)


def rows(nodes: Sequence[Node]) -> tuple[Row, ...]:
    """A row for each node, in their order.

    Args:
        nodes: In the order they run. What nobody made before is not drawn where it is read.
    """
    last = {value: at for at, node in enumerate(nodes) for value in node.reads}
    taken: dict[Hashable, int] = {}
    made = []
    for at, node in enumerate(nodes):
        above = {taken[value] for value in node.reads if value in taken}
        taken = {value: lane for value, lane in taken.items() if last[value] > at}
        past = tuple(sorted(taken.values()))
        below = []
        for value in dict.fromkeys(node.makes):
            if last.get(value, at) > at:
                taken[value] = _lowest(taken.values())
                below.append(taken[value])
        lane = min(below) if below else min(above, default=_lowest(past))
        made.append(Row(lane, tuple(sorted(above)), tuple(sorted(below)), past))
    return tuple(made)


def _lowest(taken: Iterable[int]) -> int:
    """The lowest lane that is free."""
    busy = set(taken)
    return next(lane for lane in range(len(busy) + 1) if lane not in busy)
