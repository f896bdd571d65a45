"""Reads the sizes of a Zephyr image: what is loaded, and what its linker symbols say of RAM.

Zephyr's symbols for flash are not for all boards: x86 has none, RISC-V's leaves out the initial
values of variables, and `_flash_used` of 64-bit Arm counts from address 0. Nor is
`_image_ram_size`: RISC-V's has the code too where that runs from RAM, x86's is no size.
"""

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
# Zephyr's linker scripts: where RAM begins and ends; its variables where the image runs from RAM,
# since code and constants are there too; the option that says that it does not (it is a symbol in
# every image, as `size_report` of Zephyr reads it).
RAM_START, VARIABLES_START, RAM_END = "_image_ram_start", "__data_region_start", "_image_ram_end"
FROM_FLASH = "CONFIG_XIP"
# Objects that Zephyr's stack macros make: threads (`z_main_stack`, `_k_thread_stack_...`), idle
# (`z_idle_stacks`), interrupts (`z_interrupt_stacks`).
_STACK = re.compile(r"^(z_\w+_stacks?|_k_thread_stack_\w+)$")
# Zephyr's heaps (`K_HEAP_DEFINE`, `k_malloc`'s among them), and the one of its `malloc`.
_HEAP = re.compile(r"^(kheap_\w+|malloc_arena)$")


class Sizes(Record):
    """Sizes of a Zephyr image.

    Attributes:
        flash_bytes: Code, constants and initial values of variables: what is loaded, which is the
            flat image.
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
        ToolError: It lacks Zephyr's symbols.
    """
    output = process.check([toolchain.tool("nm"), "-S", str(elf)], timeout_s=TOOL_TIMEOUT_S)
    rows = [line.split() for line in output.splitlines()]
    values = {row[-1]: int(row[0], 16) for row in rows if len(row) in {3, 4}}
    objects = {row[3]: int(row[1], 16) for row in rows if len(row) == 4 and row[2] in "bBdD"}
    stacks = sum(size for name, size in objects.items() if _STACK.match(name))
    start = RAM_START if FROM_FLASH in values else VARIABLES_START
    if not {start, RAM_END} <= set(values):
        raise ToolError(f"{elf} lacks the symbols {start} and {RAM_END}")
    return Sizes(
        flash_bytes=elf.with_suffix(".bin").stat().st_size,
        static_ram_bytes=values[RAM_END] - values[start] - stacks,
        stack_reserved_bytes=stacks,
        heap_bytes=sum(size for name, size in objects.items() if _HEAP.match(name)),
    )
