"""Runs firmware in QEMU, one instruction a fixed slice of virtual time, so every boot is the same.

QEMU's UART is on its stdin and stdout, so not a byte of the boot is lost. What QEMU itself has to
say is kept apart, on stderr.
"""

from __future__ import annotations

import contextlib
import functools
import os
import select
import subprocess
import tempfile
import time
from typing import IO, TYPE_CHECKING

from mlforge_tasks import process
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.records import Reason
from mlforge_tasks.runners import Capabilities
from mlforge_tasks.runners._fault import STAGE, failure
from mlforge_tasks.runners._frames import Frame, FrameReader, FrameType
from mlforge_tasks.runners._link import Link, NoAnswerError, TransportClosedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlforge_tasks.board import Board, Qemu
    from mlforge_tasks.records import SelfTest
    from mlforge_tasks.runners import Expected, InferenceResult

# The device's own watchdog (60 s of device time, some 10 s here) reports what hangs. This limit is
# for a device that is beyond that; it is wall time, so it leaves a busy machine much room.
ANSWER_LIMIT_S = 300.0
VERSION_TIMEOUT_S = 30.0
STDERR_TAIL_CHARS = 2000
TAIL_BYTES = 120
EOT = b"\x04"
_READ_BYTES = 1 << 16
_PACKAGES = {"qemu-system-arm": "qemu-system-arm"}
# QEMU's last words when a core faults inside its fault handler.
_LOCKUP = "Lockup"


def _qemu(board: Board) -> Qemu:
    if board.qemu is None:
        raise ToolError(f"QEMU does not emulate {board.name}: its board file has no 'qemu' section")
    return board.qemu


def _binary(qemu: Qemu) -> str:
    package = _PACKAGES.get(qemu.binary, "qemu-system-misc")
    return process.which(qemu.binary, hint=f"sudo apt-get install {package}")


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


class _Console:
    """A running QEMU as a byte transport."""

    def __init__(self, running: subprocess.Popen[bytes], stderr: IO[bytes]) -> None:
        if running.stdin is None or running.stdout is None:
            raise ToolError("QEMU was started without pipes")
        self._running = running
        self._stderr = stderr
        self._stdin = running.stdin.fileno()
        self._stdout = running.stdout.fileno()
        self._seen = 0
        self._tail = b""
        os.set_blocking(self._stdin, False)

    def read(self, timeout_s: float) -> bytes:
        """See `_link.Transport`."""
        ready, _, _ = select.select([self._stdout], [], [], timeout_s)
        if not ready:
            return b""
        data = os.read(self._stdout, _READ_BYTES)
        if not data:
            raise TransportClosedError
        self._seen += len(data)
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        return data

    def write(self, data: bytes) -> None:
        """See `_link.Transport`."""
        left = memoryview(data)
        while left:
            _, ready, _ = select.select([], [self._stdin], [], ANSWER_LIMIT_S)
            if not ready:
                raise NoAnswerError(f"the device took no input for {ANSWER_LIMIT_S:g} s")
            try:
                left = left[os.write(self._stdin, left) :]
            except BrokenPipeError:
                raise TransportClosedError from None

    def ended(self) -> CandidateFailure | ToolError:
        """What it means that the console ended before the host was done."""
        code = self._running.wait()
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace").strip()
        lockup = next((line for line in said.splitlines() if _LOCKUP in line), None)
        if lockup is not None:
            return _result("fault", f"the core faulted in its fault handler ({lockup.strip()})")
        said = said[-STDERR_TAIL_CHARS:]
        if code < 0:
            return ToolError(f"QEMU was ended by signal {-code} after {self._seen} bytes\n{said}")
        if self._seen == 0 and code != 0:
            return ToolError(f"QEMU did not start (exit code {code})\n{said}")
        last = self._tail.decode(errors="replace")
        text = f"the console ended after {self._seen} bytes (QEMU's exit code {code}): {last!r}"
        return _result("truncated_console", text)


def _result(code: str, message: str) -> CandidateFailure:
    return CandidateFailure(Reason(code=code, stage=STAGE, message=message))


@contextlib.contextmanager
def _console(board: Board, elf: Path) -> Iterator[_Console]:
    """Starts QEMU, and ends it whatever happens in the block."""
    with tempfile.TemporaryFile() as stderr:
        running = process.start(
            command(board, elf), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
        )
        console = _Console(running, stderr)
        try:
            yield console
        except TransportClosedError:
            raise console.ended() from None
        except NoAnswerError as silence:
            raise _result("hang", silence.message) from None
        finally:
            process.stop(running)
            for pipe in (running.stdin, running.stdout):
                if pipe is not None:
                    pipe.close()


class _QemuSession:
    """See `runners.Session`."""

    def __init__(self, link: Link, self_test: SelfTest) -> None:
        self._link = link
        self.self_test = self_test

    @property
    def console(self) -> bytes:
        return self._link.console

    def infer(self, data: bytes) -> InferenceResult:
        return self._link.infer(data)


class QemuRunner:
    """The emulator as a runner."""

    name = "qemu"
    capabilities = Capabilities(source="emulated", counts_instructions=True)

    @contextlib.contextmanager
    def open(
        self,
        board: Board,
        firmware: Path,
        expected: Expected,
        *,
        evidence: Path | None = None,  # noqa: ARG002 - the session's console is all there is
        limit_s: float = ANSWER_LIMIT_S,
    ) -> Iterator[_QemuSession]:
        """See `runners.Runner.open`.

        Args:
            board: What to emulate.
            firmware: The ELF file.
            expected: What it must say about itself.
            evidence: Not needed.
            limit_s: Wall time for the boot, and for each inference, before it counts as a hang.
        """
        with _console(board, firmware) as console:
            # The emulated line loses nothing: a request is sent once.
            link = Link(console, expected, timeout_s=limit_s, attempts=1)
            yield _QemuSession(link, link.wait_for_boot().self_test)

    def tool_versions(self, board: Board) -> Mapping[str, str]:
        """See `runners.Runner.tool_versions`."""
        return {"qemu": _version(_binary(_qemu(board)))}


@functools.cache
def _version(binary: str) -> str:
    return process.check([binary, "--version"], timeout_s=VERSION_TIMEOUT_S).splitlines()[0]


def run_to_end(board: Board, elf: Path, *, limit_s: float) -> bytes:
    """Runs an image whose `main()` returns, such as a test of kernels, and gives its console.

    Args:
        board: What to emulate.
        elf: The image, linked with the bare-metal start-up code.
        limit_s: Wall time after which it counts as hung.

    Raises:
        CandidateFailure: It hangs, faults, or QEMU ends early.
        ToolError: QEMU is missing or does not start.
    """
    output = b""
    reader = FrameReader()
    deadline = time.monotonic() + limit_s
    with _console(board, elf) as console:
        while EOT not in output:
            data = console.read(max(deadline - time.monotonic(), 0.0))
            if not data:
                raise NoAnswerError(f"main() did not return within {limit_s:g} s")
            output += data
            for event in reader.feed(data):
                if isinstance(event, Frame) and event.type == FrameType.FAULT:
                    raise failure(event.payload)
    return output.partition(EOT)[0]


PLUGIN = QemuRunner()
