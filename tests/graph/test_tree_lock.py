"""One run at a time, and never a wait, whatever lies where the lock belongs."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.errors import BusyError, ToolError
from mlforge_tasks.graph.tree_lock import TreeLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_the_lock_names_its_holder(tmp_path: Path) -> None:
    """A second run on one tree is refused with the first one's process id."""
    first, second = TreeLock(tmp_path / ".lock"), TreeLock(tmp_path / ".lock")
    first.acquire()
    with pytest.raises(BusyError, match=rf"another run \(process {os.getpid()}\) is using"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


@pytest.mark.parametrize(
    "note", [b"", b"[]", b'{"pid": []}', b'{"pid": "\\u001b[2J"}', b"\xff" * 99]
)
def test_a_note_that_is_none_names_nobody(note: bytes, tmp_path: Path) -> None:
    """What stands in the file is shown only where it is a process id."""
    path = tmp_path / ".lock"
    holder = TreeLock(path)
    holder.acquire()
    path.write_bytes(note)
    with pytest.raises(BusyError, match=r"another run is using"):
        TreeLock(path).acquire()
    holder.release()


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


KINDS: dict[str, Callable[[Path], object]] = {
    "folder": lambda path: path.mkdir(),
    "link to a file": lambda path: path.symlink_to(path.with_name("target")),
    "link to itself": lambda path: path.symlink_to(path),
    "pipe": os.mkfifo,
    "socket": _socket,
}


@pytest.mark.parametrize("kind", [*KINDS, "below a file"])
def test_what_is_no_lock_is_told(kind: str, tmp_path: Path) -> None:
    """One message that names it; nothing is waited for, followed or removed."""
    path = tmp_path / "build" / ".lock"
    if kind == "below a file":
        path.parent.write_text("")
    else:
        path.parent.mkdir()
        KINDS[kind](path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ToolError, match=r"'.*build': cannot lock '\.lock': .*\nThings to try"):
        TreeLock(path).acquire()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_lock_that_was_removed_does_not_count(tmp_path: Path) -> None:
    """A file that was removed and made anew is another lock; who had the old one keeps nothing."""
    path = tmp_path / ".lock"
    first, second = TreeLock(path), TreeLock(path)
    first.acquire()
    path.unlink()
    second.acquire()
    with pytest.raises(BusyError):
        TreeLock(path).acquire()
    first.release()
    second.release()
