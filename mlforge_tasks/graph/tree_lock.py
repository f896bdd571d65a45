"""One run at a time on a build tree."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import stat
import time
from typing import TYPE_CHECKING

from mlforge_tasks.errors import BusyError, ToolError

if TYPE_CHECKING:
    from pathlib import Path

# O_NOFOLLOW: a link would have another file locked, or made. O_NONBLOCK: a pipe is not waited for.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_MODE = 0o644
_TRIES = 10
_NOTE_BYTES = 64
# Who asks whether a run has the lock (`holder`) has it for some microseconds; nobody else lets go
# of it so soon.
_LOOKS, _LOOK_S = 5, 0.02


class TreeLock:
    """The lock of a build tree; released by the kernel when the process dies.

    Attributes:
        path: The file that is locked; made where it is missing, never removed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def acquire(self) -> None:
        """Takes the lock, or fails at once.

        Raises:
            BusyError: Another process has it; the message says which.
            ToolError: What lies at its path cannot be locked.
        """
        for _ in range(_TRIES):
            handle = self._lock()
            if self._in_place(handle):
                break
            os.close(handle)  # removed while it was being locked: another run may hold a new one
        else:
            raise ToolError(f"'{self.path}' is replaced again and again", hint="run again")
        with contextlib.suppress(OSError):  # a full disk: the lock holds without its note
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps({"pid": os.getpid()}).encode(), 0)
        self._handle = handle

    def _lock(self) -> int:
        """The open, locked file."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, _FLAGS, _MODE)
        except OSError as error:
            raise self._unfit(_why(error)) from None
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise self._unfit("it is no plain file")
            _take(handle)
        except BlockingIOError:
            pid = _noted(os.pread(handle, _NOTE_BYTES, 0))
            os.close(handle)
            by = "" if pid is None else f" (process {pid})"
            raise BusyError(
                f"another run{by} is using '{self.path.parent}'",
                hint="wait for it to end, or take another build tree (build=…)",
            ) from None
        except OSError as error:
            os.close(handle)
            raise self._unfit(_why(error)) from None
        except ToolError:
            os.close(handle)
            raise
        return handle

    def _in_place(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), self.path.lstat())
        except FileNotFoundError:
            return False

    def _unfit(self, why: str) -> ToolError:
        hint = f"see what '{self.path}' is and remove it, or take another build tree (build=…)"
        tree = f"build tree '{self.path.parent}'"
        return ToolError(f"{tree}: cannot lock '{self.path.name}': {why}", hint=hint)

    def release(self) -> None:
        """Gives the lock back."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _why(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "it is a symbolic link"
    if error.errno == errno.ENXIO:
        return "it is no plain file"
    return error.strerror or str(error)


def _take(handle: int) -> None:
    """Locks an open file.

    Raises:
        BlockingIOError: Another process has it, and keeps it.
    """
    for _ in range(_LOOKS):
        with contextlib.suppress(BlockingIOError):
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(_LOOK_S)
    return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _noted(note: bytes) -> int | None:
    """Who has the lock, where the note in it is one."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return int(json.loads(note)["pid"])
    return None


def holder(path: Path) -> int | None:
    """The process that has a build tree's lock; None where none has it, or it left no note.

    Args:
        path: The lock's.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _noted(os.pread(handle, _NOTE_BYTES, 0))
    except OSError:
        return None
    finally:
        os.close(handle)
    return None
