"""A machine that is logged in to: commands on it, files to it, a program's line.

Nothing but a POSIX shell is asked of it: files go through `cat`, which small images have, and which
says what an SFTP server does not (that a disk is full). Everything runs in one event loop that is
turned by who waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from mlforge_tasks.errors import ToolError, in_order
from mlforge_tasks.runners._link import TransportClosedError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from pathlib import Path

T = TypeVar("T")
COMMAND_S = 60.0
# In place of the exit code of what nobody saw end; no signal has this number.
UNKNOWN = -1000
_READ_BYTES = 1 << 16
_SAID_CHARS = 500


@dataclass(frozen=True)
class Done:
    """A command that has ended.

    Attributes:
        code: Its exit code.
        out: What it wrote.
        said: What it wrote to stderr.
    """

    code: int
    out: bytes
    said: str


class Machine:
    """One machine, for as long as the connection holds.

    Args:
        connection: asyncssh's.
        runner: Turns its event loop.
        name: What the machine is called in errors.
    """

    def __init__(self, connection: Any, runner: asyncio.Runner, name: str) -> None:
        self._connection = connection
        self._runner = runner
        self.name = name

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Turns the loop until something is done.

        Raises:
            ToolError: The connection is lost.
        """
        import asyncssh  # noqa: PLC0415 - an extra, and slow to import

        try:
            return self._runner.run(work)
        except TimeoutError:  # an OSError, too
            raise
        except (asyncssh.Error, OSError) as error:
            raise self.lost(str(error)) from error

    def lost(self, why: str = "") -> ToolError:
        """The error of a connection that is no more."""
        told = f": {why}" if why else ""
        return ToolError(
            f"the connection to {self.name} was lost in the midst of a run{told}",
            hint="see whether it is on and can be reached, then run again",
        )

    def do(self, argv: Sequence[str], *, data: bytes = b"", limit_s: float = COMMAND_S) -> Done:
        """Runs a command to its end, whatever its exit code.

        Raises:
            ToolError: The connection is lost, or the command takes too long.
        """

        async def run() -> Done:
            process = await self._connection.create_process(shlex.join(argv), encoding=None)
            out, said = await process.communicate(data)
            await process.wait_closed()
            code = process.returncode
            return Done(UNKNOWN if code is None else code, out, plain(said))

        try:
            done = self.wait(asyncio.wait_for(run(), limit_s))
        except TimeoutError:
            text = f"`{argv[0]}` on {self.name} took more than {limit_s:g} s"
            raise ToolError(text, hint="see whether the machine is very busy") from None
        if done.code == UNKNOWN:  # asyncssh says nothing else of a connection that ended quietly
            raise self.lost()
        return done

    def check(self, argv: Sequence[str], *, data: bytes = b"", doing: str) -> bytes:
        """Runs a command that must succeed and gives what it wrote.

        Raises:
            ToolError: As `do`, or it fails.
        """
        done = self.do(argv, data=data)
        if done.code != 0:
            raise ToolError(f"{self.name}: {doing}: {done.said or f'exit code {done.code}'}")
        return done.out

    def put(self, path: Path, at: str) -> None:
        """Copies a file and sees that it arrived whole.

        Raises:
            ToolError: It cannot be written there, or what is there differs.
        """
        data = path.read_bytes()
        doing = f"'{path.name}' cannot be written to {at}"
        self.check(["sh", "-c", 'umask 077; cat > "$0"', at], data=data, doing=doing)
        if self.check(["cat", at], doing=f"{at} cannot be read back") != data:
            raise ToolError(f"{self.name}: what was copied to {at} is not what arrived there")

    def start(self, argv: Sequence[str]) -> Process:
        """Starts a program, its line its stdin and stdout.

        Raises:
            ToolError: The connection is lost.
        """
        work = self._connection.create_process(shlex.join(argv), encoding=None)
        return Process(self, self.wait(_awaited(work)))


class Process:
    """A program on a machine, as a byte transport.

    Args:
        machine: Where it runs.
        process: asyncssh's.
    """

    def __init__(self, machine: Machine, process: Any) -> None:
        self._machine = machine
        self._process = process
        self._reading: asyncio.Task[bytes] | None = None

    def read(self, timeout_s: float) -> bytes:
        """See `_link.Transport`."""

        async def next_bytes() -> bytes:
            if self._reading is None:
                self._reading = asyncio.ensure_future(self._process.stdout.read(_READ_BYTES))
            done, _ = await asyncio.wait([self._reading], timeout=timeout_s)
            if not done:
                return b""
            data: bytes = self._reading.result()
            self._reading = None
            if not data:
                raise TransportClosedError
            return data

        return self._machine.wait(next_bytes())

    def write(self, data: bytes) -> None:
        """See `_link.Transport`."""

        async def send() -> None:
            try:
                self._process.stdin.write(data)
                await self._process.stdin.drain()
            except BrokenPipeError:
                raise TransportClosedError from None

        self._machine.wait(send())

    def said_line(self, limit_s: float) -> str:
        """The next line of its stderr; empty if there is none in time."""

        async def line() -> bytes:
            with contextlib.suppress(TimeoutError):
                found: bytes = await asyncio.wait_for(self._process.stderr.readline(), limit_s)
                return found
            return b""

        return plain(self._machine.wait(line()))

    def end(self, limit_s: float) -> Done:
        """Ends its input and waits until it has ended.

        Returns:
            How; where the connection was lost, or it did not end in time, the code is `UNKNOWN`.
        """

        async def ended() -> Done:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write_eof()
            said = b""
            with contextlib.suppress(TimeoutError):
                said = await asyncio.wait_for(self._process.stderr.read(), limit_s)
                await asyncio.wait_for(self._process.wait_closed(), limit_s)
            code = self._process.returncode
            return Done(UNKNOWN if code is None else code, b"", plain(said))

        return self._machine.wait(ended())


async def _awaited(work: Any) -> Any:
    return await work


def plain(said: bytes, most: int = _SAID_CHARS) -> str:
    """What a machine says, as text that does nothing to a terminal."""
    text = said.decode(errors="replace").strip()[-most:]
    return in_order("".join(one if one.isprintable() or one == "\n" else "?" for one in text))
