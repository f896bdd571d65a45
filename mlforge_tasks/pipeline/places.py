"""Where a contract's firmware runs, and what may run the model there."""

from __future__ import annotations

import platform as computer
from typing import TYPE_CHECKING, Any

from mlforge_tasks import plugins
from mlforge_tasks.contract.board import Board, load_board
from mlforge_tasks.contract.sections import NPU_ENGINE
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.plugins import AUTO
from mlforge_tasks.runners import Circumstances
from mlforge_tasks.stages import estimate

if TYPE_CHECKING:
    from mlforge_tasks.contract.contract import Contract
    from mlforge_tasks.contract.sections import Target
    from mlforge_tasks.contract.targets import Mode
    from mlforge_tasks.platforms import Platform

LINUX = "linux"
SIMULATOR = "qemu"
PROCESS = "native"
FOREIGN_PROCESS = "qemu_user"
HARDWARE = "serial"
LINUX_HARDWARE = "ssh"
NOWHERE = estimate.RUNNER
# Modes that begin in an emulator.
EMULATING = ("simulate", "simulate-then-hardware")


def engines_of(target: Target, board: Board) -> tuple[str, ...]:
    """The engines that may run the model: one, or all that the platform builds for the board.

    Raises:
        MlforgeError: The platform cannot build the engine.
    """
    platform: Platform = plugins.load("platforms", target.platform)
    if target.engine == AUTO:
        return platform.engines_for(board)
    if target.engine not in platform.engines:
        raise MlforgeError(
            f"target.engine: found '{target.engine}', which platform '{target.platform}' "
            f"cannot build; wanted {' or '.join((*platform.engines, AUTO))}",
            hint="`platform: zephyr` builds every engine",
        )
    return (target.engine,)


def alternatives(board: Board) -> tuple[str, ...]:
    """The engines that a contract for a board may name, on whatever platform."""
    if board.linux is not None:
        linux: Platform = plugins.load("platforms", LINUX)
        return linux.engines
    zephyr: Platform = plugins.load("platforms", "zephyr")
    return (*zephyr.engines_for(board), *((NPU_ENGINE,) if board.npu else ()))


def emulated(board: Board) -> Board:
    """What stands for a board before there is hardware: itself, or one with the same core.

    Latency is told for the real board's clock and memories.

    Raises:
        MlforgeError: QEMU emulates neither.
    """
    if board.qemu is not None or board.process:
        return board
    stand_in = board.zephyr.arena_on if board.zephyr else None
    if stand_in is None:
        raise MlforgeError(
            f"mode: QEMU does not emulate {board.name}, nor a board that could stand for it",
            hint="mode: hardware",
        )
    clock: dict[str, Any] = {
        "clock_hz": board.clock_hz,
        "cycles_per_instruction": board.cycles_per_instruction,
        "wait_states": board.wait_states,
    }
    return load_board(stand_in).model_copy(update=clock)


def first(mode: Mode, board: Board) -> Board:
    """The board whose figures a candidate is first judged by.

    Raises:
        MlforgeError: An emulator is asked for, and none stands for the board.
    """
    return emulated(board) if mode in EMULATING else board


def first_runner(mode: Mode, board: Board) -> str:
    """What runs the firmware there."""
    if mode == "static":
        return NOWHERE
    return hardware(board) if mode == "hardware" else simulator(board)


def simulator(board: Board) -> str:
    """The runner of a board that is no hardware."""
    if board.linux is not None and board.linux.arch != computer.machine():
        return FOREIGN_PROCESS
    return PROCESS if board.process else SIMULATOR


def circumstances(contract: Contract) -> Circumstances:
    """What a program for Linux runs beside and within on its machine."""
    operation = contract.operation
    thread = operation.periodic_thread
    return Circumstances(
        load_cpus=operation.load.cpus if operation.load else 0,
        memory_max_bytes=operation.memory_max_bytes,
        wakeup_period_us=None if thread is None else round(thread.period_us),
        asked=tuple(name for name, _ in contract.limits.set_fields()),
    )


def hardware(board: Board) -> str:
    """The runner of the board itself."""
    return HARDWARE if board.linux is None else LINUX_HARDWARE
