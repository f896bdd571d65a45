"""What it looks like when the machine, not the candidate, is at fault: it ran short of something.

Disk, memory, processes, open files: a library meets it as an exception, a program says it in words.
Either is a broken tool, so that it is shown, kept in no cache, and can be tried again.
"""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

from mlforge_tasks.errors import MlforgeError, ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

HINT = "free some, and run the same command again: what was finished is kept"
_ERRNOS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE),
    *(errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE),
}
# TensorFlow's errors (subclasses of its `OpError`) that say nothing of the graph that met them. By
# name: nothing here may import TensorFlow.
_TENSORFLOW = {
    *("ResourceExhaustedError", "DataLossError", "UnavailableError", "AbortedError"),
    *("DeadlineExceededError", "CancelledError"),
}
# What libc, GCC, binutils, CMake, Python, NumPy, TensorFlow, OpenBLAS and QEMU write.
_WORDS = re.compile(
    r"no space left|disk quota exceeded|disk is full|file too large|file size limit"
    r"|\d+ requested and \d+ written|read-only file system|input/output error|stale file handle"
    r"|cannot allocate|can't allocate|could not allocate|failed to allocate|memory exhausted"
    r"|out of memory"
    r"|std::bad_alloc|memoryerror|oom when|resource_exhausted|resource exhausted"
    r"|failed to map segment|resource temporarily unavailable|start new thread"
    r"|pthread_create failed|too many open files|no usable temporary directory"
    r"|signal terminated program|terminated with signal|cpu time limit exceeded"
    r"|^killed$",
    re.IGNORECASE,
)
_MOST_CHARS = 300


def told(text: str) -> str | None:
    """The first line of what a program said that tells of a shortage."""
    for line in text.splitlines():
        if _WORDS.search(line.strip()):
            return line.strip()[:_MOST_CHARS]
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    now: BaseException | None = error
    while now is not None and now not in seen:
        seen.append(now)
        yield now
        now = now.__cause__ or now.__context__


def _met(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _ERRNOS):
        return True
    return any(one.__name__ in _TENSORFLOW for one in type(error).__mro__)


def of(error: BaseException) -> str | None:
    """What an exception, or one that it came from, tells of a shortage, in one line."""
    for one in _chain(error):
        if _met(one):
            return in_words(one)
        words = told(str(one))
        if words is not None:
            return words
    return None


def in_words(error: BaseException) -> str:
    """One line for an exception: what the system says and of which file."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror + (f": '{error.filename}'" if error.filename else "")
    if isinstance(error, MemoryError):
        return "out of memory"
    line = (str(error).strip().splitlines() or [""])[0][:_MOST_CHARS]
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def broken(error: BaseException, doing: str) -> ToolError:
    """The error of a broken tool that an exception of the system stands for.

    Args:
        error: What was met: an `OSError`, a `MemoryError`, or whatever `of` knows.
        doing: What it was needed for.
    """
    if isinstance(error, ToolError):
        return error
    words = of(error)
    if words is not None:
        return ToolError(f"{words}, needed for {doing}", hint=HINT)
    return ToolError(f"{doing}: {in_words(error)}", hint="run the same command again")


def refuse(error: BaseException, doing: str) -> None:
    """Stops an exception of the system from being taken for a failure of the candidate.

    Raises:
        ToolError: It tells of a shortage, or of a broken tool.
    """
    if isinstance(error, MlforgeError):
        return
    if of(error) is not None:
        raise broken(error, doing) from error
