"""Runs generated C of Arm cores that no emulated board has, on one that has their instructions.

An Armv7-M core executes what is compiled for the Cortex-M0+, an Armv8-M mainline one what is for
the M23, the M55 what is for the M85. picolibc's own start-up code and semihosting do the rest: the
bare-metal platform's is for mainline cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.graph import process
from mlforge_tasks.platforms import _clang, _gnu
from mlforge_tasks.platforms._image import APP
from tests.helpers.aot_device import RUN_LIMIT_S, results, write_program
from tests.helpers.aot_host import WARNINGS, compile_objects
from tests.helpers.cores import run_on

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.helpers.aot_host import Case

_GCC = ("arm-none-eabi-gcc", "-mthumb", "--specs=picolibc.specs")
_HAL = """\
#include <stdio.h>
#include "hal.h"
void hal_put(uint8_t byte) { putchar(byte); }
uint64_t hal_ticks(void) { return 0; }
"""


@dataclass(frozen=True)
class Core:
    """A core, and what runs its code.

    Attributes:
        board: Whose core executes its instructions.
        flags: What selects the core.
        linking: What GCC is told instead, where it does not know the core: Clang compiles then.
    """

    board: str
    flags: tuple[str, ...]
    linking: tuple[str, ...] = ()


CORES = {
    "cortex-m0plus": Core("mps2/an385", ("-mcpu=cortex-m0plus",)),
    "cortex-m23": Core("mps2/an505", ("-mcpu=cortex-m23",)),
    "cortex-m85": Core(
        "mps3/an547",
        ("-mcpu=cortex-m85", "-mfloat-abi=hard"),
        linking=("-mcpu=cortex-m55", "-mfloat-abi=hard"),
    ),
}


def run_on_core(cases: Sequence[Case], core: Core, folder: Path) -> Mapping[str, int]:
    """Output bytes that differ from the oracle's, by prefix."""
    sources = write_program(cases, folder)
    (folder / "hal.h").write_text((APP / "hal.h").read_text())
    (folder / "hal.c").write_text(_HAL)
    gcc = [*_GCC, *(core.linking or core.flags)]
    compiler = gcc
    if core.linking:
        headers = _clang.flags(_gnu.picolibc_headers())
        compiler = [_clang.program(), "-mthumb", *headers, *core.flags]
    objects = compile_objects(compiler, [*sources, folder / "hal.c"], ["-O2", *WARNINGS])
    board = load_board(core.board)
    flash, ram = board.memories()
    places = {
        "__flash": flash.origin,
        "__flash_size": flash.length_bytes,
        "__ram": ram.origin,
        "__ram_size": ram.length_bytes,
        "__stack_size": 0x1000,
    }
    program = folder / "check"
    link = [*gcc, "--oslib=semihost", "--crt0=hosted", "-o", str(program), *map(str, objects)]
    link += [f"-Wl,--defsym={name}={value:#x}" for name, value in places.items()]
    process.check(link, timeout_s=RUN_LIMIT_S)
    console = run_on(board, program, RUN_LIMIT_S)
    return {name: bad for name, (bad, _) in results(cases, console).items()}
