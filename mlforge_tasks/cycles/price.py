"""What counted blocks take: each block's cycles on the core, its branches, the memory's waits.

The lower bound has a block follow its neighbours without a gap, the cheap case of what depends on
values, and memory that never waits. The upper bound has each block alone, from the issue of its
first instruction to its last result, the dear case, and the refill of every branch that was not
foreseen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.cycles import Block, llvm, table, thumb_instructions
from mlforge_tasks.cycles import text as instruction
from mlforge_tasks.cycles.cores import EXCEPTION, LEFT_OUT, LEFT_OUT_VECTOR, known_core
from mlforge_tasks.cycles.llvm import UNREAD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlforge_tasks.cycles.cores import Core, Range
    from mlforge_tasks.cycles.record import WaitStates

WORD_BYTES = 4


@dataclass(frozen=True)
class Price:
    """What some code took.

    Attributes:
        instructions: How many were executed.
        lower: Cycles, at least.
        upper: Cycles, at most.
        left_out: Instructions that no model knows, taken from a table of their own.
    """

    instructions: int
    lower: float
    upper: float
    left_out: int


class _Core:
    """One core's prices of blocks, each found out once."""

    def __init__(self, core: Core, waits: WaitStates, codes: Iterable[bytes]) -> None:
        self._core, self._waits = core, waits
        self._texts = llvm.disassemble(codes, core.cpu)
        self._timings = llvm.time_blocks(self._texts.values(), core.cpu) if core.llvm else {}

    def whole(self, code: bytes) -> tuple[Range, int]:
        """Cycles of one run of a block, and how many of its instructions no model knows."""
        lines = self._texts[code]
        if not self._core.llvm:
            return table.block_cycles(lines, self._core.table), 0
        timing = self._timings[lines]
        more = [self._more(line) for line in lines]
        more += [_left_out(line) for line in timing.left_out]
        lower = timing.steady + sum(low for low, _ in more)
        upper = timing.alone + sum(high for _, high in more)
        if self._core.table:
            upper = max(upper, table.block_cycles(lines, self._core.table)[1])
        return (min(lower, upper), upper), len(timing.left_out)

    def _more(self, line: str) -> Range:
        """What LLVM's model does not tell of an instruction that it knows."""
        low, high = self._core.per_register
        further = max(instruction.registers(line) - 1, 0)
        if instruction.mnemonic(line) in {"sdiv", "udiv"}:
            return self._core.division
        return further * low, further * high

    def branches(self, code: bytes, jumped: int, passed: int) -> Range:
        """What the branch at a block's end adds to all its runs.

        Args:
            code: The block.
            jumped: How often it was taken.
            passed: How often it was not.
        """
        kind = instruction.branch_kind(self._texts[code][-1])
        low, high = self._core.refill
        if kind == "loop":
            return 0, 0  # foreseen from the loop's start on
        if not kind:
            return jumped * EXCEPTION[0], jumped * EXCEPTION[1]
        if not self._core.predicts:
            return jumped * low, jumped * high
        # A counter of two bits foresees all but the odd ones, and what comes after each.
        unforeseen = min(2 * min(jumped, passed), jumped + passed)
        if kind == "indirect":
            unforeseen = jumped
        return jumped * low, (unforeseen if kind != "direct" else 0) * high

    def waits(self, code: bytes, jumped: int, runs: int) -> float:
        """Most cycles that memory keeps all runs of a block waiting.

        Code and constants are read in order, a line at a time, and a branch starts a new one.
        """
        lines = self._texts[code]
        loads = sum(map(instruction.is_load, lines)) + sum(map(instruction.registers, lines))
        accesses = loads + sum(map(instruction.is_store, lines))
        fetched = (len(code) + WORD_BYTES * loads) / self._waits.line_bytes
        return self._waits.flash * (runs * fetched + jumped) + self._waits.ram * runs * accesses


def _left_out(line: str) -> Range:
    if line.startswith("v") or UNREAD in line:
        return LEFT_OUT_VECTOR
    return table.rate(line.partition(" ")[0].partition(".")[0], LEFT_OUT)


def _priced(core: _Core, executed: Mapping[Block, int]) -> Price:
    lower = upper = 0.0
    instructions = left_out = 0
    for code in dict.fromkeys(block.code for block in executed):
        jumped = executed.get(Block(code, jumped=True), 0)
        passed = executed.get(Block(code, jumped=False), 0)
        runs = jumped + passed
        (low, high), unknown = core.whole(code)
        more_low, more_high = core.branches(code, jumped, passed)
        lower += runs * low + more_low
        upper += runs * high + more_high + core.waits(code, jumped, runs)
        instructions += runs * len(thumb_instructions(code))
        left_out += runs * unknown
    return Price(instructions, lower, max(lower, upper), left_out)


def prices(
    executed: Sequence[Mapping[Block, int]], cpu: str, waits: WaitStates
) -> tuple[Price, ...]:
    """What each of several pieces of a run took.

    Args:
        executed: How often each block ran, of each piece.
        cpu: The core, as a board file has it.
        waits: What its memories add.

    Raises:
        ToolError: LLVM is missing or broken, or nothing is known of the core.
    """
    codes = (block.code for each in executed for block in each)
    core = _Core(known_core(cpu), waits, codes)
    return tuple(_priced(core, each) for each in executed)
