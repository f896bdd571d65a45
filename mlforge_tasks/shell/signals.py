"""Ctrl-C and SIGTERM end a command in order, each with an exit code of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A shell shows a program that a signal ended as 128 and the signal: 130 and 143.
SIGNAL_CODE = 128
MESSAGE = "interrupted: what was finished is kept; run the same command again to go on\n"


SHOW_CURSOR = b"\x1b[?25h"


_heard: list[int] = []
# What is said of an interrupt, by who goes on just now.
_messages = [MESSAGE]
# Whether that waits until what a terminal shows for now alone is gone.
_held: list[bool] = []


def hold_message() -> None:
    """Something is shown that goes away when the run ends: the message is told after that."""
    _held[:] = [True]


def _tell() -> None:
    # Not through sys.stderr: a task's output may be captured just now.
    os.write(2, _messages[-1].encode())


def _interrupted(number: int, _: object) -> None:
    _heard.append(number)
    signal.signal(number, signal.SIG_DFL)  # asked twice, it ends at once
    if _held:
        os.write(1, SHOW_CURSOR)  # which nobody would do who is asked twice
    else:
        _tell()
    end_if_interrupted()


def end_if_interrupted() -> None:
    """Ends the program with the signal's exit code where one was heard, whatever else went wrong.

    Raises:
        SystemExit: One was heard.
    """
    if _heard:
        sys.exit(SIGNAL_CODE + _heard[0])


def listen() -> None:
    """Has both signals end the program with a message; its children end with it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)


@contextlib.contextmanager
def prompt_end(message: str = MESSAGE) -> Iterator[None]:
    """Has an interrupt that comes meanwhile end the program where the block ends.

    Python would wait for pools of threads, and these for the programs that they started; the
    programs die with us.

    Args:
        message: What is said of it.
    """
    _messages.append(message)
    try:
        yield
    except SystemExit:
        if not _heard:
            raise
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        if _held:
            _tell()
        os._exit(SIGNAL_CODE + _heard[0])
    finally:
        _messages.pop()
