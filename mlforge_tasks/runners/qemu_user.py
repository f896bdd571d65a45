"""Runs programs for Linux on another processor in QEMU's user mode, for what they compute.

Their time and their memory there are QEMU's, and no figure: neither is asked for.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.graph.file_digests import identified
from mlforge_tasks.graph.tool_versions import once
from mlforge_tasks.runners import Capabilities
from mlforge_tasks.runners._process import ProcessRunner, executable
from mlforge_tasks.runners._program import Program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.contract.board import Board

PACKAGE = "sudo apt-get install qemu-user"
VERSION_TIMEOUT_S = 30.0
_BINARIES = {"x86_64": "qemu-x86_64", "aarch64": "qemu-aarch64", "armv7l": "qemu-arm"}
# Part numbers: Arm's technical reference manuals, MIDR_EL1; features of one without cryptography.
_ARM_PARTS = {"cortex-a53": 0xD03, "cortex-a72": 0xD08}
_CPUINFO = """\
processor\t: 0
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {part:#x}
CPU revision\t: 3

"""
_ANY = "host"  # as a board calls a processor that is no particular one


def _binary(board: Board) -> str:
    """The emulator of a board's processor.

    Raises:
        ToolError: It is not installed, or the board runs no Linux.
    """
    if board.linux is None:
        raise ToolError(f"{board.name} runs no Linux: its board file has no 'linux' section")
    return process.which(_BINARIES[board.linux.arch], hint=PACKAGE)


@once
def _identity(binary: str) -> str:
    asked = [binary, "--version"]
    return identified(binary, process.first_line(asked, timeout_s=VERSION_TIMEOUT_S))


@contextlib.contextmanager
def _root(board: Board) -> Iterator[Path]:
    """Where a program finds shared libraries for its processor, and what /proc/cpuinfo says of it.

    QEMU hands out this computer's otherwise, of which XNNPACK makes nothing and ends.
    """
    part = _ARM_PARTS.get(board.cpu)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if board.linux is not None:
            (root / "lib").symlink_to(f"/usr/{board.linux.triple}/lib")
        if part is not None:
            (root / "proc").mkdir()
            (root / "proc" / "cpuinfo").write_text(_CPUINFO.format(part=part))
        yield root


class QemuUserRunner(ProcessRunner):
    """QEMU's user mode as a runner."""

    name = "qemu_user"
    capabilities = Capabilities(source="emulated", counts_instructions=False)

    @contextlib.contextmanager
    def _program(self, board: Board, firmware: Path) -> Iterator[Program]:
        cpu = () if board.cpu == _ANY else ("-cpu", board.cpu)
        with executable(board, firmware) as program, _root(board) as root:
            argv = [_binary(board), "-L", str(root), *cpu, str(program)]
            yield Program(argv, env=self.environment(board))

    def tool_versions(self, board: Board) -> Mapping[str, str]:
        """See `runners.Runner.tool_versions`."""
        return {"qemu": _identity(_binary(board))}


PLUGIN = QemuUserRunner()
