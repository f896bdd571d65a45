"""The search for TFLite Micro's arena; the image that tries is stood in for by a rule."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import ToolError
from mlforge_tasks.platforms._zephyr.arena import (
    ALIGNMENT,
    Try,
    _Device,
    most_bytes,
    smallest,
)

if TYPE_CHECKING:
    from pathlib import Path

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


# The emulator as a search image drives it: a word, then the end that the argument asks for.
EMULATOR = """
import os, signal, sys
print("arena ready", flush=True)
sys.stdin.readline()
if sys.argv[1] == "lockup":
    print("qemu: fatal: Lockup: can't escalate 3 to HardFault", file=sys.stderr, flush=True)
if sys.argv[1] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] != "fault":
    os.abort()
print("$0,F,", flush=True)
"""


@pytest.mark.parametrize("end", ["lockup", "fault"])
def test_a_core_that_gives_up_says_no(end: str, tmp_path: Path) -> None:
    """The memory was too little; the next try boots again."""
    with (tmp_path / "said").open("w+b") as said:
        device = _Device([sys.executable, "-c", EMULATOR, end], said)
        assert [device.attempt(64), device.attempt(64)] == [None, None]


@pytest.mark.parametrize(("end", "code"), [("killed", -9), ("aborted", -6)])
def test_an_emulator_that_breaks_says_nothing(end: str, code: int, tmp_path: Path) -> None:
    """Nothing made of it may be kept: neither a size, nor that the model does not fit."""
    with (
        (tmp_path / "said").open("w+b") as said,
        pytest.raises(ToolError, match=rf"ended \(exit code {code}\)"),
    ):
        _Device([sys.executable, "-c", EMULATOR, end], said).attempt(64)


def test_what_is_tried_fits_beside_the_application() -> None:
    """Even where next to nothing is left."""
    board = load_board("qemu_cortex_m3")
    most = most_bytes(board, 8 << 10)
    assert most % ALIGNMENT == 0
    assert 40 << 10 < most < 56 << 10
    assert most_bytes(board, 64 << 10) == ALIGNMENT
