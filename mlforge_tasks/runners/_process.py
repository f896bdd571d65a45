"""What runners have in common whose device is a process of this computer, emulated or not."""

from __future__ import annotations

import abc
import contextlib
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.graph import litert, process
from mlforge_tasks.runners._program import Ended, ProgramRunner, result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.errors import CandidateFailure, ToolError
    from mlforge_tasks.records import SelfTest

# What a program brings upon itself; any other signal came from outside.
FAULTS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT)
NAME = "the process"
# Has a program for Linux tell neither time nor memory (platforms/_linux/hal_linux.c).
STILL = "MLFORGE_STILL"


@contextlib.contextmanager
def executable(board: Board, firmware: Path) -> Iterator[Path]:
    """A copy of a program that may be executed; what lies in the store may not.

    LiteRT's library lies beside it, where it needs that.

    Raises:
        ToolError: The library is not here.
    """
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / firmware.name
        shutil.copyfile(firmware, program)
        program.chmod(0o500)
        if board.linux is not None and litert.is_linked(program):
            (Path(folder) / litert.NAME).symlink_to(litert.library(board.linux.arch))
        yield program


class ProcessRunner(ProgramRunner):
    """The part that is the same for all of them; `_program` and `tool_versions` are a subclass's.

    No time counts here, no stack and no memory: those are this computer's, or an emulator's.
    """

    def environment(self, board: Board) -> dict[str, str]:
        """What a program of a board is told."""
        return {} if board.linux is None else {STILL: "1"}

    def _ended(self, how: Ended) -> CandidateFailure | ToolError:
        if -how.code in FAULTS:
            name = process.signal_name(how.code)
            return result("fault", f"{NAME} was ended by {name} after {how.seen} bytes")
        return how.outcome(NAME)

    def _meant(self, told: SelfTest) -> SelfTest:
        """No ticks, no stacks and no memory."""
        update = {"ticks": (), "stacks": (), "peak_memory_bytes": None}
        return told.model_copy(update=update)

    def cycles(self, board: Board, firmware: Path, test: SelfTest) -> None:
        """See `runners.Runner.cycles`: a process has no core."""

    def layer_cycles(self, board: Board, firmware: Path, test: SelfTest) -> None:
        """See `runners.Runner.layer_cycles`."""

    @abc.abstractmethod
    def tool_versions(self, board: Board) -> Mapping[str, str]:
        """See `runners.Runner.tool_versions`."""

    def require(self, board: Board, *, west_builds: bool) -> None:  # noqa: ARG002 - the interface's
        """See `runners.Runner.require`."""
        self.tool_versions(board)
