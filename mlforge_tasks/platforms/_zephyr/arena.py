"""Finds how much working memory a model needs on TFLite Micro: images tell, in the emulator.

`arena_used_bytes()` is too little for some models: planning needs room of its own. So the smallest
arena is searched for from there on, one boot a try; a try holds if the model starts and computes
what it does with all the memory there is.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.records import Reason
from mlforge_tasks.yaml_file.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlforge_tasks.contract.board import Board

HEADER = "model_arena.h"
ALIGNMENT = 16
# Left free while all other memory is tried: TFLM's own variables.
SEARCH_RESERVE_BYTES = 12 << 10
ANSWER_TIMEOUT_S = 120.0
_ANSWER = re.compile(rb"^arena uses (\d+) output (\d+)$")
_NO = b"arena no"
_FAULT = b"$0,F,"
# QEMU's last words when a core faults inside its fault handler.
LOCKUP = "Lockup"


@dataclass(frozen=True)
class Try:
    """A model that started.

    Attributes:
        used_bytes: What it uses of its arena.
        output: Hash of what it computes.
    """

    used_bytes: int
    output: int


def header(arena_bytes: int, *, search: bool = False, compiled: bool = False) -> bytes:
    """The content of `model_arena.h` for `zephyr_app/src/tflm_arena.c`.

    Args:
        arena_bytes: The arena's size.
        search: Whether the image is to try sizes up to that.
        compiled: Whether an accelerator runs the model: a try then starts it and computes nothing.
    """
    lines = [f"#define MODEL_ARENA_BYTES {arena_bytes}"]
    if compiled:
        lines.append("#define MODEL_COMPILED")
    if search:
        lines.append("#define MODEL_ARENA_SEARCH")
    return "".join(f"{line}\n" for line in lines).encode()


def refuse(board: Board, engine: str, arch: str) -> None:
    """Refuses a board for which the interpreter is not built, or nothing tells its arena's size.

    Args:
        board: What an image is for.
        engine: One on TFLite Micro.
        arch: What the board's compiler is for.

    Raises:
        ToolError: It is such a board.
    """
    if board.native:
        raise ToolError(
            f"engine '{engine}' needs an emulator to find the arena's size; {board.name} is none",
            hint="engine: aot",
        )
    if arch != "arm":
        raise ToolError(
            f"engine '{engine}' needs a C++ library, which the compiler for {board.name} has not",
            hint="engine: aot",
        )
    if board.qemu is None and (board.zephyr is None or board.zephyr.arena_on is None):
        raise not_emulated(board)


def not_emulated(board: Board) -> ToolError:
    """Of a board on which nothing can tell how much memory TFLite Micro takes."""
    return ToolError(
        f"engine 'tflm' needs an emulator to find the arena's size; {board.name} has none",
        hint="name an emulated board with the same core as `zephyr: {arena_on: ...}`, or use "
        "engine 'aot', which knows it without one",
    )


def most_bytes(board: Board, base_bytes: int) -> int:
    """The largest arena that fits beside the application.

    Args:
        board: What the image is for.
        base_bytes: RAM of the application without a model, stacks included.
    """
    _, ram = board.memories()
    free = ram.length_bytes - base_bytes - SEARCH_RESERVE_BYTES
    return max(free // ALIGNMENT, 1) * ALIGNMENT


def smallest(most: int, attempt: Callable[[int], Try | None]) -> int | None:
    """The smallest arena, a multiple of 16, in which a model works; None where there is none.

    Args:
        most: The largest that can be tried.
        attempt: Tries a size.
    """
    reference = attempt(most)
    if reference is None:
        return None
    fails = (reference.used_bytes - 1) // ALIGNMENT  # it needs what it uses
    works = most // ALIGNMENT
    step = 1
    while works - fails > 1:
        middle = min(fails + step, (fails + works) // 2)
        found = attempt(middle * ALIGNMENT)
        if found is not None and found.output == reference.output:
            works, step = middle, works
        else:
            fails, step = middle, 2 * step
    return works * ALIGNMENT


def measure(board: Board, elf: Path, most: int) -> int:
    """The smallest arena for the model in a search image.

    Raises:
        CandidateFailure: The model does not start in all the memory there is.
        ToolError: The image does not answer, or nothing emulates the board.
    """
    with tempfile.TemporaryFile() as said:
        device = _Device(_command(board, elf), said)
        try:
            found = smallest(most, device.attempt)
        finally:
            device.stop()
    if found is None:
        limit = board.memories()[1].length_bytes
        ram = format_bytes(limit)
        text = f"TFLite Micro cannot start the model in the {ram} of RAM of {board.name}"
        code, metric = "does_not_fit", "ram_bytes"
        raise CandidateFailure(
            Reason(code=code, stage="firmware", message=text, metric=metric, limit=limit)
        )
    return found


def _command(board: Board, elf: Path) -> list[str]:
    qemu = board.qemu
    if qemu is None:
        raise not_emulated(board)
    binary = process.which(qemu.binary, hint="sudo apt-get install qemu-system-arm")
    argv = [binary, "-machine", qemu.machine, *qemu.args, "-nodefaults", "-display", "none"]
    return [*argv, "-monitor", "none", "-serial", "stdio", "-kernel", str(elf)]


class _Device:
    """A search image in the emulator, which tries sizes until one makes it fault."""

    def __init__(self, command: list[str], said: IO[bytes]) -> None:
        self._command = command
        self._running: subprocess.Popen[bytes] | None = None
        self._spoke = False
        self._said = said

    def attempt(self, arena_bytes: int) -> Try | None:
        """Whether the model starts in so much memory; boots where the device is not up."""
        if self._running is None:
            self._running = process.start(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
            )
        expired = threading.Event()

        def give_up(running: subprocess.Popen[bytes]) -> None:
            expired.set()
            process.stop(running)

        timer = threading.Timer(ANSWER_TIMEOUT_S, give_up, [self._running])
        timer.start()
        found, ended = None, False
        try:
            found = self._ask(self._running, arena_bytes)
        except EOFError:
            ended = True
        finally:
            timer.cancel()
        if found is None and expired.is_set():
            # A slow computer says nothing of the model; nothing made of this may be kept.
            raise ToolError(
                f"the search for the arena's size had no answer for {ANSWER_TIMEOUT_S:g} s",
                hint="fewer processes at a time (-n)",
            )
        if ended:
            self._check_end()
        return found

    def _ask(self, running: subprocess.Popen[bytes], arena_bytes: int) -> Try | None:
        if running.stdin is None or running.stdout is None:
            raise ToolError("QEMU was started without pipes")
        with contextlib.suppress(BrokenPipeError):  # it has ended: the loop below sees no line
            running.stdin.write(f"{arena_bytes}\n".encode())
            running.stdin.flush()
        for line in running.stdout:
            self._spoke = True
            answer = _ANSWER.match(line.strip())
            if answer is not None:
                return Try(int(answer[1]), int(answer[2]))
            if line.startswith(_NO):
                return None
            if line.startswith(_FAULT):
                self.stop()
                return None
        raise EOFError

    def _check_end(self) -> None:
        """Tells a core that locks up, which QEMU gives up on, from an emulator that broke.

        Raises:
            ToolError: It was killed or ran short of something, or the image never said a word.
        """
        ended = self._running
        code = ended.wait(ANSWER_TIMEOUT_S) if ended else 0
        self.stop()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip()
        if self._spoke and (code == 0 or LOCKUP in said):
            return
        what = "ended" if self._spoke else "ended before the image said a word"
        raise ToolError(f"`{' '.join(self._command)}` {what} (exit code {code})\n{said}")

    def stop(self) -> None:
        """Ends the emulator; the next try boots again."""
        running, self._running = self._running, None
        if running is None:
            return
        process.stop(running)
        for pipe in (running.stdin, running.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
