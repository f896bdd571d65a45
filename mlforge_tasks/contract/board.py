"""Boards: what firmware is built for, read from `boards/*.yaml`.

docs/add/board.md adds one. A board that is a process of this computer (`zephyr: {arch: host}`), or
one of Linux (`linux: …`), has neither memory sizes nor a clock of its own.
"""

from __future__ import annotations

import contextlib
import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from mlforge_tasks.calibration import board_files
from mlforge_tasks.contract.linux import Linux
from mlforge_tasks.contract.npu import Npu
from mlforge_tasks.contract.ports import Address, Pin, Uart
from mlforge_tasks.contract.power import Power, Thermal
from mlforge_tasks.cycles.record import WaitStates
from mlforge_tasks.errors import ContractError, MlforgeError, Problem
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake, Mistakes, closest, read_model
from mlforge_tasks.yaml_file.units import Bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

BOARDS = Path(__file__).resolve().parents[1] / "boards"

OWN_BOARDS = "own_boards"
"""Key of the validation context that says where a user's boards are."""
ADD_BOARD = "`doit board name={name}` writes the file of a board that Zephyr knows"

# Of `nrf54l15dk@0.9.0/nrf54l15/cpuapp`.
_REVISION = re.compile(r"@[\w.-]+")


def _below_the_project(name: str) -> str:
    if {".", ".."} & {*name.split("/")}:
        raise Mistake("a module by west's name, or a folder below the project's root")
    return name


Hertz = Annotated[int, Field(gt=0)]
# Of west's manifest, or a folder: neither ends an argument of CMake's, nor its list.
Word = Annotated[str, Field(pattern=r"^[\w.+-]+$")]
ModuleName = Annotated[
    str, Field(pattern=r"^[\w.+-]+(/[\w.+-]+)*$"), AfterValidator(_below_the_project)
]
KconfigOption = Annotated[str, Field(pattern=r"^CONFIG_\w+=\w+$")]
Flag = Annotated[str, Field(pattern=r"^-[\w.+=,-]+$")]


class Region(Record):
    """One block of memory that the linker may fill."""

    origin: Address
    length_bytes: Bytes = Field(alias="length")


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
        modules: Modules that its images need beside Arm's core headers, by their names in west's
            manifest, or folders of the project.
        arena_on: An emulated board with the same core, for what only an emulator can tell before
            the firmware is final; None where the board itself is emulated.
        board_root: Folder of the project that has Zephyr's own files for the board, if its tree has
            not.
        shields: What is plugged onto it, as Zephyr calls it.
        overlays: Devicetree overlays of the project.
        confs: Kconfig files of the project.
        options: Single Kconfig options (`CONFIG_X=y`).
    """

    target: str = Field(pattern=r"^[\w.-]+(@[\w.-]+)?(/[\w.-]+)*$")
    arch: Literal["arm", "arm64", "riscv", "x86", "xtensa", "host"] = "arm"
    modules: tuple[ModuleName, ...] = ()
    arena_on: str | None = None
    board_root: str | None = None
    shields: tuple[Word, ...] = ()
    overlays: tuple[str, ...] = ()
    confs: tuple[str, ...] = ()
    options: tuple[KconfigOption, ...] = ()


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
        cycles_per_instruction: What forecasts of a latency start from; no measured one is made of
            it, but for a core of which nothing else is known.
        wait_states: What its memories add to the core's own cycles.
        systick_hz: Clock of the SysTick timer.
        uart: The serial port; None where the bare-metal platform has no driver for it.
        marker: The pin that tells a meter when the model runs, on the bare-metal platform; of
            Zephyr's the devicetree says it.
        stack_bytes: What the bare-metal platform reserves for the stack.
        npu: The accelerator beside the core; None where there is none.
        qemu: How QEMU emulates it; None where it does not.
        zephyr: How Zephyr knows it; None where it does not.
        linux: What Linux runs on; None where it runs none.
        power: What it draws, of its data sheet; None where that is not known, as `thermal`.
        thermal: How it gives off heat.
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
    marker: Pin | None = None
    stack_bytes: Bytes = Field(alias="stack", multiple_of=8)
    npu: Npu | None = None
    qemu: Qemu | None = None
    zephyr: Zephyr | None = None
    linux: Linux | None = None
    power: Power | None = None
    thermal: Thermal | None = None

    @model_validator(mode="after")
    def _only_a_process_is_without(self) -> Self:
        of_a_chip = ("flash", "ram", "clock_hz", "cycles_per_instruction")
        missing = [name for name in of_a_chip if getattr(self, name) is None]
        if missing and not self.process:
            wanted = "a value, which only a process has not"
            raise Mistakes(*(Mistake(wanted, at=(name,)) for name in missing))
        return self

    @property
    def native(self) -> bool:
        """It is a process of this computer: neither its sizes nor its times say anything."""
        return self.zephyr is not None and self.zephyr.arch == "host"

    @property
    def process(self) -> bool:
        """It runs a process, here or elsewhere: it has no memories of its own."""
        return self.native or self.linux is not None

    def as_built(self) -> dict[str, Any]:
        """The board for a stage that builds or runs: without what figures only follow from."""
        return self.model_dump(mode="json", exclude={"power", "thermal"})

    def memories(self) -> tuple[Region, Region]:
        """Flash and RAM.

        Raises:
            MlforgeError: The board is a process.
        """
        if self.flash is None or self.ram is None:
            raise MlforgeError(f"{self.name} is a process: it has neither flash nor RAM")
        return self.flash, self.ram


def board_file(name: str, folder: Path | None = None) -> Path:
    """Where a board's file is, whether or not it exists: MLForge's, or one in a user's folder."""
    return (folder or BOARDS) / f"{_plain(name).replace('/', '_')}.yaml"


@functools.cache
def _read(path: Path) -> Board:
    return read_model(path, Board)


def _plain(name: str) -> str:
    """A board's name without a revision: `nrf54l15dk/…` of `nrf54l15dk@0.9.0/…`."""
    return _REVISION.sub("", name)


def own_boards(info: ValidationInfo) -> tuple[Path, ...]:
    """The folder of a user's boards, beside the contract that is being read; none without one."""
    folder: Path | None = (info.context or {}).get(OWN_BOARDS)
    return (folder,) if folder is not None and folder.is_dir() else ()


def board_names(folder: Path | None = None) -> tuple[str, ...]:
    """The boards that have a valid file in a folder, sorted."""
    found = []
    for path in board_files(folder or BOARDS):
        with contextlib.suppress(ContractError):
            found.append(_read(path).name)
    return tuple(sorted(found))


def find_board(name: str, folder: Path | None = None) -> Board | None:
    """A board by its name here, or by Zephyr's; None where there is none.

    The file that should be its own is read first: reading all took a tenth of a run that has
    nothing to do.

    Args:
        name: Of one of its revisions too, as Zephyr writes that (`nrf54l15dk@0.9.0/…`), which is
            then what Zephyr builds for.
        folder: Of the files to look at; MLForge's own by default.

    Raises:
        ContractError: Its file is not valid; whether those of others are is no matter. Or two files
            have its name, and neither is called by it.
    """
    plain = _plain(name)
    own = board_file(plain, folder)
    others = (path for path in board_files(folder or BOARDS) if path != own)
    first = _read(own) if own.is_file() else None
    if first is not None and first.name == plain:
        found: Board | None = first
    else:
        found = _named(plain, {own: first} if first else {}, others)
    return found if found is None or plain == name else _revised(found, name)


def _named(plain: str, known: dict[Path, Board], others: Iterable[Path]) -> Board | None:
    """The board of a name, or the first that Zephyr calls so."""
    for path in others:
        with contextlib.suppress(ContractError):
            known[path] = _read(path)
    same = [path for path, board in known.items() if board.name == plain]
    if len(same) > 1:
        found = f"'{plain}', as in '{same[0]}'"
        raise ContractError((Problem(str(same[1]), "name", found, "a name that one file has"),))
    targets = (one for one in known.values() if one.zephyr and one.zephyr.target == plain)
    return known[same[0]] if same else next(targets, None)


def check_files(folder: Path) -> None:
    """Reads every board file of a folder.

    Raises:
        ContractError: One of them is not valid.
    """
    for path in board_files(folder):
        _read(path)


def _revised(board: Board, name: str) -> Board:
    """A board at the revision that a name has."""
    if board.zephyr is None:
        return board
    revision = _REVISION.findall(name)[0]
    first, mark, rest = board.zephyr.target.partition("/")
    target = f"{_plain(first)}{revision}{mark}{rest}"
    return board.model_copy(update={"zephyr": board.zephyr.model_copy(update={"target": target})})


def load_board(name: str) -> Board:
    """One of MLForge's boards by its name.

    Raises:
        MlforgeError: There is no such board.
        ContractError: A board file is not valid.
    """
    board = find_board(name)
    if board is None:
        similar = closest(name, board_names())
        meant = f"did you mean '{similar}'? " if similar else ""
        hint = f"{meant}{ADD_BOARD.format(name=name)}. The boards are {', '.join(board_names())}"
        raise MlforgeError(f"there is no board '{name}'", hint=hint)
    return board
