"""Runs firmware in QEMU, one instruction a fixed slice of virtual time, so every boot is the same.

QEMU's UART is on its stdin and stdout, so not a byte of the boot is lost. What QEMU itself has to
say is kept apart, on stderr.
"""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import process, tool_versions
from mlforge_tasks.graph.file_digests import identified
from mlforge_tasks.runners import Capabilities, _cycles, _program, instruction_counts
from mlforge_tasks.runners._debugger import Debugger
from mlforge_tasks.runners._fault import failure
from mlforge_tasks.runners._frames import Frame, FrameReader, FrameType
from mlforge_tasks.runners._link import NoAnswerError
from mlforge_tasks.runners._program import (
    Ended,
    Program,
    ProgramRunner,
    result,
    running,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlforge_tasks.contract.board import Board, Qemu
    from mlforge_tasks.cycles.record import Cycles, LayerCycles
    from mlforge_tasks.records import SelfTest

VERSION_TIMEOUT_S = 30.0
EOT = b"\x04"
# About what one core of a computer of today emulates. A character on an emulated UART costs far
# more than an instruction: QEMU's threads hand over to each other for every one. Both as measured
# with visual wake words on mps2/an386: 13.7 M instructions in 0.1 s, 36,900 characters in 1.8 s.
INSTRUCTIONS_PER_S = 100e6
CHARACTER_S = 50e-6
PLACED_BYTE_S = 0.3e-6
_PACKAGES = {
    **dict.fromkeys(("qemu-system-arm", "qemu-system-aarch64"), "qemu-system-arm"),
    **dict.fromkeys(("qemu-system-i386", "qemu-system-x86_64"), "qemu-system-x86"),
}
# QEMU's last words when a core faults inside its fault handler.
_LOCKUP = "Lockup"
# Those on SIGTERM, SIGINT and SIGHUP, after which it ends well.
_TERMINATED = "terminating on signal"


def _qemu(board: Board) -> Qemu:
    if board.qemu is None:
        raise ToolError(f"QEMU does not emulate {board.name}: its board file has no 'qemu' section")
    return board.qemu


def package_of(binary: str) -> str:
    """Debian's package that has one of QEMU's programs."""
    return _PACKAGES.get(binary, "qemu-system-misc")


def _binary(qemu: Qemu) -> str:
    return process.which(qemu.binary, hint=f"sudo apt-get install {package_of(qemu.binary)}")


def command(board: Board, elf: Path) -> list[str]:
    """The command line that runs an image.

    Raises:
        ToolError: QEMU is not installed, or does not emulate the board.
    """
    qemu = _qemu(board)
    argv = [_binary(qemu), "-machine", qemu.machine, *qemu.args]
    argv += ["-icount", f"shift={qemu.icount_shift},align=off,sleep=off"]
    argv += ["-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot"]
    argv += ["-chardev", "stdio,id=uart,signal=off", "-serial", "chardev:uart"]
    return [*argv, "-kernel", str(elf)]


def _ended(how: Ended) -> CandidateFailure | ToolError:
    lockup = next((line for line in how.said.splitlines() if _LOCKUP in line), None)
    if lockup is not None:
        return result("fault", f"the core faulted in its fault handler ({lockup.strip()})")
    if _TERMINATED in how.said:
        return ToolError(f"QEMU was ended from outside after {how.seen} bytes\n{how.said}")
    if how.code > 0 and how.seen > 0:  # whatever the image does, QEMU ends well
        return ToolError(f"QEMU ended with {how.code} after {how.seen} bytes\n{how.said}")
    return how.outcome("QEMU")


class QemuRunner(ProgramRunner):
    """The emulator as a runner."""

    name = "qemu"
    capabilities = Capabilities(source="emulated", counts_instructions=True)

    @contextlib.contextmanager
    def _program(self, board: Board, firmware: Path) -> Iterator[Program]:
        ours, its = socket.socketpair()
        with ours, its:
            argv = command(board, firmware)
            argv[1:1] = ["-chardev", f"socket,id=debugger,fd={its.fileno()}"]
            argv[1:1] = ["-gdb", "chardev:debugger"]
            yield Program(argv, Debugger(ours, _program.STANDSTILL_LIMIT_S), (its,))

    def _ended(self, how: Ended) -> CandidateFailure | ToolError:
        return _ended(how)

    def _seconds_for(
        self, board: Board, test: SelfTest, placed_bytes: int, wire_bytes: float
    ) -> float:
        computing_s = max(instruction_counts(board, test)) / INSTRUCTIONS_PER_S
        placing_s = placed_bytes * PLACED_BYTE_S
        return computing_s + placing_s + wire_bytes * CHARACTER_S

    def tool_versions(self, board: Board) -> Mapping[str, str]:
        """See `runners.Runner.tool_versions`."""
        return {"qemu": _identity(_binary(_qemu(board))), **_cycles.tool_versions(board)}

    def require(self, board: Board, *, west_builds: bool) -> None:  # noqa: ARG002 - the interface's
        """See `runners.Runner.require`."""
        self.tool_versions(board)

    def cycles(self, board: Board, firmware: Path, test: SelfTest) -> Cycles | None:
        """See `runners.Runner.cycles`."""
        return _cycles.of_inference(board, command(board, firmware), test)

    def layer_cycles(
        self, board: Board, firmware: Path, test: SelfTest
    ) -> Mapping[int, LayerCycles] | None:
        """See `runners.Runner.layer_cycles`."""
        return _cycles.of_layers(board, command(board, firmware), test)


@tool_versions.once
def _identity(binary: str) -> str:
    return identified(
        binary, process.first_line([binary, "--version"], timeout_s=VERSION_TIMEOUT_S)
    )


def run_to_end(board: Board, elf: Path, *, limit_s: float) -> bytes:
    """Runs an image whose `main()` returns, such as a test of kernels, and gives its console.

    Args:
        board: What to emulate.
        elf: The image, linked with the bare-metal start-up code.
        limit_s: Time of the processor after which it counts as hung.

    Raises:
        CandidateFailure: It hangs, faults, or QEMU ends early.
        ToolError: QEMU is missing or does not start.
    """
    output = b""
    reader = FrameReader()
    with running(Program(command(board, elf)), _ended) as console:
        deadline = console.clock() + limit_s
        while EOT not in output:
            left_s = deadline - console.clock()
            data = console.read(max(left_s, 0.0))
            if not data and left_s <= 0:
                raise NoAnswerError(f"main() did not return within {limit_s:g} s")
            output += data
            for event in reader.feed(data):
                if isinstance(event, Frame) and event.type == FrameType.FAULT:
                    raise failure(event.payload)
    return output.partition(EOT)[0]


PLUGIN = QemuRunner()
