"""The search for TFLite Micro's arena; the image that tries is stood in for by a rule."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.platforms._zephyr.arena import ALIGNMENT, Try, most_bytes, smallest

MOST = 1 << 20


@given(
    st.integers(1, MOST // 2),
    st.integers(0, 5000),
    st.sampled_from([None, Try(used_bytes=1, output=2)]),
)
def test_the_smallest_arena_is_found(used: int, planning: int, too_small: Try | None) -> None:
    """It is the first multiple of 16 that works, found in few tries."""
    tries = []

    def attempt(size: int) -> Try | None:
        tries.append(size)
        if size >= used + planning:
            return Try(used, output=1)
        return too_small

    found = smallest(MOST, attempt)
    assert found is not None
    assert found % ALIGNMENT == 0
    assert used + planning <= found < used + planning + ALIGNMENT
    assert len(tries) <= 22


def test_no_arena_does() -> None:
    """A model that does not start in all there is needs no second try."""
    tries: list[int] = []
    assert smallest(MOST, tries.append) is None
    assert tries == [MOST]


def test_what_is_tried_fits_beside_the_application() -> None:
    """Even where next to nothing is left."""
    board = load_board("qemu_cortex_m3")
    most = most_bytes(board, 8 << 10)
    assert most % ALIGNMENT == 0
    assert 40 << 10 < most < 56 << 10
    assert most_bytes(board, 64 << 10) == ALIGNMENT
