"""Puts every buffer at an offset of one arena, so that none that live together overlap.

Greedy: the largest buffer first, each at the lowest offset that is free during its lifetime
(Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020). No order is
best for all graphs, so a few are tried, and the best is improved where it misses the lower bound;
of few buffers, all orders are searched that could be better still.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIGNMENT_BYTES = 4
# Improving an order takes time that grows with the third power of this.
_MOST_IMPROVED = 64
# Searching all orders takes time that grows faster than exponentially.
_MOST_SEARCHED = 12
_MOST_STEPS = 20_000


@dataclass(frozen=True)
class Buffer:
    """Memory that is needed from one step to another, both included."""

    size_bytes: int
    first: int
    last: int

    def meets(self, other: Buffer) -> bool:
        """Whether both are alive at one time."""
        return self.first <= other.last and other.first <= self.last


def aligned(size_bytes: int) -> int:
    """Rounds up to the alignment of buffers."""
    return -(-size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def _place_in_order(buffers: Sequence[Buffer], order: Sequence[int]) -> tuple[int, ...]:
    offsets: dict[int, int] = {}
    for index in order:
        buffer = buffers[index]
        taken = sorted(
            (offset, offset + aligned(buffers[other].size_bytes))
            for other, offset in offsets.items()
            if buffer.meets(buffers[other])
        )
        free = 0
        for start, end in taken:
            if start - free >= buffer.size_bytes:
                break
            free = max(free, end)
        offsets[index] = free
    return tuple(offsets[index] for index in range(len(buffers)))


def place(buffers: Sequence[Buffer]) -> tuple[int, ...]:
    """Offsets of buffers, in their order: the best of some orders of placing them."""
    everyone = range(len(buffers))
    orders = (
        sorted(everyone, key=lambda i: (-buffers[i].size_bytes, buffers[i].last)),
        sorted(everyone, key=lambda i: (-buffers[i].size_bytes, -buffers[i].first)),
        sorted(everyone, key=lambda i: (buffers[i].first, -buffers[i].size_bytes)),
        sorted(
            everyone, key=lambda i: (buffers[i].first - buffers[i].last, -buffers[i].size_bytes)
        ),
    )
    best = min(orders, key=lambda order: _cost(buffers, order))
    if len(buffers) <= _MOST_IMPROVED:
        best = _improved(buffers, best)
    offsets = _place_in_order(buffers, best)
    if len(buffers) <= _MOST_SEARCHED:
        offsets = _Search(buffers, offsets).best
    return offsets


def _cost(buffers: Sequence[Buffer], order: Sequence[int]) -> int:
    return arena_bytes(buffers, _place_in_order(buffers, order))


def _improved(buffers: Sequence[Buffer], order: list[int]) -> list[int]:
    """The order with buffers moved to the front as long as that saves memory."""
    cost, bound = _cost(buffers, order), lower_bound_bytes(buffers)
    while cost > bound:
        moved = [[index, *(each for each in order if each != index)] for index in order]
        best = min(moved, key=lambda each: _cost(buffers, each))
        if _cost(buffers, best) >= cost:
            break
        order, cost = best, _cost(buffers, best)
    return order


class _Search:
    """Branch and bound over orders in which offsets only grow.

    Any plan is as good as the one that places its buffers from the lowest to the highest, each
    right on top of those below that it meets, so only such plans are looked at.

    Attributes:
        best: Offsets of the best plan.
    """

    def __init__(self, buffers: Sequence[Buffer], start: tuple[int, ...]) -> None:
        self.best = start
        self._cost = arena_bytes(buffers, start)
        self._bound = lower_bound_bytes(buffers)
        self._sizes = [aligned(each.size_bytes) for each in buffers]
        everyone = range(len(buffers))
        self._meets = [
            [j for j in everyone if j != i and buffers[i].meets(buffers[j])] for i in everyone
        ]
        # Who lives together with a buffer at its start: the most of these is the lower bound.
        self._together = [
            [j for j in everyone if buffers[j].first <= buffers[i].first <= buffers[j].last]
            for i in everyone
        ]
        self._steps = _MOST_STEPS
        self._extend({}, dict.fromkeys(everyone, 0), (0, -1))

    def _hopeless(self, offsets: dict[int, int], lowest: dict[int, int]) -> bool:
        """Whether what is not placed yet cannot lie below the best plan's end."""
        for together in self._together:
            left = [index for index in together if index not in offsets]
            if left:
                base = min(lowest[index] for index in left)
                if base + sum(self._sizes[index] for index in left) >= self._cost:
                    return True
        return False

    def _extend(
        self, offsets: dict[int, int], lowest: dict[int, int], last: tuple[int, int]
    ) -> None:
        """Places one more buffer in every way; `lowest` has the lowest place of each one left."""
        if not lowest:
            self.best = tuple(offsets[index] for index in range(len(offsets)))
            self._cost = max(
                offset + size for offset, size in zip(self.best, self._sizes, strict=True)
            )
            return
        for index in sorted(lowest, key=lambda each: (lowest[each], -self._sizes[each])):
            self._steps -= 1
            if self._cost == self._bound or self._steps < 0 or self._hopeless(offsets, lowest):
                return
            offset = lowest[index]
            if (offset, index) < last or offset + self._sizes[index] >= self._cost:
                continue
            left = {each: place for each, place in lowest.items() if each != index}
            for other in self._meets[index]:
                if other in left:
                    left[other] = max(left[other], offset + self._sizes[index])
            self._extend({**offsets, index: offset}, left, (offset, index))


def arena_bytes(buffers: Sequence[Buffer], offsets: Sequence[int]) -> int:
    """What placed buffers take together."""
    ends = (offset + each.size_bytes for offset, each in zip(offsets, buffers, strict=True))
    return aligned(max(ends))


def lower_bound_bytes(buffers: Sequence[Buffer]) -> int:
    """No plan can take less: the most that is alive at one time."""
    return max(
        sum(
            aligned(other.size_bytes)
            for other in buffers
            if other.first <= each.first <= other.last
        )
        for each in buffers
    )
