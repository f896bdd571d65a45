"""The memory planner."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlforge_tasks.engines._aot.planner import (
    ALIGNMENT_BYTES,
    Buffer,
    Use,
    arena_bytes,
    lower_bound_bytes,
    place,
)


def _buffer(size: int, first: int, last: int) -> Buffer:
    return Buffer((Use(size, first, last),))


def _growing(sizes: list[int], first: int, length: int) -> Buffer:
    """One that needs another size every few steps, and both at the step in between."""
    starts = [first + length * turn for turn in range(len(sizes))]
    return Buffer(tuple(Use(n, at, at + length) for n, at in zip(sizes, starts, strict=True)))


buffers = st.builds(
    _growing,
    st.lists(st.integers(1, 5000), min_size=1, max_size=3),
    st.integers(-1, 20),
    st.integers(0, 6),
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
            for use, its in itertools.product(one.uses, other.uses):
                apart = at + use.size_bytes <= there or there + its.size_bytes <= at
                assert one is other or not use.meets(its) or apart
    assert end >= lower_bound_bytes(some)


chains = st.lists(
    st.tuples(st.integers(1, 5000), st.integers(0, 9000), st.none() | st.integers(1, 9000)),
    min_size=2,
    max_size=10,
)


@given(chains, st.lists(buffers, max_size=3))
def test_an_output_starts_far_enough_before_its_input_or_behind_it(
    chain: list[tuple[int, int, int | None]], others: list[Buffer]
) -> None:
    """Each of a chain of layers may start some bytes before its input, or after it, and overlap."""
    some = [_buffer(each[0], step - 1, step) for step, each in enumerate(chain)] + others
    closer = {(step, step - 1): chain[step][1] for step in range(1, len(chain))}
    closer |= {
        (step - 1, step): ahead
        for step, (_, _, ahead) in enumerate(chain)
        if step and ahead is not None
    }
    offsets = place(some, closer)
    for step in range(1, len(chain)):
        assert any(
            offsets[high] - offsets[low]
            >= min(closer.get((low, high), some[low].size_bytes), some[low].size_bytes)
            for low, high in ((step, step - 1), (step - 1, step))
        )
    end = arena_bytes(some, offsets)
    assert lower_bound_bytes(some, closer) <= end
    assert end <= 1.1 * arena_bytes(some, place(some))


def test_layers_that_may_follow_either_way_take_turns() -> None:
    """Else each would lie lower than the one before, and the first of them high up."""
    chain = [_buffer(400, step - 1, step) for step in range(5)]
    one_way = {(step, step - 1): 40 for step in range(1, 5)}
    assert arena_bytes(chain, place(chain, one_way)) == 560
    both = one_way | {(high, low): gap for (low, high), gap in one_way.items()}
    assert arena_bytes(chain, place(chain, both)) == 440 == lower_bound_bytes(chain, both)


def test_layers_that_follow_closely_take_the_largest_and_their_distances() -> None:
    """Four buffers of a chain, 8 bytes apart: the last lies lowest, the first ends the arena."""
    chain = [_buffer(400, step - 1, step) for step in range(4)]
    offsets = place(chain, {(step, step - 1): 8 for step in range(1, 4)})
    assert offsets == (24, 16, 8, 0)
    shrinking = [_buffer(size, step - 1, step) for step, size in enumerate((400, 300, 100))]
    assert place(shrinking, {(1, 0): 0, (2, 1): 0}) == (0, 0, 0)


def test_a_buffer_that_shrinks_leaves_room() -> None:
    """What is needed of it later is less, and another lies behind that."""
    shrinks = Buffer((Use(400, 0, 1), Use(100, 1, 3)))
    assert place([shrinks, _buffer(300, 2, 3)]) == (0, 100)


def test_a_chain_takes_its_two_largest_neighbours() -> None:
    """A plain chain of layers reaches the liveness bound."""
    sizes = [100, 400, 300, 200, 80]
    chain = [_buffer(size, step - 1, step) for step, size in enumerate(sizes)]
    assert arena_bytes(chain, place(chain)) == 700 == lower_bound_bytes(chain)


@pytest.mark.parametrize("count", [1, 7])
def test_equal_buffers_are_placed_in_their_order(count: int) -> None:
    """Ties are broken by order, so that plans are the same everywhere."""
    assert place([_buffer(8, 0, 1)] * count) == tuple(8 * index for index in range(count))


def _least_of_all_orders(some: list[Buffer]) -> int:
    """The arena of the best order of placing buffers at the lowest free offset."""

    def cost(order: tuple[int, ...]) -> int:
        offsets: dict[int, int] = {}
        for index in order:
            met = [i for i in offsets if some[i].bytes_beside(some[index])]
            ends = {offsets[i] + some[i].bytes_beside(some[index]) for i in met}
            offsets[index] = min(
                at
                for at in {0, *ends}
                if all(
                    at + some[index].bytes_beside(some[i]) <= offsets[i]
                    or offsets[i] + some[i].bytes_beside(some[index]) <= at
                    for i in met
                )
            )
        return arena_bytes(some, [offsets[index] for index in range(len(some))])

    return min(map(cost, itertools.permutations(range(len(some)))))


@given(st.lists(buffers, min_size=1, max_size=6))
@settings(max_examples=30)
def test_few_buffers_are_placed_as_well_as_can_be(some: list[Buffer]) -> None:
    """Not one of all orders takes less memory than the plan."""
    assert arena_bytes(some, place(some)) == _least_of_all_orders(some)
