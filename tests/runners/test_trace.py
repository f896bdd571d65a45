"""QEMU's log of executed blocks: what was cut short or never began is not counted."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.cycles import Block
from mlforge_tasks.cycles.record import LayerCycles
from mlforge_tasks.elf import Piece
from mlforge_tasks.errors import ToolError
from mlforge_tasks.pipeline import places
from mlforge_tasks.records import SelfTest
from mlforge_tasks.runners._cycles import of_inference, of_layers
from mlforge_tasks.runners._trace import executed

RULE = "----------------"
CLOCK, WORK = 0x100, 0x200
CODE = {CLOCK: "4a06 b508", WORK: "1840 3801"}


def translated(pc: int, name: str) -> list[str]:
    """What QEMU says of a block of two instructions before it runs first."""
    lines = (f"0x{pc + 2 * i:08x}:  {half}       text" for i, half in enumerate(CODE[pc].split()))
    return [RULE, f"IN: {name}", *lines, ""]


def run(pc: int, name: str) -> str:
    """What it says when the block runs."""
    return f"Trace 0: 0x7f{pc:x} [00800400/{pc:08x}/00000110/ff020200] {name}"


def counted(
    lines: list[str], wanted: tuple[int, ...], loaded: tuple[Piece, ...] = ()
) -> dict[int, Counter[Block]]:
    """What is read from a log that ends."""
    reading, writing = os.pipe()
    os.write(writing, "".join(f"{line}\n" for line in lines).encode())
    os.close(writing)
    try:
        return dict(executed(reading, wanted, loaded))
    finally:
        os.close(reading)


FIRST = [*translated(CLOCK, "hal_ticks"), run(CLOCK, "hal_ticks"), *translated(WORK, "work")]
TICKS, WORKED = run(CLOCK, "hal_ticks"), run(WORK, "work")
WHOLE = bytes.fromhex("4018") + bytes.fromhex("0138")


def test_blocks_are_counted_between_readings() -> None:
    """With the reading that begins them, and without the one that ends them."""
    found = counted([*FIRST, WORKED, WORKED, TICKS, WORKED, TICKS, WORKED], (1, 2))
    clock = Block(bytes.fromhex("064a08b5"), jumped=True)
    assert found[1] == {clock: 1, Block(WHOLE, jumped=True): 2}
    assert found[2] == {clock: 1, Block(WHOLE, jumped=True): 1}


def test_what_never_began_is_not_counted() -> None:
    """QEMU tells of a block before an interrupt keeps it from running; so of a reading."""
    stopped = "Stopped execution of TB chain before 0x7f [00000200] work"
    lines = [*FIRST, WORKED, stopped, WORKED, TICKS, stopped, WORKED, TICKS, WORKED]
    found = counted(lines, (1,))
    assert found[1][Block(WHOLE, jumped=True)] == 2


def test_what_was_cut_short_is_counted_to_the_cut() -> None:
    """An access to a device is made anew from its own instruction."""
    cut = "cpu_io_recompile: rewound execution of TB to 00000202"
    rest = [RULE, "IN: work", "0x00000202:  3801       text", ""]
    again = f"Trace 0: 0x7f202 [00800400/{WORK + 2:08x}/00000110/ff038201] work"
    found = counted([*FIRST, WORKED, cut, *rest, again, TICKS, WORKED], (1,))
    assert found[1][Block(WHOLE[:2], jumped=False)] == 1
    assert found[1][Block(WHOLE[2:], jumped=True)] == 1


def test_of_no_chip_the_cycles_are_nominal() -> None:
    """Nothing is known of the core, and the report says so; nothing is counted for it."""
    board = load_board("qemu_riscv32")
    told = SelfTest(
        ticks=(1280, 1280),
        tick_hz=10_000_000,
        stacks=(),
        arena_bytes=1,
        model_digest="",
        firmware_id="",
        laps=((1, 64), (1, 64), (2, 128)),
    )
    found = of_inference(board, ("no", "program"), told)
    assert (found.instructions, found.lower, found.upper) == (1000, 1000, 1000)
    assert (found.method.partition(":")[0], found.tool) == ("nominal", None)
    assert found.latency_us(1000) == pytest.approx(10)
    layers = of_layers(board, ("no", "program"), told)
    assert layers == {1: LayerCycles(100, 100), 2: LayerCycles(100, 100)}


def test_a_board_that_stands_for_another_has_its_clock_and_memories() -> None:
    """What is told before there is hardware is told of the hardware."""
    board = load_board("nucleo_f446re")
    stand_in = places.emulated(board)
    assert stand_in.name == "mps2/an386"
    assert stand_in.clock_hz == board.clock_hz
    assert stand_in.wait_states == board.wait_states
    assert (board.wait_states.flash, board.wait_states.line_bytes) == (3, 16)


def test_a_log_that_ends_too_soon_is_a_broken_tool() -> None:
    """As is one that runs what it has not translated."""
    with pytest.raises(ToolError, match="ended after 1 readings of the clock"):
        counted([*FIRST, WORKED, WORKED], (1,))
    with pytest.raises(ToolError, match="runs what it has not translated"):
        counted([WORKED], (1,))


def test_a_line_without_an_address_is_a_broken_tool() -> None:
    """A log of another form is refused, not guessed at."""
    lines = [*translated(CLOCK, "hal_ticks"), "Trace 0: 0x7f100 [00800400] hal_ticks"]
    with pytest.raises(ToolError, match="cannot be understood"):
        counted(lines, (1,))


def test_code_that_the_image_has_not_is_a_broken_tool() -> None:
    """As many instructions of another kind would have another price."""
    lines = [*FIRST, WORKED, TICKS, WORKED]
    image = Piece(WORK - 2, b"\0\0" + WHOLE + b"\0")
    assert counted(lines, (1,), (image,)) == counted(lines, (1,))
    with pytest.raises(ToolError, match="other code at 0x200"):
        counted(lines, (1,), (Piece(WORK - 2, bytes(8)),))
