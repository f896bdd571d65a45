"""A device that is a program of this computer: its line is the program's stdin and stdout.

What the program has to say beside that is kept apart, on stderr.
"""

from __future__ import annotations

import abc
import contextlib
import functools
import os
import select
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.records import Reason
from mlforge_tasks.runners._fault import STAGE
from mlforge_tasks.runners._link import (
    Link,
    NoAnswerError,
    TransportClosedError,
    TransportStillError,
)
from mlforge_tasks.runners._link_session import LinkSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from socket import socket

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.records import SelfTest
    from mlforge_tasks.runners import Expected
    from mlforge_tasks.runners._inputs import Memory

# The device's own watchdog (60 s of device time, some 10 s in QEMU) reports what hangs. This limit
# is for a device that is beyond that. It is of the processor's time that the program used: what was
# stopped, suspended or starved hangs no more for that.
ANSWER_LIMIT_S = 300.0
# By the clock on the wall. Who is silent for so long, and yet not by the limit above, stands still.
STANDSTILL_LIMIT_S = 3600.0
_SLICE_S = 1.0
STDERR_TAIL_CHARS = 2000
TAIL_BYTES = 120
_READ_BYTES = 1 << 16


@dataclass(frozen=True)
class Program:
    """What to run.

    Attributes:
        argv: The command.
        memory: The device's, if inputs are to be written there.
        lines: The program's ends of other lines than stdin and stdout; closed here once it has
            them, so that ours ends when it does.
        env: More variables of its environment.
    """

    argv: Sequence[str]
    memory: Memory | None = None
    lines: tuple[socket, ...] = ()
    env: Mapping[str, str] | None = None

    def start(self, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
        """Starts it.

        Raises:
            ToolError: It cannot be started.
        """
        fds, pipe = [line.fileno() for line in self.lines], subprocess.PIPE
        try:
            return process.start(
                self.argv, env=self.env, stdin=pipe, stdout=pipe, stderr=stderr, pass_fds=fds
            )
        finally:
            for line in self.lines:
                line.close()


@dataclass(frozen=True)
class Ended:
    """How a program ended before the host was done.

    Attributes:
        code: Its exit code; negative is the signal that ended it.
        said: What it wrote to stderr.
        seen: Bytes that came from it.
        tail: The last of them.
    """

    code: int
    said: str
    seen: int
    tail: bytes

    def outcome(self, name: str) -> CandidateFailure | ToolError:
        """What that means, where nothing more is known.

        Args:
            name: What the program is called.
        """
        said = self.said[-STDERR_TAIL_CHARS:]
        if self.code < 0:
            text = f"{name} was ended by {process.signal_name(self.code)} after {self.seen} bytes"
            return ToolError(f"{text}\n{said}".rstrip())
        if self.seen == 0 and self.code != 0:
            return ToolError(f"{name} did not start (exit code {self.code})\n{said}")
        last = self.tail.decode(errors="replace")
        text = f"the console ended after {self.seen} bytes ({name}'s exit code {self.code})"
        return result("truncated_console", f"{text}: {last!r}")


class Console:
    """A running program as a byte transport."""

    def __init__(self, program: subprocess.Popen[bytes], stderr: IO[bytes]) -> None:
        if program.stdin is None or program.stdout is None:
            raise ToolError("the device's program was started without pipes")
        self._program = program
        self._stderr = stderr
        self._stdin = program.stdin.fileno()
        self._stdout = program.stdout.fileno()
        self._seen = 0
        self._tail = b""
        self._heard = time.monotonic()
        os.set_blocking(self._stdin, False)

    def clock(self) -> float:
        """Seconds of the processor that the program has used; what every limit here is of."""
        return process.processor_s(self._program)

    def read(self, timeout_s: float) -> bytes:
        """See `_link.Transport`; comes back empty before the limit too, to look at the clock.

        Raises:
            ToolError: The program has said nothing for very long, without being busy.
        """
        ready, _, _ = select.select([self._stdout], [], [], min(timeout_s, _SLICE_S))
        if not ready:
            self._check_standstill()
            return b""
        self._heard = time.monotonic()
        data = os.read(self._stdout, _READ_BYTES)
        if not data:
            raise TransportClosedError
        self._seen += len(data)
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        return data

    def write(self, data: bytes) -> None:
        """See `_link.Transport`."""
        left = memoryview(data)
        self._heard = time.monotonic()
        deadline = self.clock() + ANSWER_LIMIT_S
        while left:
            _, ready, _ = select.select([], [self._stdin], [], _SLICE_S)
            if not ready:
                self._check_standstill()
                if self.clock() > deadline:
                    raise NoAnswerError(f"the device took no input for {ANSWER_LIMIT_S:g} s")
                continue
            try:
                left = left[os.write(self._stdin, left) :]
            except BrokenPipeError:
                raise TransportClosedError from None

    def _check_standstill(self) -> None:
        if time.monotonic() - self._heard > STANDSTILL_LIMIT_S:
            raise _standstill(self._program)

    def ended(self) -> Ended:
        """How the program ended; waits until it has.

        Raises:
            ToolError: It does not, though it has closed its output.
        """
        try:
            code = self._program.wait(STANDSTILL_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise _standstill(self._program) from None
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace").strip()
        return Ended(code=code, said=said, seen=self._seen, tail=self._tail)


def _standstill(program: subprocess.Popen[bytes]) -> ToolError:
    used = process.processor_s(program)
    return ToolError(
        f"the device's program was silent for {STANDSTILL_LIMIT_S:g} s and is not busy: in all it "
        f"has used {used:.0f} s of the processor",
        hint="was it stopped? if the machine is busy, use fewer processes (-n)",
    )


def result(code: str, message: str) -> CandidateFailure:
    """A failure of the candidate, found here."""
    return CandidateFailure(Reason(code=code, stage=STAGE, message=message))


@contextlib.contextmanager
def running(
    what: Program, meaning: Callable[[Ended], CandidateFailure | ToolError]
) -> Iterator[Console]:
    """Starts a program, and ends it whatever happens in the block.

    Args:
        what: The program.
        meaning: What it means that the program ended before the host was done.

    Raises:
        CandidateFailure: It hangs, or what `meaning` says.
        ToolError: The program cannot be started, or what `meaning` says.
    """
    with tempfile.TemporaryFile() as stderr:
        program = what.start(stderr)
        console = Console(program, stderr)
        try:
            yield console
        except TransportClosedError:
            raise meaning(console.ended()) from None
        except TransportStillError:
            raise _standstill(program) from None
        except NoAnswerError as silence:
            raise result("hang", silence.message) from None
        finally:
            process.stop(program)
            for pipe in (program.stdin, program.stdout):
                if pipe is not None:
                    pipe.close()


class ProgramRunner(abc.ABC):
    """The part of a runner that is the same for every program; which one, a subclass says."""

    @contextlib.contextmanager
    def open(
        self,
        board: Board,
        firmware: Path,
        expected: Expected,
        *,
        evidence: Path | None = None,  # noqa: ARG002 - the session's console is all there is
        limit_s: float = ANSWER_LIMIT_S,
    ) -> Iterator[LinkSession]:
        """See `runners.Runner.open`.

        Args:
            board: What the image was built for.
            firmware: The ELF file.
            expected: What it must say about itself.
            evidence: Not needed.
            limit_s: Time of the processor for the boot, and for each inference, before it counts
                as a hang.
        """
        with self._program(board, firmware) as what, running(what, self._ended) as console:
            # A pipe loses nothing: a request is sent once.
            link = Link(
                console,
                expected,
                timeout_s=limit_s,
                attempts=1,
                clock=console.clock,
                memory=what.memory,
            )
            test = self._meant(link.wait_for_boot().self_test)
            yield LinkSession(link, test, functools.partial(self._seconds_for, board, test))

    @abc.abstractmethod
    def _program(self, board: Board, firmware: Path) -> AbstractContextManager[Program]:
        """What to run, for as long as it runs.

        Raises:
            ToolError: There is no such program, or the board is none for it.
        """

    @abc.abstractmethod
    def _ended(self, how: Ended) -> CandidateFailure | ToolError:
        """What it means that the program ended before the host was done."""

    def _seconds_for(
        self,
        board: Board,  # noqa: ARG002
        test: SelfTest,  # noqa: ARG002
        placed_bytes: int,  # noqa: ARG002
        wire_bytes: float,  # noqa: ARG002
    ) -> float:
        """See `runners.Session.seconds_for`; next to nothing, of a program of this computer."""
        return 0.0

    def _meant(self, told: SelfTest) -> SelfTest:
        """What of the device's self-test means anything here."""
        return told
