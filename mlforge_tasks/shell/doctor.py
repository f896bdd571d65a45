"""`doit doctor`: what is installed, which Zephyr, boards and ports there are, what is missing.

Nothing here is needed to run a contract: each part of the pipeline finds its own tools and says
what it lacks. This says it all at once, before.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Literal

from serial.tools import list_ports

from mlforge_tasks import plugins
from mlforge_tasks.contract.board import board_names, load_board
from mlforge_tasks.cycles import llvm
from mlforge_tasks.errors import MlforgeError, ToolError
from mlforge_tasks.graph import process, product, torch_venv
from mlforge_tasks.pipeline import places
from mlforge_tasks.platforms import _gnu, linux
from mlforge_tasks.platforms._zephyr import doctor as zephyr
from mlforge_tasks.runners import _attached, _bench, qemu

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.runners._bench_board import BenchBoard

VERSION_TIMEOUT_S = 30.0
Level = Literal["ok", "optional", "missing"]
MARKS = {"ok": "ok", "optional": "--", "missing": "!!"}
BOOTSTRAP = "run ./bootstrap"
QEMU_ARM = "qemu-system-arm"
# What only the tests run, so it is told only where they can be run.
TEST_PROGRAMS = (
    "riscv64-unknown-elf-gcc",
    "qemu-riscv32",
    "qemu-riscv64",
)


@dataclass(frozen=True)
class Finding:
    """One line.

    Attributes:
        level: `missing` is needed by every run; `optional` by some.
        name: What was looked for.
        found: What was found.
        advice: What to do about it; empty where nothing is.
    """

    level: Level
    name: str
    found: str
    advice: str = ""

    def __str__(self) -> str:
        line = f"{MARKS[self.level]:<3} {self.name:<27} {self.found}"
        return f"{line}\n{'':<32}{self.advice}" if self.advice else line


def _program(name: str, level: Level, advice: str) -> Finding:
    path = shutil.which(name)
    if path is None:
        return Finding(level, name, "not found", advice)
    done = process.run([path, "--version"], timeout_s=VERSION_TIMEOUT_S)
    return Finding("ok", name, (done.output.splitlines() or [path])[0])


def _binutils() -> Finding:
    """One line for those that an image is linked and read with."""
    name = "binutils-arm-none-eabi"
    try:
        return Finding("ok", name, _gnu.binutils_version())
    except ToolError as error:
        return Finding("missing", name, error.message, BOOTSTRAP)


def _picolibc() -> Finding:
    try:
        return Finding("ok", "picolibc", _gnu.picolibc_version())
    except ToolError as error:
        return Finding("missing", "picolibc", error.message, BOOTSTRAP)


def _llvm() -> Finding:
    try:
        return Finding("ok", "LLVM", llvm.version())
    except ToolError as error:
        return Finding("missing", "LLVM", error.message, error.hint or BOOTSTRAP)


def _package(name: str, level: Level, advice: str) -> Finding:
    try:
        return Finding("ok", name, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(level, name, "not installed", advice)


def _torch() -> Finding:
    """PyTorch's own environment, for `search.torch`; what is in it is not read."""
    try:
        return Finding("ok", "PyTorch", torch_venv.python())
    except ToolError:
        told = f"not found at {torch_venv.place()}"
        return Finding("optional", "PyTorch", told, "for `search.torch`: ./bootstrap --torch")


def _zephyr() -> Iterator[Finding]:
    for fact in zephyr.facts():
        level: Level = "optional" if fact.found is None else "ok"
        yield Finding(level, fact.name, fact.found or "not found", fact.advice)


def _boards() -> Iterator[Finding]:
    path = _bench.map_path(product.project())
    if not path.exists():
        yield Finding("optional", "hardware map", f"none at {path}", _bench.GENERATE_HINT)
    else:
        try:
            boards = _bench.read_map(path)
        except MlforgeError as error:
            yield Finding("missing", "hardware map", str(error))
            boards = ()
        for board in boards:
            state = "connected" if board.reachable else "not connected"
            names = ", ".join(board.platforms)
            on = board.ssh.address if board.ssh else board.serial
            yield Finding("ok", f"  board {board.called}", f"{names} on {on}, {state}")
            yield from _flasher(board)
    ports = [f"{port.device} ({port.description})" for port in list_ports.comports()]
    yield Finding("ok" if ports else "optional", "serial ports", ", ".join(ports) or "none")


def _flasher(board: BenchBoard) -> Iterator[Finding]:
    """What west calls to flash a board, where that is known."""
    known = _attached.program_of(board.runner or "")
    if known is not None and board.flash_command is None:
        program, advice = known
        place = _attached.found(program)
        level: Level = "ok" if place else "optional"
        told = place or "not found"
        yield Finding(level, f"  flasher {program}", told, "" if place else advice)


def _emulators() -> Iterator[Finding]:
    """QEMU's programs for boards with other cores than a Cortex-M."""
    boards = (load_board(name) for name in board_names())
    for name in sorted({one.qemu.binary for one in boards if one.qemu} - {QEMU_ARM}):
        package = qemu.package_of(name)
        yield _program(name, "optional", f"sudo apt-get install {package}, for other cores")


def _linux() -> Iterator[Finding]:
    """What programs for each processor with Linux are built and run with."""
    boards = (load_board(name) for name in board_names())
    for arch, board in sorted({one.linux.arch: one for one in boards if one.linux}.items()):
        name = f"Linux {arch}"
        try:
            version = linux.version(board)
            plugins.load("runners", places.simulator(board)).tool_versions(board)
        except ToolError as error:
            yield Finding("optional", name, error.message, error.hint or "")
        else:
            yield Finding("ok", name, version)


def findings() -> Iterator[Finding]:
    """Everything there is to tell, in the order a user sets it up."""
    yield _program("arm-none-eabi-gcc", "missing", BOOTSTRAP)
    yield _binutils()
    yield _picolibc()
    yield _program(QEMU_ARM, "missing", BOOTSTRAP)
    yield from _emulators()
    yield _llvm()
    yield _package("tensorflow-cpu", "missing", BOOTSTRAP)
    yield _package("tflite-micro", "optional", "outputs cannot be held against TFLM's without it")
    yield _torch()
    yield _package("anthropic", "optional", "for `agent: anthropic`: ./bootstrap --dev")
    key = "set" if os.environ.get("ANTHROPIC_API_KEY") else "not set"
    yield Finding("ok" if key == "set" else "optional", "ANTHROPIC_API_KEY", key)
    if importlib.util.find_spec("pytest") is not None:
        for name in TEST_PROGRAMS:
            yield _program(name, "optional", "for the tests: ./bootstrap --dev")
    yield from _linux()
    yield from _zephyr()
    yield from _boards()


def report() -> bool:
    """Prints all findings; whether every run's needs are there."""
    complete = True
    for finding in findings():
        print(finding)
        complete = complete and finding.level != "missing"
    return complete
