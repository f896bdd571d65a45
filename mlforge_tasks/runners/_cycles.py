"""What an inference takes on an emulated core: its blocks are counted, and each is priced.

The image is booted once more, with QEMU's log of what it executes, up to the end of the first
inference. The clock is read around it as around nothing, and the difference is what counts, of
blocks as of ticks; both have to come to the same number of instructions.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.cycles import llvm, thumb_instructions
from mlforge_tasks.cycles.cores import core_of
from mlforge_tasks.cycles.price import Price, prices
from mlforge_tasks.cycles.record import Cycles, LayerCycles
from mlforge_tasks.elf import pieces
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.runners import (
    NS_PER_S,
    instruction_count,
    instruction_counts,
)
from mlforge_tasks.runners._trace import FLAGS, Executed, executed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.records import SelfTest

# Readings of the clock, counted from 1 (see app.c and profile.c): around nothing, then around each
# inference of the self-test, then around two layers that are none, then around each layer.
EMPTY, FIRST = 1, 3
READINGS = 2
TICKS_APART = 2
# The device tells so many different counts apart (spread.h).
TOLD_APART = 7
NOMINAL = "nominal: so many cycles for every instruction, for nothing is known of the core"


def _net(counted: Executed, empty: Executed) -> Executed:
    found = Counter(counted)
    found.subtract(empty)
    return found


def _instructions(counted: Executed) -> int:
    return sum(runs * len(thumb_instructions(block.code)) for block, runs in counted.items())


def _counted(argv: Sequence[str], wanted: Sequence[int]) -> Mapping[int, Executed]:
    """What an image executes between the wanted readings of the clock and the next ones."""
    loaded = pieces(Path(argv[-1]).read_bytes())
    # What the device has to say was heard before; QEMU's log is what it has to say itself.
    program = process.start([*argv, *FLAGS], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if program.stderr is None:
        raise ToolError("QEMU was started without a pipe for its log")
    try:
        return executed(program.stderr.fileno(), wanted, loaded)
    finally:
        process.stop(program)
        program.stderr.close()


def first_executed(argv: Sequence[str]) -> Executed:
    """The blocks between the third and the fourth reading of the clock, less those around nothing.

    Args:
        argv: What runs the image.

    Raises:
        ToolError: QEMU does not start, ends too soon, or its log cannot be understood.
    """
    found = _counted(argv, (EMPTY, FIRST))
    return _net(found[FIRST], found[EMPTY])


def _ticks(instructions: int, board: Board, tick_hz: int) -> float:
    """What that many instructions take by the device's clock."""
    shift = board.qemu.icount_shift if board.qemu else 0
    return (instructions << shift) * tick_hz / NS_PER_S


def check_count(found: int, measured: int, board: Board, tick_hz: int) -> None:
    """Holds counted instructions against the ticks that they took.

    Two readings of the clock are taken off two others, and each is cut to whole ticks.

    Raises:
        ToolError: They are not the same.
    """
    expected = _ticks(found, board, tick_hz)
    if abs(expected - measured) >= TICKS_APART:
        raise ToolError(
            f"the blocks that QEMU executed have {found} instructions, which take {expected:.1f} "
            f"ticks, but {measured} were measured",
            hint="its log cannot be understood: another version of QEMU",
        )


def _check_inference(found: int, board: Board, test: SelfTest) -> None:
    """The inference that was counted is one of those that were measured."""
    expected = _ticks(found, board, test.tick_hz)
    nearest = min(test.ticks, key=lambda ticks: abs(ticks - expected))
    merged = len(set(test.ticks)) >= TOLD_APART and min(test.ticks) <= expected <= max(test.ticks)
    if not merged:
        check_count(found, nearest, board, test.tick_hz)


def _priced(executions: Sequence[Executed], board: Board) -> tuple[Price, ...]:
    return prices(executions, board.cpu, board.wait_states)


def _nominal(board: Board, instructions: int) -> Price:
    cycles = instructions * (board.cycles_per_instruction or 1.0)
    return Price(instructions, cycles, cycles, left_out=0)


def _record(board: Board, price: Price) -> Cycles:
    core = core_of(board.cpu)
    if board.clock_hz is None:
        raise ToolError(f"{board.name} has no clock: cycles tell no latency")
    return Cycles(
        method=NOMINAL if core is None else core.source,
        tool=f"llvm-mca {llvm.version()}" if core is not None and core.llvm else None,
        cpu=board.cpu,
        clock_hz=board.clock_hz,
        instructions=price.instructions,
        lower=round(price.lower, 3),
        upper=round(price.upper, 3),
        left_out=price.left_out / price.instructions,
        refill_lower=0 if core is None else core.refill[0],
        refill_upper=0 if core is None else core.refill[1],
        wait_states=board.wait_states,
    )


def of_inference(board: Board, argv: Sequence[str], test: SelfTest) -> Cycles:
    """What an inference takes.

    Args:
        board: What is emulated.
        argv: What runs the image.
        test: What it measured.

    Raises:
        ToolError: A tool is missing or broke, or what was counted is not what was measured.
    """
    if core_of(board.cpu) is None:
        return _record(board, _nominal(board, max(instruction_counts(board, test))))
    whole = first_executed(argv)
    _check_inference(_instructions(whole), board, test)
    (price,) = _priced([whole], board)
    return _record(board, price)


def of_layers(board: Board, argv: Sequence[str], test: SelfTest) -> Mapping[int, LayerCycles]:
    """What each layer takes, by its index; of one in a loop all turns together.

    Raises:
        ToolError: As `of_inference`.
    """
    if board.qemu is None or not test.laps:
        return {}
    layers = [layer for layer, _ in test.laps]
    if core_of(board.cpu) is None:
        counts = (_count(board, test, ticks) for _, ticks in test.laps)
        return _summed(list(zip(layers, (_nominal(board, one) for one in counts), strict=True)))
    nothing = FIRST + READINGS * len(test.ticks) + READINGS
    numbers = [nothing + READINGS * (turn + 1) for turn in range(len(layers))]
    found = _counted(argv, (nothing, *numbers))
    turns = [_net(found[number], found[nothing]) for number in numbers]
    for turn, (_, ticks) in zip(turns, test.laps, strict=True):
        check_count(_instructions(turn), ticks, board, test.tick_hz)
    return _summed(list(zip(layers, _priced(turns, board), strict=True)))


def _count(board: Board, test: SelfTest, ticks: int) -> int:
    shift = board.qemu.icount_shift if board.qemu else 0
    return instruction_count(ticks, test.tick_hz, shift)


def _summed(turns: Sequence[tuple[int, Price]]) -> Mapping[int, LayerCycles]:
    found: dict[int, LayerCycles] = {}
    for layer, price in turns:
        before = found.get(layer, LayerCycles(0, 0))
        found[layer] = LayerCycles(before.lower + price.lower, before.upper + price.upper)
    return found


def tool_versions(board: Board) -> Mapping[str, str]:
    """Version of what prices blocks, where anything does.

    Raises:
        ToolError: It is missing, or too old.
    """
    core = core_of(board.cpu)
    if core is None:
        return {}
    asked = llvm.USES if core.llvm else ("llvm-mc",)
    return {"llvm": llvm.identity(*asked)}
