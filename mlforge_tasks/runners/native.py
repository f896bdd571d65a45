"""Runs firmware that is a process of this computer: an image for Zephyr's native_sim, or for Linux.

It tells whether the outputs are right and nothing else. The time of native_sim stands still while
it computes, and what a program for Linux would take here, beside whatever else runs, is neither the
same twice nor a board's. To measure this very computer, put it on the bench (runner `ssh`).
"""

from __future__ import annotations

import contextlib
import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph.file_digests import identified
from mlforge_tasks.runners import Capabilities
from mlforge_tasks.runners._process import ProcessRunner, executable
from mlforge_tasks.runners._program import Program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.contract.board import Board

_LIBRARY = re.compile(r"/(?:ld-musl-\w+|libc|libm)(?:-[\d.]+)?\.so[.\d]*$")


def _is_ours(board: Board) -> bool:
    machine = platform.machine()
    return board.native or (board.linux is not None and board.linux.arch == machine)


class NativeRunner(ProcessRunner):
    """This computer as a runner."""

    name = "native"
    capabilities = Capabilities(source="emulated", counts_instructions=False)

    @contextlib.contextmanager
    def _program(self, board: Board, firmware: Path) -> Iterator[Program]:
        if not _is_ours(board):
            raise ToolError(f"{board.name} is no process of this computer")
        with executable(board, firmware) as program:
            yield Program([str(program)], env=self.environment(board))

    def tool_versions(self, board: Board) -> Mapping[str, str]:
        """See `runners.Runner.tool_versions`; a program for Linux brings its libraries."""
        machine = {"machine": platform.machine()}
        return {**machine, **_libraries()} if board.native else machine


def _libraries() -> dict[str, str]:
    """This computer's C library, which the process loads: the one that Python has loaded too."""
    version = " ".join(platform.libc_ver())
    with contextlib.suppress(FileNotFoundError):
        mapped = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines()}
        found = {Path(path).name: path for path in mapped if _LIBRARY.search(path)}
        return {name: identified(path, version) for name, path in sorted(found.items())}
    return {"libc": version}


PLUGIN = NativeRunner()
