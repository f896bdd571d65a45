"""Follows a program to its end, however it was started: what it says, and its time limit."""

from __future__ import annotations

import threading
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol

from mlforge_tasks.graph import progress, shortage

if TYPE_CHECKING:
    from collections.abc import Callable


class Running(Protocol):
    """A program while it runs."""

    @property
    def output(self) -> IO[bytes] | None:
        """What it says."""

    def kill(self) -> None:
        """Ends it with all its children, from any thread."""

    def wait(self) -> None:
        """Returns when it has ended."""

    def end(self) -> int:
        """Ends what is left of it; its exit code, negative for the signal that ended it."""


class Followed(NamedTuple):
    """A program that ended.

    Attributes:
        returncode: Exit code; negative is the signal that ended it.
        output: stdout and stderr, interleaved.
        timed_out: Whether it ran into its time limit.
    """

    returncode: int
    output: str
    timed_out: bool


def _read(output: IO[bytes] | None, on_line: Callable[[str], None] | None) -> str:
    """All that a program says until it closes its output, but how far it is: that is for now."""
    lines: list[str] = []
    for raw in output or ():
        line = raw.decode(errors="replace")
        if progress.read(line) is None:
            lines.append(line)
        if on_line is not None:
            on_line(line.rstrip("\n"))
    return "".join(lines)


def follow(
    running: Running, name: str, timeout_s: float, on_line: Callable[[str], None] | None = None
) -> Followed:
    """Follows a program that was started to its end.

    Args:
        running: The program.
        name: What it is called.
        timeout_s: After this many seconds it is killed.
        on_line: Called with each line of output as it comes.

    Raises:
        ToolError: There is no room to keep its time limit.
    """
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        running.kill()

    timer = threading.Timer(timeout_s, expire)
    try:
        timer.start()
        output = _read(running.output, on_line)
        running.wait()
    except RuntimeError as error:  # no room for the thread that keeps the limit
        raise shortage.broken(error, f"`{name}`") from error
    finally:
        timer.cancel()
        code = running.end()
        if running.output is not None:
            running.output.close()
    return Followed(code, output, expired.is_set())
