"""Digests of programs, libraries and data, read again only where a file has changed.

What was read is kept below the user's cache folder under each file's size, times and inode. A file
that was written to just now is not kept: it may be written to again within the same tick.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import surroundings
from mlforge_tasks.graph.files import Tree, file_digest
from mlforge_tasks.graph.sealed import Sealed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SETTLED_NS = 1_000_000_000
_lock = threading.Lock()


class Memory(Sealed):
    """What is known of files.

    Attributes:
        files: Size, times and inode of each, and its sha256, by its path; of files that are known
            together, digests of both.
    """

    files: dict[str, str]


def memory_path() -> Path:
    """Where it is kept."""
    return surroundings.cache_folder() / "digests" / "tools.json"


def data_memory_path() -> Path:
    """Where it is kept of data sets, which are known together: a set may be of 5,000 files."""
    return memory_path().with_name("data.json")


@functools.cache
def _known(path: Path) -> dict[str, str]:
    try:
        return Memory.read(path).files
    except (OSError, ValueError, RecursionError):
        return {}


def forget() -> None:
    """Makes the next question read what was kept anew."""
    _known.cache_clear()


def digests(paths: Iterable[str | Path]) -> dict[str, str]:
    """sha256 of what some files hold, by the path asked for; links are followed.

    Raises:
        ToolError: One of them cannot be read.
    """
    with _lock:
        known = _known(memory_path())
        fresh: dict[str, str] = {}
        found = {str(path): _digest(str(path), known, fresh) for path in paths}
        if fresh:
            known |= fresh
            _keep(known, memory_path())
    return found


def digest_together(root: Path, files: Sequence[Path]) -> str:
    """One sha256 of the names of some files below a folder and of what they hold.

    Nothing is read where none of them has changed since.

    Raises:
        ToolError: One of them cannot be read.
    """
    if not files:
        return hashlib.sha256().hexdigest()
    now, newest_ns, stamps = time.time_ns(), 0, hashlib.sha256()
    where = f"{root.resolve()}: {len(files)} from {files[0]} to {files[-1]}"
    try:
        for file in files:
            stat = os.stat(root / file)  # noqa: PTH116 - of 5,000 recordings
            newest_ns = max(newest_ns, stat.st_ctime_ns)
            stamps.update(f"{_stamp(stat)} {file}\n".encode())
        with _lock:
            known = _known(data_memory_path())
            before, _, digest = known.get(where, "").rpartition(" ")
            if before == stamps.hexdigest():
                return digest
        held = hashlib.sha256()
        for file in files:
            held.update(f"{file_digest(root / file)} {file}\n".encode())
    except OSError as error:
        raise ToolError(f"cannot read '{error.filename}': {error.strerror}") from error
    if newest_ns < now - SETTLED_NS:
        with _lock:
            known[where] = f"{stamps.hexdigest()} {held.hexdigest()}"
            _keep(known, data_memory_path())
    return held.hexdigest()


def _stamp(stat: os.stat_result) -> str:
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino} {stat.st_dev}"


def _digest(path: str, known: dict[str, str], fresh: dict[str, str]) -> str:
    now = time.time_ns()
    try:
        stat = os.stat(path)  # noqa: PTH116 - of 2,000 headers
        stamp = _stamp(stat)
        before, _, digest = known.get(path, "").rpartition(" ")
        if before == stamp:
            return digest
        digest = file_digest(Path(path))
    except OSError as error:
        raise ToolError(f"cannot read '{path}': {error.strerror}") from error
    if stat.st_ctime_ns < now - SETTLED_NS:
        fresh[path] = f"{stamp} {digest}"
    return digest


def _keep(files: dict[str, str], path: Path) -> None:
    """Where that is not possible, the files are read again next time."""
    with contextlib.suppress(OSError, ToolError):
        Tree(path.parent).publish(Memory(files=files).to_bytes() + b"\n", path)


def identified(path: str | Path, version: str = "") -> str:
    """A program as a key names it: its version, for people, and what it is.

    Raises:
        ToolError: It cannot be read.
    """
    return f"{version} sha256:{digests([path])[str(path)]}".lstrip()
