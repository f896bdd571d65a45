"""The memory planner."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlforge_tasks.engines._aot.planner import (
    ALIGNMENT_BYTES,
    Buffer,
    arena_bytes,
    lower_bound_bytes,
    place,
)

buffers = st.builds(
    lambda size, first, length: Buffer(size, first, first + length),
    st.integers(1, 5000),
    st.integers(-1, 20),
    st.integers(0, 10),
)


@given(st.lists(buffers, min_size=1, max_size=24))
def test_buffers_that_live_together_do_not_overlap(some: list[Buffer]) -> None:
    """No two share a byte at one time, all are aligned, and all lie in the arena."""
    offsets = place(some)
    end = arena_bytes(some, offsets)
    for one, at in zip(some, offsets, strict=True):
        assert at % ALIGNMENT_BYTES == 0
        assert 0 <= at <= at + one.size_bytes <= end
        for other, there in zip(some, offsets, strict=True):
            apart = at + one.size_bytes <= there or there + other.size_bytes <= at
            assert one is other or not one.meets(other) or apart
    assert end >= lower_bound_bytes(some)


def test_a_chain_takes_its_two_largest_neighbours() -> None:
    """A plain chain of layers reaches the liveness bound."""
    sizes = [100, 400, 300, 200, 80]
    chain = [Buffer(size, step - 1, step) for step, size in enumerate(sizes)]
    assert arena_bytes(chain, place(chain)) == 700 == lower_bound_bytes(chain)


@pytest.mark.parametrize("count", [1, 7])
def test_equal_buffers_are_placed_in_their_order(count: int) -> None:
    """Ties are broken by order, so that plans are the same everywhere."""
    assert place([Buffer(8, 0, 1)] * count) == tuple(8 * index for index in range(count))
