"""Whether a board of the hardware map is there to be used: its port, and what flashes it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks import plugins
from mlforge_tasks.errors import ToolError
from mlforge_tasks.runners import _flash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.meters import Meter
    from mlforge_tasks.runners._bench_board import BenchBoard

# What each west runner calls where it is told of no other (the defaults in Zephyr's
# scripts/west_commands/runners), and how to get it.
_PROGRAMS: Mapping[str, tuple[str, str]] = {
    "blackmagicprobe": ("arm-none-eabi-gdb", "sudo apt-get install gdb-arm-none-eabi"),
    "dfu": ("dfu-util", "sudo apt-get install dfu-util"),
    "jlink": ("JLinkExe", "install SEGGER's J-Link Software"),
    "linkserver": ("LinkServer", "install NXP's LinkServer"),
    "nrfjprog": ("nrfjprog", "install Nordic's nRF Command Line Tools"),
    "nrfutil": ("nrfutil", "install Nordic's nrfutil, then `nrfutil install device`"),
    "openocd": ("openocd", "sudo apt-get install openocd"),
    "probe-rs": ("probe-rs", "install probe-rs"),
    "pyocd": ("pyocd", ".venv/bin/pip install pyocd"),
    "silabs_commander": ("commander", "install Silicon Labs' Simplicity Commander"),
    "stm32cubeprogrammer": ("STM32_Programmer_CLI", "install ST's STM32CubeProgrammer"),
    "stm32flash": ("stm32flash", "sudo apt-get install stm32flash"),
}
# Where stm32cubeprogrammer.py looks beside PATH.
_CUBE = "~/STMicroelectronics/STM32Cube/STM32CubeProgrammer/bin/STM32_Programmer_CLI"


def program_of(runner: str) -> tuple[str, str] | None:
    """What a west runner calls, and how to get it; None where that is not known."""
    return _PROGRAMS.get(runner)


def found(program: str) -> str | None:
    """Where a flasher is; None where it is not."""
    if program == Path(_CUBE).name and Path(_CUBE).expanduser().is_file():
        return str(Path(_CUBE).expanduser())
    return shutil.which(program)


def require(board: Board, on: BenchBoard, cwd: Path, *, west_builds: bool) -> None:
    """Looks for everything that flashing and talking to a board takes.

    Args:
        board: What is built for.
        on: Its entry in the hardware map.
        cwd: The folder that relative paths of the map start from.
        west_builds: Whether a build on the way makes the folder that `west flash` reads.

    Raises:
        ToolError: Something is not there.
    """
    _port(on)
    _meter(on, cwd)
    for script in (on.pre_script, on.post_flash_script, on.post_script):
        _program(script, cwd, "the hardware map names it")
    if on.serial_pty is not None:
        _program(re.split("[, ]", on.serial_pty)[0], cwd, "the 'serial_pty' of the hardware map")
    if on.flash_command is not None:
        _program(on.flash_command[0], cwd, "the 'flash_command' of the hardware map")
        return
    if importlib.util.find_spec("west") is None:
        raise ToolError("the Python package 'west' is not installed", hint="./bootstrap")
    if not west_builds:
        _flash.build_folder(board)
    known = program_of(on.runner or "")
    # Arguments may name another program, as `--openocd` and `--commander` do.
    if known is not None and not on.runner_params and found(known[0]) is None:
        raise ToolError(
            f"the runner '{on.runner}' of the {board.name} in the hardware map needs "
            f"'{known[0]}': not found on PATH",
            hint=f"{known[1]}; or name another 'runner' that `west flash --context` lists",
        )


def _port(on: BenchBoard) -> None:
    """A port that is a file; one that firmware makes is there when it runs."""
    if on.serial is None or on.serial_pty is not None or on.flash_before or "://" in on.serial:
        return
    if not Path(on.serial).exists():
        raise ToolError(
            f"the port {on.serial} is not there (probe {on.probe or 'unknown'})",
            hint="see whether the board is plugged in and `serial` in the hardware map is right; "
            "names below /dev/serial/by-id stay when a board is plugged in again",
        )
    if not os.access(on.serial, os.R_OK | os.W_OK):
        raise ToolError(
            f"no permission to open the port {on.serial}",
            hint="`sudo usermod -aG dialout $USER`, then log in anew",
        )


def _meter(on: BenchBoard, cwd: Path) -> None:
    """What supplies the board; one that only measures is looked for when it has to."""
    if on.meter is not None and on.meter.supplies:
        kind: Meter = plugins.load("meters", on.meter.kind)
        kind.require(on.meter, cwd)


def _program(name: str | None, cwd: Path, why: str) -> None:
    if name is not None and shutil.which(name) is None:
        # A relative path with a folder in it starts at the map.
        if "/" in name and os.access(cwd / name, os.X_OK):
            return
        raise ToolError(f"'{name}' was not found", hint=why)
