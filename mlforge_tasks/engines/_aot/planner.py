"""Puts every buffer at an offset of one arena, so that none that live together overlap.

Greedy: the largest buffer first, each at the lowest offset that is free during its lifetime
(Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020). No order is
best for all graphs, so a few are tried, and the best is improved where it misses the lower bound;
of few buffers, all orders are searched that could be better still.

A kernel that reads its input from the front, and is done with it by the time that it writes there,
lets its output start a little before its input and grow into it: a pair that may lie closer. One
that can read it from the back too lets it start a little after it as well.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ALIGNMENT_BYTES = 4
# Improving an order takes time that grows with the third power of this.
_MOST_IMPROVED = 64
# Searching all orders takes time that grows faster than exponentially.
_MOST_SEARCHED = 12
_MOST_STEPS = 20_000


@dataclass(frozen=True)
class Use:
    """Bytes that are needed from one step to another, both included."""

    size_bytes: int
    first: int
    last: int

    def meets(self, other: Use) -> bool:
        """Whether both are needed at one time."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Buffer:
    """Memory from one address on, of which more or less is needed as time goes on.

    Attributes:
        uses: What is needed of it when; where several are at one time, the largest counts.
    """

    uses: tuple[Use, ...]

    @property
    def size_bytes(self) -> int:
        """The most that is needed of it."""
        return max(use.size_bytes for use in self.uses)

    @property
    def first(self) -> int:
        """The first step that needs it."""
        return min(use.first for use in self.uses)

    @property
    def last(self) -> int:
        """The last step that needs it."""
        return max(use.last for use in self.uses)

    def bytes_at(self, step: int) -> int:
        """What is needed of it at a step."""
        alive = (use.size_bytes for use in self.uses if use.first <= step <= use.last)
        return aligned(max(alive, default=0))

    def bytes_beside(self, other: Buffer) -> int:
        """The most that is needed of it while another is needed too; 0 where they never meet."""
        return aligned(
            max(
                (use.size_bytes for use in self.uses if any(map(use.meets, other.uses))),
                default=0,
            )
        )


# Pairs of buffers, by index: bytes by which the first must start before the second at least, where
# that is less than what is needed of it. Both orders of a pair may be there.
Closer = Mapping[tuple[int, int], int]


def aligned(size_bytes: int) -> int:
    """Rounds up to the alignment of buffers."""
    return -(-size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


@dataclass(frozen=True)
class _Wanted:
    """What is to be placed.

    Attributes:
        buffers: All of them.
        closer: See `Closer`.
        gaps: How far behind its own start each of a buffer's neighbours in time may start at the
            lowest, by their index.
        neighbours: Who is needed together with each buffer at some time.
    """

    buffers: Sequence[Buffer]
    closer: Closer
    gaps: tuple[Mapping[int, int], ...]
    neighbours: tuple[tuple[int, ...], ...]


def _wanted(buffers: Sequence[Buffer], closer: Closer) -> _Wanted:
    gaps: list[dict[int, int]] = [{} for _ in buffers]
    spans = [(each.first, each.last) for each in buffers]
    for i, one in enumerate(buffers):
        first, last = spans[i]
        for j, other in enumerate(buffers):
            if i == j or spans[j][0] > last or spans[j][1] < first:
                continue
            if gap := one.bytes_beside(other):
                gaps[i][j] = min(gap, aligned(closer.get((i, j), gap)))
    return _Wanted(buffers, closer, tuple(gaps), tuple(tuple(each) for each in gaps))


def _place_in_order(wanted: _Wanted, order: Sequence[int]) -> tuple[int, ...]:
    offsets: dict[int, int] = {}
    for index in order:
        gaps = wanted.gaps[index]
        # Between these it would lie on bytes that another needs, or another on its own.
        taken = sorted(
            (offsets[other] - gaps[other], offsets[other] + wanted.gaps[other][index])
            for other in wanted.neighbours[index]
            if other in offsets
        )
        free = 0
        for start, end in taken:
            if start >= free:
                break
            free = max(free, end)
        offsets[index] = free
    return tuple(offsets[index] for index in range(len(wanted.buffers)))


def place(
    buffers: Sequence[Buffer], closer: Closer | None = None, *, searches: bool = True
) -> tuple[int, ...]:
    """Offsets of buffers, in their order: the best of some orders of placing them.

    Args:
        buffers: What is to be placed, a buffer behind the one that it may lie behind so close.
        closer: Which pairs may overlap while both are needed, and how far; a pair may start at
            once where the second has the smaller index.
        searches: Whether few buffers are tried in all orders that could be better still.
    """
    wanted = _wanted(buffers, closer or {})
    everyone = range(len(buffers))
    sizes = [each.size_bytes for each in buffers]
    first, last = [each.first for each in buffers], [each.last for each in buffers]
    orders = (
        sorted(everyone, key=lambda i: (-sizes[i], last[i])),
        sorted(everyone, key=lambda i: (-sizes[i], -first[i])),
        sorted(everyone, key=lambda i: (first[i], -sizes[i])),
        sorted(everyone, key=lambda i: (-last[i], -sizes[i])),
        sorted(everyone, key=lambda i: (first[i] - last[i], -sizes[i])),
    )
    bound = lower_bound_bytes(buffers, wanted.closer)
    cost, best = sys.maxsize, list(orders[0])
    for order in orders:
        found = _cost(wanted, order)
        if found < cost:
            cost, best = found, order
        if cost == bound:
            return _place_in_order(wanted, best)
    if len(buffers) <= _MOST_IMPROVED:
        best = _improved(wanted, best)
    offsets = _place_in_order(wanted, best)
    if searches and len(buffers) <= _MOST_SEARCHED:
        offsets = _Search(wanted, offsets).best
    return offsets


def _cost(wanted: _Wanted, order: Sequence[int]) -> int:
    return arena_bytes(wanted.buffers, _place_in_order(wanted, order))


def _improved(wanted: _Wanted, order: list[int]) -> list[int]:
    """The order with buffers moved to the front as long as that saves memory."""
    cost, bound = _cost(wanted, order), lower_bound_bytes(wanted.buffers, wanted.closer)
    while cost > bound:
        moved = [[index, *(each for each in order if each != index)] for index in order]
        best = min(moved, key=lambda each: _cost(wanted, each))
        if _cost(wanted, best) >= cost:
            break
        order, cost = best, _cost(wanted, best)
    return order


def _halves(closer: Closer) -> set[frozenset[int]]:
    """The later of each pair, and the earlier."""
    return {frozenset(half(pair) for pair in closer) for half in (max, min)}


class _Search:
    """Branch and bound over orders in which offsets only grow.

    Any plan is as good as the one that places its buffers from the lowest to the highest, each
    right on top of those below that it meets, so only such plans are looked at.

    Attributes:
        best: Offsets of the best plan.
    """

    def __init__(self, wanted: _Wanted, start: tuple[int, ...]) -> None:
        buffers = wanted.buffers
        self.best = start
        self._cost = arena_bytes(buffers, start)
        self._bound = lower_bound_bytes(buffers, wanted.closer)
        self._sizes = [aligned(each.size_bytes) for each in buffers]
        self._wanted = wanted
        everyone = range(len(buffers))
        # Who is needed at one time and has no byte in common with another of them.
        self._together = [
            {j: buffers[j].bytes_at(step) for j in everyone if j not in apart}
            for step in {use.first for each in buffers for use in each.uses}
            for apart in _halves(wanted.closer)
        ]
        self._steps = _MOST_STEPS
        self._extend({}, dict.fromkeys(everyone, 0), (0, -len(buffers)))

    def _hopeless(self, offsets: dict[int, int], lowest: dict[int, int]) -> bool:
        """Whether what is not placed yet cannot lie below the best plan's end."""
        for together in self._together:
            left = [index for index, size in together.items() if size and index not in offsets]
            if left:
                base = min(lowest[index] for index in left)
                if base + sum(together[index] for index in left) >= self._cost:
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
            if (offset, -index) < last or offset + self._sizes[index] >= self._cost:
                continue
            left = {each: place for each, place in lowest.items() if each != index}
            for other, gap in self._wanted.gaps[index].items():
                if other in left:
                    left[other] = max(left[other], offset + gap)
            self._extend({**offsets, index: offset}, left, (offset, -index))


def arena_bytes(buffers: Sequence[Buffer], offsets: Sequence[int]) -> int:
    """What placed buffers take together."""
    ends = (offset + each.size_bytes for offset, each in zip(offsets, buffers, strict=True))
    return aligned(max(ends))


def least_at(steps: Iterable[int], buffers: Sequence[Buffer], closer: Closer) -> tuple[int, ...]:
    """What no plan takes less than at each of some steps."""
    alive: dict[int, dict[int, int]] = {step: {} for step in steps}
    for i, each in enumerate(buffers):
        for use in each.uses:
            size = aligned(use.size_bytes)
            for step, sizes in alive.items():
                if use.first <= step <= use.last and sizes.get(i, 0) < size:
                    sizes[i] = size
    return tuple(_least(sizes, closer) for sizes in alive.values())


def _least(sizes: dict[int, int], closer: Closer) -> int:
    """What buffers take together at a time, some of them overlapping."""
    least = 0
    for low, high in closer:
        if low in sizes and high in sizes:
            orders = [(low, high), (high, low)]
            least += min(
                max(sizes[i], min(sizes[i], aligned(closer[i, j])) + sizes[j])
                for i, j in orders
                if (i, j) in closer
            )
            del sizes[low], sizes[high]
    return least + sum(sizes.values())


def lower_bound_bytes(buffers: Sequence[Buffer], closer: Closer | None = None) -> int:
    """No plan can take less: the most that is needed at one time."""
    steps = {use.first for each in buffers for use in each.uses}
    return max(least_at(steps, buffers, closer or {}))
