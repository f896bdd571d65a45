"""Runs firmware that is a process of this computer, such as an image for Zephyr's native_sim.

It tells whether the outputs are right and nothing else: its time stands still while it computes,
its stacks are the computer's, and no instruction is counted.
"""

from __future__ import annotations

import contextlib
import platform
import re
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.graph.file_digests import identified
from mlforge_tasks.runners import Capabilities
from mlforge_tasks.runners._program import Ended, Program, ProgramRunner, result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.records import SelfTest

# What a program brings upon itself; any other signal came from outside.
FAULTS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT)
NAME = "the process"
_LIBRARY = re.compile(r"/(?:ld-musl-\w+|libc|libm)(?:-[\d.]+)?\.so[.\d]*$")


class NativeRunner(ProgramRunner):
    """This computer as a runner."""

    name = "native"
    capabilities = Capabilities(source="emulated", counts_instructions=False)

    @contextlib.contextmanager
    def _program(self, board: Board, firmware: Path) -> Iterator[Program]:
        if not board.native:
            raise ToolError(f"{board.name} is no process of this computer")
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / firmware.name
            shutil.copyfile(firmware, program)  # what lies in the store may not be executed
            program.chmod(0o500)
            yield Program([str(program)])

    def _ended(self, how: Ended) -> CandidateFailure | ToolError:
        if -how.code in FAULTS:
            name = process.signal_name(how.code)
            return result("fault", f"{NAME} was ended by {name} after {how.seen} bytes")
        return how.outcome(NAME)

    def _meant(self, told: SelfTest) -> SelfTest:
        """No ticks and no stacks."""
        return told.model_copy(update={"ticks": (), "stacks": ()})

    def cycles(self, board: Board, firmware: Path, test: SelfTest) -> None:
        """See `runners.Runner.cycles`: a process has no core."""

    def layer_cycles(self, board: Board, firmware: Path, test: SelfTest) -> None:
        """See `runners.Runner.layer_cycles`."""

    def tool_versions(self, board: Board) -> Mapping[str, str]:  # noqa: ARG002 - the interface's
        """See `runners.Runner.tool_versions`."""
        return {"machine": platform.machine(), **_libraries()}

    def require(self, board: Board, *, west_builds: bool) -> None:  # noqa: ARG002 - the interface's
        """See `runners.Runner.require`."""
        self.tool_versions(board)


def _libraries() -> dict[str, str]:
    """This computer's C library, which the process loads: the one that Python has loaded too."""
    version = " ".join(platform.libc_ver())
    with contextlib.suppress(FileNotFoundError):
        mapped = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines()}
        found = {Path(path).name: path for path in mapped if _LIBRARY.search(path)}
        return {name: identified(path, version) for name, path in sorted(found.items())}
    return {"libc": version}


PLUGIN = NativeRunner()
