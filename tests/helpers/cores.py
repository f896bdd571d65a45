"""Bare-metal programs on QEMU's boards, by a toolchain file for CMake alone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.graph import process

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.board import Board

# By the core: the board, and what its compiler is told.
CORES = {
    "cortex-m3": ("mps2/an385", "-mcpu=cortex-m3 -mthumb"),
    "cortex-m4": (
        "mps2/an386",
        "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -ffp-contract=fast",
    ),
    "cortex-m55": ("mps3/an547", "-mcpu=cortex-m55 -mthumb -mfloat-abi=hard"),
}
_TOOLCHAIN = """\
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(flags "{flags} --specs=picolibc.specs -ffunction-sections -fdata-sections")
set(CMAKE_C_FLAGS_INIT "${{flags}}")
set(CMAKE_CXX_FLAGS_INIT "${{flags}}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "--oslib=semihost --crt0=hosted -Wl,--defsym=__flash={flash:#x} \\
-Wl,--defsym=__flash_size={flash_size:#x} -Wl,--defsym=__ram={ram:#x} \\
-Wl,--defsym=__ram_size={ram_size:#x} -Wl,--defsym=__stack_size=0x1000 -Wl,--gc-sections")
"""


def toolchain_or_skip(core: str, folder: Path) -> Path:
    """Writes the toolchain file of a core; where picolibc's linker script puts things is in it."""
    if shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None:
        pytest.skip("no compiler for Arm, or no qemu-system-arm")
    name, flags = CORES[core]
    flash, ram = load_board(name).memories()
    file = folder / "toolchain.cmake"
    text = _TOOLCHAIN.format(
        flags=flags,
        flash=flash.origin,
        flash_size=flash.length_bytes,
        ram=ram.origin,
        ram_size=ram.length_bytes,
    )
    file.write_text(text)
    return file


def run(core: str, program: Path, timeout_s: float) -> str:
    """What a program for a core says until it ends."""
    return run_on(load_board(CORES[core][0]), program, timeout_s)


def run_on(board: Board, program: Path, timeout_s: float) -> str:
    """What a program says on a board until it ends."""
    assert board.qemu is not None
    argv = ["qemu-system-arm", "-machine", board.qemu.machine, "-nographic", "-monitor", "none"]
    argv += ["-semihosting-config", "enable=on,target=native", "-serial", "none"]
    return process.check([*argv, "-kernel", str(program)], timeout_s=timeout_s).replace("\r", "")
