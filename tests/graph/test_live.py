"""What a run is doing now, for who looks on from another process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlforge_tasks.graph import live, tree_lock
from mlforge_tasks.graph.live import Live, LiveStage
from mlforge_tasks.graph.progress import Progress
from mlforge_tasks.graph.tree_lock import TreeLock

if TYPE_CHECKING:
    from pathlib import Path


def _live(pid: int) -> Live:
    said = Progress(done=3, total=40, unit="epochs", text="loss 0.31")
    stage = LiveStage(name="train:1.0", started_unix_s=1.5, progress=said, left_s=7.0)
    return Live(
        contract="pump",
        pid=pid,
        started_unix_s=1.0,
        iteration=1,
        max_iterations=8,
        stages=(stage,),
        ended={"built": 4},
        left_s=9.0,
    )


def test_a_run_that_goes_is_seen_whole(tmp_path: Path) -> None:
    """The record is what was written, while the run has the tree, and gone when it has ended."""
    lock = TreeLock(tmp_path / ".lock")
    assert live.now(tmp_path, lock.path) is None
    lock.acquire()
    wanted = _live(os.getpid())
    live.write(wanted, tmp_path)
    assert live.now(tmp_path, lock.path) == wanted
    assert [path.name for path in sorted(tmp_path.iterdir())] == [".lock", ".running.json"]
    live.remove(tmp_path)
    assert live.now(tmp_path, lock.path) is None
    lock.release()


def test_what_a_killed_run_left_is_no_run(tmp_path: Path) -> None:
    """Neither where nobody has the tree, nor where somebody else has it, nor what is no record."""
    lock = TreeLock(tmp_path / ".lock")
    live.write(_live(os.getpid()), tmp_path)
    assert live.now(tmp_path, lock.path) is None
    lock.acquire()
    live.write(_live(os.getpid() + 1), tmp_path)
    assert live.now(tmp_path, lock.path) is None
    (tmp_path / live.FILE).write_text("{")
    assert live.now(tmp_path, lock.path) is None
    lock.release()


def test_who_asks_for_the_holder_keeps_no_run_out(tmp_path: Path) -> None:
    """It leaves the lock as it was, makes none, and follows no link."""
    path = tmp_path / ".lock"
    assert tree_lock.holder(path) is None
    assert not path.exists()
    lock = TreeLock(path)
    lock.acquire()
    assert tree_lock.holder(path) == os.getpid()
    lock.release()
    assert tree_lock.holder(path) is None
    lock.acquire()
    path.with_name("link").symlink_to(path)
    assert tree_lock.holder(path.with_name("link")) is None
    lock.release()


def test_a_disk_that_takes_no_more_loses_the_note_alone(tmp_path: Path) -> None:
    """Nothing is raised, and what was there stays readable."""
    live.write(_live(1), tmp_path / "absent")
    live.remove(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()
