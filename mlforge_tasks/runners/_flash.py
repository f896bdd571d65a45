"""Puts an image on a board: `west flash` as twister calls it, or the user's own command.

West reads how a board is flashed from a build folder. Any warm one of the board will do, since the
files to flash are named.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.elf import flat_origin
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process, product, progress
from mlforge_tasks.runners._bench_board import fill
from mlforge_tasks.runners._hex import intel_hex

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.runners._bench_board import BenchBoard

BUILD_FOLDERS = product.project() / "build" / ".zephyr"
# A probe that has just been plugged in, or was left in some state, often works the second time.
FLASH_ATTEMPTS = 2

# How each west runner is told the probe, as in twister's `DeviceHandler._create_command`.
_PROBE_ARGUMENTS = {
    **dict.fromkeys(
        ("jlink", "nrfjprog", "nrfutil", "probe-rs", "pyocd"), ("--dev-id", "{probe_id}")
    ),
    "esp32": ("--esp-device", "{probe_id}"),
    "linkserver": ("--probe={probe_id}",),
    "openocd": ("--cmd-pre-init", "{openocd} {probe_id}"),
    "stm32cubeprogrammer": ("--tool-opt=sn={probe_id}",),
}
# These take the file to flash as `--file`; the others have one option a format.
_FILE_RUNNERS = ("jlink", "linkserver", "probe-rs", "sftool", "silabs_commander")
_OPENOCD_SERIAL = {
    "STM32 STLink": "hla_serial",
    "STLINK-V3": "hla_serial",
    "EDBG CMSIS-DAP": "cmsis_dap_serial",
}
# The boot loader's own port has no probe behind it.
_BOOT_SERIAL = "BOOT-SERIAL"
_ZEPHYR_BASE = re.compile(r"^ZEPHYR_BASE:\w+=(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Files:
    """An image in every format that a flasher may ask for."""

    elf: Path
    hex: Path
    bin: Path


def probe_arguments(board: BenchBoard) -> list[str]:
    """What tells a west runner which probe to use; nothing where it cannot be told."""
    if board.probe is None or board.product == _BOOT_SERIAL:
        return []
    values = {
        "probe_id": board.probe,
        "openocd": _OPENOCD_SERIAL.get(board.product, "adapter serial"),
    }
    return fill(_PROBE_ARGUMENTS.get(board.runner or "", ()), values)


def west_argv(board: BenchBoard, files: Files, build_folder: Path) -> list[str]:
    """The `west flash` that puts an image on a board."""
    argv = [sys.executable, "-P", "-m", "west", "flash", "--skip-rebuild"]
    argv += ["-d", str(build_folder)]
    argv += ["--runner", str(board.runner), "--", *probe_arguments(board), *board.runner_params]
    if board.runner in _FILE_RUNNERS:
        return [*argv, "--file", str(files.hex)]
    argv += ["--elf-file", str(files.elf), "--hex-file", str(files.hex)]
    return [*argv, "--bin-file", str(files.bin)]


def custom_argv(board: BenchBoard, files: Files) -> list[str]:
    """The user's `flash_command`."""
    values = {
        "elf": str(files.elf),
        "hex": str(files.hex),
        "bin": str(files.bin),
        "serial": board.serial or "",
        "probe_id": board.probe or "",
    }
    return fill(board.flash_command or (), values)


def build_folder(board: Board, root: Path = BUILD_FOLDERS) -> Path:
    """A build folder that tells west how the board is flashed.

    Raises:
        ToolError: There is none.
    """
    name = board.zephyr.target if board.zephyr else board.name
    # Folders of `platforms/zephyr.py`; the one without a model is built least often.
    found = sorted(
        root.glob(f"{name.replace('/', '_')}-*/build/zephyr/runners.yaml"),
        key=lambda path: ("-none-" not in str(path), path),
    )
    if not found:
        raise ToolError(
            f"`west flash` needs a Zephyr build folder for {board.name}: there is none in {root}",
            hint="`platform: zephyr` makes one when it builds for the board on this machine; for "
            "another platform give the board a 'flash_command' in the hardware map",
        )
    return found[0].parents[1]


def _zephyr_base(folder: Path) -> Path:
    found = _ZEPHYR_BASE.search((folder / "CMakeCache.txt").read_text())
    if found is None:
        raise ToolError(f"{folder} does not say where Zephyr is", hint="delete that folder")
    return Path(found[1])


def _with_hex(elf: Path, folder: Path) -> Files:
    binary = elf.with_suffix(".bin")
    flat = binary.read_bytes()
    file = folder / "firmware.hex"
    file.write_bytes(intel_hex(flat, flat_origin(elf.read_bytes(), flat)))
    return Files(elf=elf.resolve(), hex=file, bin=binary.resolve())


def _west() -> None:
    if importlib.util.find_spec("west") is None:
        raise ToolError("the Python package 'west' is not installed", hint="./bootstrap")


def flash(
    board: Board, on: BenchBoard, elf: Path, *, cwd: Path, note: Callable[[str], None]
) -> None:
    """Flashes an image.

    Args:
        board: What the image was built for.
        on: Where to put it.
        elf: The image, with its `.bin` beside it.
        cwd: Folder that a `flash_command` starts in.
        note: Receives what was run and what it said, for the evidence.

    Raises:
        ToolError: It did not work, or took too long.
    """
    with tempfile.TemporaryDirectory() as name:
        files = _with_hex(elf, Path(name))
        if on.flash_command is None:
            _west()
            folder = build_folder(board)
            base = _zephyr_base(folder)
            argv, cwd, environment = west_argv(on, files, folder), base, {"ZEPHYR_BASE": str(base)}
        else:
            argv, environment = custom_argv(on, files), {}
        progress.say(f"flashes {board.name}")
        for _ in range(FLASH_ATTEMPTS):
            done = process.run(argv, timeout_s=on.flash_timeout_s, cwd=cwd, env=environment)
            note(f"{' '.join(argv)}\n{done.output}")
            if done.timed_out or done.returncode == 0:
                break
    if done.timed_out or done.returncode != 0:
        raise _failed(board, on, done)


def _failed(board: Board, on: BenchBoard, done: process.Completed) -> ToolError:
    how = f"took more than {on.flash_timeout_s:g} s" if done.timed_out else done.how()
    what = f"flashing {board.name} (probe {on.probe or 'unknown'})"
    return ToolError(
        f"{what}: `{' '.join(done.argv)}` {how}\n{done.tail()}",
        hint="see whether the probe is plugged in and no debugger holds it; 'flash_timeout' in the "
        "hardware map gives it more time",
    )
