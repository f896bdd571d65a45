"""Puts every buffer at an offset of one arena, so that none that live together overlap.

Greedy by size: the largest buffer first, each at the lowest offset that is free during its
lifetime (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIGNMENT_BYTES = 4


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


def place(buffers: Sequence[Buffer]) -> tuple[int, ...]:
    """Offsets of buffers, in their order."""
    offsets: dict[int, int] = {}
    by_size = sorted(range(len(buffers)), key=lambda i: (-buffers[i].size_bytes, i))
    for index in by_size:
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
