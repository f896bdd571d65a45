"""The memory planner."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
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


def _least_of_all_orders(some: list[Buffer]) -> int:
    """The arena of the best order of placing buffers at the lowest free offset."""

    def cost(order: tuple[int, ...]) -> int:
        offsets: dict[int, int] = {}
        for index in order:
            met = [i for i in offsets if some[i].meets(some[index])]
            size = some[index].size_bytes
            ends = {offsets[i] + -(-some[i].size_bytes // 4) * 4 for i in met}
            offsets[index] = min(
                at
                for at in {0, *ends}
                if all(
                    at + size <= offsets[i] or offsets[i] + some[i].size_bytes <= at for i in met
                )
            )
        return arena_bytes(some, [offsets[index] for index in range(len(some))])

    return min(map(cost, itertools.permutations(range(len(some)))))


@given(st.lists(buffers, min_size=1, max_size=6))
@settings(max_examples=30)
def test_few_buffers_are_placed_as_well_as_can_be(some: list[Buffer]) -> None:
    """Not one of all orders takes less memory than the plan."""
    assert arena_bytes(some, place(some)) == _least_of_all_orders(some)
