"""What a run is doing just now, in a file of its build tree: for who looks on from another process.

It is nothing that a result is made of: in no key, never delivered, removed when the run ends. A run
that was killed leaves it; the tree's lock tells whether anybody is still at it (`now`).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pydantic import Field

from mlforge_tasks.graph import tree_lock
from mlforge_tasks.graph.files import read_own
from mlforge_tasks.graph.progress import Progress
from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from pathlib import Path

FILE = ".running.json"


class LiveStage(Record):
    """A stage that runs.

    Attributes:
        name: The task's, such as `train:1.0`.
        started_unix_s: When it began, in seconds since 1970.
        progress: How far it is; None until it says so.
        left_s: About how much longer it takes, by its own progress or by earlier ones of its kind;
            None where nobody knows.
    """

    name: str
    started_unix_s: float
    progress: Progress | None = None
    left_s: float | None = None


class Live(Record):
    """What a run is doing; `build/<contract>/.running.json`.

    Attributes:
        contract: The contract's name.
        pid: The run's process, which holds the tree's lock.
        started_unix_s: When the run began, in seconds since 1970.
        iteration: The round that it is in, from 1; 0 before the first.
        max_iterations: As many as the contract allows.
        stages: Those that run, the one that began first at the front.
        ended: How many have ended in this run, by how: `built`, `restored`, `kept`, `failed`.
        left_s: About how much longer this round takes; None where nobody knows.
    """

    contract: str
    pid: int
    started_unix_s: float
    iteration: int = 0
    max_iterations: int
    stages: tuple[LiveStage, ...] = ()
    ended: dict[str, int] = Field(default_factory=dict)
    left_s: float | None = None


def now(folder: Path, lock: Path) -> Live | None:
    """What a run is doing; None where none runs.

    Args:
        folder: The contract's, `build/<contract>`.
        lock: The build tree's, `build/.lock`.
    """
    try:
        found = Live.model_validate_json(read_own(folder / FILE), by_name=True)
    except (OSError, ValueError):
        return None
    return found if tree_lock.holder(lock) == found.pid else None


def write(live: Live, folder: Path) -> None:
    """Puts it in place in one step; a disk that takes no more loses nothing but this."""
    half = folder / f"{FILE}.half"
    with contextlib.suppress(OSError):
        half.write_bytes(live.to_bytes() + b"\n")
        half.replace(folder / FILE)


def remove(folder: Path) -> None:
    """Takes it away: nothing runs any more, or what lies there is of a run that was killed."""
    for name in (FILE, f"{FILE}.half"):
        with contextlib.suppress(OSError):
            (folder / name).unlink()
