"""An NPU: what a board's file says of it (`npu:`), and what a contract says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mlforge_tasks.contract.fields import ProjectPath
from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from mlforge_tasks.contract.board import Board

# Of Arm's compiler, `vela --accelerator-config`; the last number is multiply-accumulates a cycle.
Accelerator = Literal[
    "ethos-u55-32",
    "ethos-u55-64",
    "ethos-u55-128",
    "ethos-u55-256",
    "ethos-u65-256",
    "ethos-u65-512",
    "ethos-u85-128",
    "ethos-u85-256",
    "ethos-u85-512",
    "ethos-u85-1024",
    "ethos-u85-2048",
]
# A section of vela's configuration file, without `System_Config.` or `Memory_Mode.`.
Section = Annotated[str, Field(pattern=r"^\w+$")]
Optimise = Literal["Performance", "Size"]


class Npu(Record):
    """An Arm Ethos-U beside the core, as its compiler takes it.

    Attributes:
        accelerator: Its kind and size.
        system_config: What its memories are like and its clock, by name of vela's configuration.
        memory_mode: Which of them holds what, by name of vela's configuration.
        clock_hz: Its clock, where that is not the one of `system_config`.
        vela_ini: A configuration of the project's own, beside Arm's.
        optimise: What the compiler puts first.
    """

    accelerator: Accelerator
    system_config: Section
    memory_mode: Section
    clock_hz: Annotated[int, Field(gt=0)] | None = None
    vela_ini: str | None = None
    optimise: Optimise = "Performance"

    @property
    def macs_per_cycle(self) -> int:
        """Multiply-accumulates that it has units for."""
        return int(self.accelerator.rpartition("-")[2])


class NpuOptions(Record):
    """What a contract says of the NPU; the rest is the board file's.

    Attributes:
        accelerator: Its kind and size, as Arm's compiler vela has them.
        system_config: What its memories are like, by name of vela's configuration (`vela.ini`).
        memory_mode: Which of them holds what, by name of vela's configuration.
        clock_hz: Its clock, where that is not the one of `system_config`.
        vela_ini: A configuration file of the project's own with further names.
        optimise: What the compiler puts first; `Size` takes less memory.
    """

    accelerator: Accelerator | None = None
    system_config: Section | None = None
    memory_mode: Section | None = None
    clock_hz: Annotated[int, Field(gt=0)] | None = None
    vela_ini: ProjectPath | None = None
    optimise: Optimise | None = None

    def missing(self, board: Board) -> tuple[str, ...]:
        """What neither this nor the board's file says and a compiler has to know."""
        known = self._over(board)
        wanted = ("accelerator", "system_config", "memory_mode")
        return tuple(name for name in wanted if name not in known)

    def added_to(self, board: Board) -> Board:
        """A board with all that; as it is where not enough is known for an NPU."""
        if self.missing(board):
            return board
        return board.model_copy(update={"npu": Npu.from_dump(self._over(board))})

    def _over(self, board: Board) -> dict[str, object]:
        given = {} if board.npu is None else board.npu.model_dump(exclude_none=True)
        return given | self.model_dump(exclude_none=True)
