"""Reads the sizes of a Zephyr image from its own linker symbols."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.graph.sealed import Sealed
from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.platforms._zephyr.compiler import Toolchain

TOOL_TIMEOUT_S = 60.0
# Zephyr's linker scripts: all of flash that is used, and all of RAM. Where an image runs from RAM,
# RAM has the code and constants too, and flash is what had to be loaded.
FLASH_SYMBOL = "_flash_used"
RAM_SYMBOL = "_image_ram_size"
ROM_IN_RAM_SYMBOL = "__rom_region_size"
# Objects that Zephyr's stack macros make: threads (`z_main_stack`, `_k_thread_stack_...`), idle
# (`z_idle_stacks`), interrupts (`z_interrupt_stacks`).
_STACK = re.compile(r"^(z_\w+_stacks?|_k_thread_stack_\w+)$")
# Zephyr's heaps (`K_HEAP_DEFINE`, `k_malloc`'s among them), and the one of its `malloc`.
_HEAP = re.compile(r"^(kheap_\w+|malloc_arena)$")


class Sizes(Record):
    """Sizes of a Zephyr image.

    Attributes:
        flash_bytes: Code, constants and initial values of variables.
        static_ram_bytes: Variables, the arena included, the stacks not.
        stack_reserved_bytes: All stacks: of threads and of interrupts.
        heap_bytes: All heaps; part of the static RAM.
    """

    flash_bytes: int
    static_ram_bytes: int
    stack_reserved_bytes: int
    heap_bytes: int


class KnownSizes(Sealed):
    """What the application takes without a model, kept in its build folder."""

    sizes: Sizes


def sizes(elf: Path, toolchain: Toolchain) -> Sizes:
    """Sizes of an image.

    Raises:
        ToolError: It lacks Zephyr's size symbols.
    """
    output = process.check([toolchain.tool("nm"), "-S", str(elf)], timeout_s=TOOL_TIMEOUT_S)
    rows = [line.split() for line in output.splitlines()]
    values = {row[-1]: int(row[0], 16) for row in rows if len(row) in {3, 4}}
    objects = {row[3]: int(row[1], 16) for row in rows if len(row) == 4 and row[2] in "bBdD"}
    stacks = sum(size for name, size in objects.items() if _STACK.match(name))
    if {FLASH_SYMBOL, RAM_SYMBOL} <= set(values):
        flash, ram = values[FLASH_SYMBOL], values[RAM_SYMBOL]
    elif {ROM_IN_RAM_SYMBOL, RAM_SYMBOL} <= set(values):
        flash = elf.with_suffix(".bin").stat().st_size
        ram = values[RAM_SYMBOL] - values[ROM_IN_RAM_SYMBOL]
    else:
        raise ToolError(f"{elf} lacks the symbols {FLASH_SYMBOL} and {RAM_SYMBOL}")
    return Sizes(
        flash_bytes=flash,
        static_ram_bytes=ram - stacks,
        stack_reserved_bytes=stacks,
        heap_bytes=sum(size for name, size in objects.items() if _HEAP.match(name)),
    )
