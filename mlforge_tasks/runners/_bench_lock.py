"""One run at a time on a board of the bench."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.runners._bench_board import BenchBoard


@contextlib.contextmanager
def held(on: BenchBoard, limit_s: float) -> Iterator[None]:
    """Keeps other runs of this machine off the board; the kernel lets go when a process dies.

    Raises:
        ToolError: Another run has it for longer than the limit.
    """
    digest = hashlib.sha256(repr(on.identity()).encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"mlforge-board-{digest}.lock"
    deadline = time.monotonic() + limit_s
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    text = f"another run has used the board {on.called} for {limit_s:g} s"
                    raise ToolError(text, hint="wait for it, or end it") from None
                time.sleep(0.1)
        yield
