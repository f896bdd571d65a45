"""Boards: what firmware is built for, read from `boards/*.yaml`.

To add a board: write `boards/<name with _ for />.yaml` with its name, core, compiler flags, real
memory sizes, clocks and UART; give it a `qemu` section if QEMU emulates it; run
`pytest tests/contract/test_board.py tests/runners/test_qemu.py`, which boots every board that QEMU
has. A board that is a process of this computer (`zephyr: {arch: host}`, see
tests/platforms/test_zephyr_native.py) has neither memory sizes nor a clock of its own.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from mlforge_tasks.cycles.record import WaitStates
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake, Mistakes, closest, read_model
from mlforge_tasks.yaml_file.units import Bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

BOARDS = Path(__file__).resolve().parents[1] / "boards"

Address = Annotated[int, Field(ge=0, lt=1 << 32)]
Hertz = Annotated[int, Field(gt=0)]
Flag = Annotated[str, Field(pattern=r"^-[\w.+=,-]+$")]


class Region(Record):
    """One block of memory that the linker may fill."""

    origin: Address
    length_bytes: Bytes = Field(alias="length")


class Uart(Record):
    """The serial port to the host; `kind` names the driver of the bare-metal platform."""

    kind: Literal["cmsdk"]
    base: Address


class Qemu(Record):
    """How QEMU emulates the board.

    Attributes:
        binary: QEMU's program for the core.
        machine: Its `-machine`.
        icount_shift: One instruction is 2^shift ns of virtual time. Large enough that a clock tick
            is shorter than an instruction, so that instructions can be told from ticks.
        args: More arguments.
    """

    binary: str = Field(pattern=r"^qemu-system-\w+$")
    machine: str = Field(pattern=r"^[\w.,=-]+$")
    icount_shift: int = Field(ge=0, le=10)
    args: tuple[str, ...] = ()


class Zephyr(Record):
    """How Zephyr knows the board.

    Attributes:
        target: Its name in `west build -b`.
        arch: What its compiler is for; `host` makes a process of this computer.
        modules: West modules that its images need, beside Arm's core headers.
        arena_on: An emulated board with the same core, for what only an emulator can tell before
            the firmware is final; None where the board itself is emulated.
    """

    target: str = Field(pattern=r"^[\w.-]+(/[\w.-]+)*$")
    arch: Literal["arm", "riscv", "host"] = "arm"
    modules: tuple[str, ...] = ()
    arena_on: str | None = None


class Board(Record):
    """One board.

    Attributes:
        name: As Zephyr writes it (`mps2/an385`).
        cpu: Core, as GCC writes it (`cortex-m3`).
        gcc_flags: What selects the core's code generation.
        fpu: It has a floating-point unit.
        dsp: It has the DSP extension (SMLAD and its kin).
        mve: It has the M-profile vector extension.
        flash: Where code and constants go; like the next three, None where the board is a process.
        ram: Where data and stack go.
        clock_hz: The core's clock.
        cycles_per_instruction: What a forecast of a latency starts from; no measured one is made of
            it, but for a core of which nothing else is known.
        wait_states: What its memories add to the core's own cycles.
        systick_hz: Clock of the SysTick timer.
        uart: The serial port; None where the bare-metal platform has no driver for it.
        stack_bytes: What the bare-metal platform reserves for the stack.
        qemu: How QEMU emulates it; None where it does not.
        zephyr: How Zephyr knows it; None where it does not.
    """

    name: str = Field(pattern=r"^\w[\w.-]*(/\w[\w.-]*)*$")
    cpu: str = Field(pattern=r"^[\w.+-]+$")
    gcc_flags: tuple[Flag, ...]
    fpu: bool
    dsp: bool
    mve: bool
    flash: Region | None = None
    ram: Region | None = None
    clock_hz: Hertz | None = None
    cycles_per_instruction: Annotated[float, Field(gt=0)] | None = None
    wait_states: WaitStates = WaitStates()
    systick_hz: Hertz
    uart: Uart | None = None
    stack_bytes: Bytes = Field(alias="stack", multiple_of=8)
    qemu: Qemu | None = None
    zephyr: Zephyr | None = None

    @model_validator(mode="after")
    def _only_a_process_is_without(self) -> Self:
        of_a_chip = ("flash", "ram", "clock_hz", "cycles_per_instruction")
        missing = [name for name in of_a_chip if getattr(self, name) is None]
        if missing and not self.native:
            wanted = "a value, which only a process of this computer has not"
            raise Mistakes(*(Mistake(wanted, at=(name,)) for name in missing))
        return self

    @property
    def native(self) -> bool:
        """It is a process of this computer: neither its sizes nor its times say anything."""
        return self.zephyr is not None and self.zephyr.arch == "host"

    def memories(self) -> tuple[Region, Region]:
        """Flash and RAM.

        Raises:
            MlforgeError: The board is a process.
        """
        if self.flash is None or self.ram is None:
            raise MlforgeError(f"{self.name} is a process: it has neither flash nor RAM")
        return self.flash, self.ram


def board_file(name: str) -> Path:
    """Where a board's file is, whether or not it exists."""
    return BOARDS / f"{name.replace('/', '_')}.yaml"


@functools.cache
def _read(path: Path) -> Board:
    return read_model(path, Board)


def _all() -> Iterator[Board]:
    return (_read(path) for path in sorted(BOARDS.glob("*.yaml")))


def board_names() -> tuple[str, ...]:
    """The boards there are, sorted.

    Raises:
        ContractError: A board file is not valid.
    """
    return tuple(sorted(board.name for board in _all()))


def find_board(name: str) -> Board | None:
    """A board by its name; None where there is none.

    The file that should be its own is read first: reading all took a tenth of a run that has
    nothing to do.

    Raises:
        ContractError: A board file is not valid.
    """
    path = board_file(name)
    if path.is_file() and _read(path).name == name:
        return _read(path)
    return next((board for board in _all() if board.name == name), None)


def load_board(name: str) -> Board:
    """A board by its name.

    Raises:
        MlforgeError: There is no such board.
        ContractError: A board file is not valid.
    """
    board = find_board(name)
    if board is None:
        similar = closest(name, board_names())
        meant = f"did you mean '{similar}'? " if similar else ""
        hint = f"{meant}The boards are {', '.join(board_names())}"
        raise MlforgeError(f"there is no board '{name}'", hint=hint)
    return board
