"""What a contract of many rounds costs that nobody visits: a list of tasks, and a cached task."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.graph import process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUNDS, CANDIDATES = 99, 16
TASK = "dataset"
_NUMBER = re.compile(r"(?m)^(  max_iterations|  candidates_per_iteration): \d+")


@dataclass(frozen=True)
class Used:
    """What a command used, with all its processes.

    Attributes:
        processor_s: Seconds of the processor.
        memory_mb: The most that one of them had at a time.
    """

    processor_s: float
    memory_mb: float


@dataclass(frozen=True)
class Declared:
    """What commands use that visit little of what a contract allows.

    Attributes:
        listed: `doit list`.
        cached: A task whose result is there.
    """

    listed: Used
    cached: Used


ROWS: dict[str, tuple[str, Callable[[Declared], float]]] = {
    "`doit list`, seconds of the processor": ("s", lambda one: one.listed.processor_s),
    f"cached task `{TASK}`, seconds of the processor": ("s", lambda one: one.cached.processor_s),
    f"cached task `{TASK}`, memory": ("MB", lambda one: one.cached.memory_mb),
}


def _used(argv: Sequence[str], checkout: Path) -> Used:
    """Runs a command to its end.

    Raises:
        RuntimeError: It fails.
    """
    started = process.start(argv, cwd=checkout, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)} ended with {started.returncode} in {checkout}")
    return Used(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def measured(doit: Path, checkout: Path, contract: Path) -> Declared:
    """What a checkout's commands use for a contract with the most rounds and candidates.

    Raises:
        RuntimeError: One of them fails.
    """
    with tempfile.TemporaryDirectory() as name:
        most = {"  max_iterations": ROUNDS, "  candidates_per_iteration": CANDIDATES}
        text = _NUMBER.sub(lambda found: f"{found[1]}: {most[found[1]]}", contract.read_text())
        changed = Path(name) / contract.name
        changed.write_text(text)
        where = [f"contract={changed}", f"build={name}/build"]
        _used([str(doit), "run", *where, TASK], checkout)
        return Declared(
            listed=_used([str(doit), "list", *where], checkout),
            cached=_used([str(doit), "run", *where, TASK], checkout),
        )
