"""The one place that starts programs: argv lists, a time limit always, the log kept.

A started program dies with us, even when we are killed with SIGKILL: on Linux it gets a parent
death signal through util-linux's `setpriv`, and it leads its own process group so that a time-out
ends its children too.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from mlforge_tasks.errors import (
    EXIT_DATA_WRONG,
    EXIT_TOOL_BROKEN,
    LAST_WORDS,
    DataError,
    ToolError,
)
from mlforge_tasks.graph import first_errors, running, shortage
from mlforge_tasks.graph.surroundings import clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

TAIL_LINES = 20
# What a program brings upon itself; any other signal came from a user or the kernel.
CRASHES = {
    *(signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGTRAP)
}
KILLED_HINT = "if that was the kernel, out of memory: free some, or use fewer processes (-n)"


@dataclass(frozen=True)
class Completed:
    """A program that ended.

    Attributes:
        argv: What was run.
        returncode: Exit code; negative is the signal that ended it.
        output: stdout and stderr, interleaved.
        timed_out: Whether it ran into its time limit.
    """

    argv: tuple[str, ...]
    returncode: int
    output: str
    timed_out: bool = False

    def ending(self, what: str) -> str:
        """How it ended, in words: what it says is wrong, or its tail.

        They are its own where it is one of ours and a tool broke.

        Args:
            what: What it is called.
        """
        _, mark, words = self.output.rpartition(LAST_WORDS)
        if self.returncode in (EXIT_TOOL_BROKEN, EXIT_DATA_WRONG) and mark:
            return f"{what}: {words.rstrip()}"
        short = shortage.told(self.output)
        if short is not None:
            return f"{what} ran short: {short}\nThings to try: {shortage.HINT}"
        said = first_errors.told(self.output) or self.tail()
        return "\n".join(filter(None, (f"{what} {self.how()}", said, self._hint())))

    def broken(self, what: str) -> ToolError:
        """The same as an error, with all that it said.

        Args:
            what: What it is called.
        """
        return self.kind_of_error()(self.ending(what), log=self.log())

    def kind_of_error(self) -> type[ToolError]:
        """What it is where it did not end well: a broken tool, or one of ours with wrong data."""
        wrong = self.returncode == EXIT_DATA_WRONG and LAST_WORDS in self.output
        return DataError if wrong else ToolError

    def log(self) -> str:
        """The command and all that it said."""
        return f"$ {shlex.join(self.argv)}\n{self.output}"

    def _from_outside(self) -> bool:
        return not self.timed_out and self.returncode < 0 and -self.returncode not in CRASHES

    def how(self) -> str:
        """`ended with 1`, `was ended by SIGKILL from outside`."""
        if self.timed_out:
            return "ran into its time limit"
        if self.returncode >= 0:
            return f"ended with {self.returncode}"
        outside = " from outside" if self._from_outside() else ""
        return f"was ended by {signal_name(self.returncode)}{outside}"

    def _hint(self) -> str:
        return f"Things to try: {KILLED_HINT}" if self._from_outside() else ""

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The last lines of the output."""
        return "\n".join(self.output.rstrip().splitlines()[-lines:])


@functools.cache
def _death_signal_prefix() -> tuple[str, ...]:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return ()
    argv = [setpriv, "--pdeathsig", "KILL", "true"]
    works = subprocess.run(argv, check=False, capture_output=True, timeout=10).returncode == 0
    return (setpriv, "--pdeathsig", "KILL", "--") if works else ()


def signal_name(returncode: int) -> str:
    """`SIGSEGV` for -11."""
    try:
        return signal.Signals(-returncode).name
    except ValueError:  # one of those for real time, which have numbers alone
        return f"signal {-returncode}"


def which(program: str, *, hint: str) -> str:
    """Full path of a program.

    Raises:
        ToolError: It is not on PATH; `hint` says how to get it.
    """
    found = shutil.which(program)
    if found is None:
        raise ToolError(f"'{program}' was not found on PATH", hint=hint)
    return found


def start(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] | None = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = subprocess.PIPE,
    stderr: int | IO[bytes] | None = subprocess.STDOUT,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Starts a program that dies with us. The caller ends it with `stop`.

    It dies with the thread that starts it, too.

    Raises:
        ToolError: The program cannot be started.
    """
    try:
        return subprocess.Popen(
            [*_death_signal_prefix(), *argv],
            cwd=cwd,
            env={**clean_environment(os.environ), **(env or {})},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            pass_fds=pass_fds,
        )
    except OSError as error:
        hint = shortage.of(error) and shortage.HINT
        raise ToolError(f"cannot start '{argv[0]}': {error.strerror}", hint=hint) from error


def stop(process: subprocess.Popen[bytes]) -> None:
    """Kills a program with all its children, also where it has ended itself, and reaps it."""
    if process.returncode is None:  # not reaped yet, so the group's id is still its own
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def processor_s(process: subprocess.Popen[bytes]) -> float:
    """Seconds of the processor that a program has used so far, itself and by all its threads.

    Not those of its children. Time that it stood still, waited or was stopped does not count, nor
    does that of a machine that was suspended.

    Raises:
        ProcessLookupError: It has ended, and was reaped.
    """
    if sys.platform != "linux":
        return time.monotonic()
    try:
        # What clock_getcpuclockid(3) gives for a process.
        return time.clock_gettime((~process.pid << 3) | 2)
    except OSError as error:
        raise ProcessLookupError(process.pid) from error


@dataclass(frozen=True)
class _Started:
    """A program that `start` started."""

    process: subprocess.Popen[bytes]

    @property
    def output(self) -> IO[bytes] | None:
        return self.process.stdout

    def kill(self) -> None:
        stop(self.process)

    def wait(self) -> None:
        with contextlib.suppress(ChildProcessError):  # the time limit has reaped it already
            os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)

    def end(self) -> int:
        stop(self.process)
        return self.process.returncode


def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
    pass_fds: Sequence[int] = (),
) -> Completed:
    """Runs a program to its end and returns what it said, whatever its exit code.

    Args:
        argv: Program and arguments; never a shell string.
        timeout_s: After this many seconds it is killed and `timed_out` is set.
        cwd: Folder to run in.
        env: Variables set on top of `surroundings.clean_environment`.
        on_line: Called with each line of output as it comes.
        pass_fds: Open files that it inherits.

    Raises:
        ToolError: The program cannot be started.
    """
    started = _Started(start(argv, cwd=cwd, env=env, pass_fds=pass_fds))
    return Completed(tuple(argv), *running.follow(started, argv[0], timeout_s, on_line))


def check(
    argv: Sequence[str],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Runs a program that must succeed and returns its output.

    Raises:
        ToolError: It cannot be started, ends with another code than 0, or takes too long. The
            message holds the command and those of its lines that matter.
    """
    done = run(argv, timeout_s=timeout_s, cwd=cwd, env=env)
    if done.timed_out:
        took = f"`{' '.join(argv)}` took more than {timeout_s:g} s"
        raise ToolError(f"{took}\n{done.tail()}", log=done.log())
    if done.returncode != 0:
        raise done.broken(f"`{' '.join(argv)}`")
    return done.output


def first_line(argv: Sequence[str], *, timeout_s: float) -> str:
    """What a program that must succeed says first: its version, where it is asked for that.

    Raises:
        ToolError: As `check`, or it says nothing.
    """
    lines = check(argv, timeout_s=timeout_s).splitlines()
    if not lines:
        raise ToolError(f"`{' '.join(argv)}` said nothing")
    return lines[0]
