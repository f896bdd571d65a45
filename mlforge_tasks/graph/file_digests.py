"""Digests of programs and libraries, read again only where a file has changed.

What was read is kept below the user's cache folder under each file's size, times and inode. A file
that was written to just now is not kept: it may be written to again within the same tick.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import surroundings
from mlforge_tasks.graph.files import Tree, file_digest
from mlforge_tasks.records import Record, canonical_json, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

SETTLED_NS = 1_000_000_000
_lock = threading.Lock()


class Seen(Record):
    """A file when it was read.

    Attributes:
        stamp: Size, times and inode.
        sha256: Of its content.
    """

    stamp: str
    sha256: str


class Memory(Record):
    """What is known of files, by their path without links.

    Attributes:
        files: What was seen.
        check: Digest of `files`.
    """

    files: dict[str, Seen]
    check: str

    @classmethod
    def of(cls, files: dict[str, Seen]) -> Memory:
        """A memory of some files."""
        plain = {path: [seen.stamp, seen.sha256] for path, seen in files.items()}
        return cls(files=files, check=sha256_bytes(canonical_json(plain)))


def memory_path() -> Path:
    """Where it is kept."""
    return surroundings.cache_folder() / "digests" / "files.json"


def _known() -> dict[str, Seen]:
    try:
        memory = Memory.read(memory_path())
    except (OSError, ValidationError):
        return {}
    return memory.files if Memory.of(memory.files) == memory else {}


def _stamp(stat: os.stat_result) -> str:
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino} {stat.st_dev}"


def digests(paths: Iterable[str | Path]) -> dict[str, str]:
    """sha256 of what some files hold, by the path asked for; links are followed.

    Raises:
        ToolError: One of them cannot be read.
    """
    with _lock:
        known = _known()
        fresh: dict[str, Seen] = {}
        found = {str(path): _digest(str(path), known, fresh) for path in paths}
        if fresh:
            _keep({**known, **fresh})
    return found


def _digest(path: str, known: dict[str, Seen], fresh: dict[str, Seen]) -> str:
    now = time.time_ns()
    try:
        real = os.path.realpath(path)
        stat = Path(real).stat()
        before = known.get(real)
        if before is not None and before.stamp == _stamp(stat):
            return before.sha256
        found = file_digest(Path(real))
    except OSError as error:
        raise ToolError(f"cannot read '{path}': {error.strerror}") from error
    if stat.st_ctime_ns < now - SETTLED_NS:
        fresh[real] = Seen(stamp=_stamp(stat), sha256=found)
    return found


def _keep(files: dict[str, Seen]) -> None:
    """Where that is not possible, the files are read again next time."""
    path = memory_path()
    with contextlib.suppress(OSError):
        Tree(path.parent).publish(Memory.of(files).to_bytes(), path)


def identified(path: str | Path, version: str = "") -> str:
    """A program as a key names it: its version, for people, and what it is.

    Raises:
        ToolError: It cannot be read.
    """
    return f"{version} sha256:{digests([path])[str(path)]}".lstrip()
