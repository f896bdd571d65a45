"""Cycles of a block from a reference manual's table alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.cycles import text as instruction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlforge_tasks.cycles.cores import Range

ONE: Range = (1, 1)


def rate(line: str, table: Mapping[str, Range], default: Range = ONE) -> Range:
    """Cycles of an instruction that accesses no memory; one may be skipped by its condition."""
    name = instruction.mnemonic(line)
    if name.startswith("it"):
        return table.get("it", default)
    if name in table:
        return table[name]
    plain = instruction.without_condition(name)
    if plain in table:
        return min(1, table[plain][0]), table[plain][1]
    return default


def _access(line: str, before: str | None) -> Range:
    """A load or store of one register; next to another one, the address is made meanwhile."""
    overlaps = before is not None and not (
        instruction.is_load(before)
        and instruction.reads_what(line, instruction.destination(before))
    )
    if instruction.is_load(line):
        return ONE if overlaps else (2, 2)
    return (1, 2) if instruction.has_register_offset(line) and not overlaps else ONE


def block_cycles(lines: Sequence[str], table: Mapping[str, Range]) -> Range:
    """Least and most cycles of a block, without what a branch at its end adds when it is taken.

    Args:
        lines: Its instructions.
        table: The core's cycles of what does not take one.
    """
    least = most = 0.0
    before: str | None = None
    for line in lines:
        several = instruction.registers(line)
        single = instruction.is_load(line) or instruction.is_store(line)
        if several:
            low = high = 1.0 + several
        elif single:
            low, high = _access(line, before)
        else:
            low, high = rate(line, table)
        before = line if single else None
        least, most = least + low, most + high
    return least, most
