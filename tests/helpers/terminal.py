"""A command on a terminal, which is a pair of files of this computer."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

CTRL_C = b"\x03"


@dataclass(frozen=True)
class Shown:
    """What a terminal got.

    Attributes:
        code: The command's exit code.
        text: All of it, with what moves its cursor.
    """

    code: int
    text: str


def on_terminal(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    size: tuple[int, int] = (80, 40),
    typed_after: bytes = b"",
    typed: bytes = CTRL_C,
) -> Shown:
    """Runs a command to its end on a terminal of its own.

    Args:
        argv: The command.
        cwd: Its folder.
        env: Its environment.
        size: Columns and rows.
        typed_after: Once it has shown this, keys are pressed; never where it is empty.
        typed: Which.
    """
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def lead() -> None:  # the terminal is its own, so that Ctrl-C is a signal to it
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    with subprocess.Popen(
        argv,
        cwd=cwd,
        env={**env, "TERM": "xterm-256color"},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        preexec_fn=lead,  # noqa: PLW1509 - nothing of ours runs in threads here
    ) as process:
        os.close(its)
        text = _read(ours, typed_after, typed)
        code = process.wait()
    os.close(ours)
    return Shown(code, text)


def _read(ours: int, typed_after: bytes, typed: bytes) -> str:
    found, pressed = b"", not typed_after
    while True:
        try:
            data = os.read(ours, 1 << 16)
        except OSError:  # Linux says so where nobody has the other end any more
            break
        found += data
        if not pressed and typed_after in found:
            os.write(ours, typed)
            pressed = True
    return found.decode(errors="replace")
