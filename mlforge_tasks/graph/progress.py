"""What a step says of its progress while it goes on, from doit's own process or from another.

A line that a stage prints is all that crosses from its process to this one, so progress is a line
with a form of its own: `progress: [57/140 steps] Building C object …`.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import re
from typing import TYPE_CHECKING, TypeVar

from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_T = TypeVar("_T")
_listener: contextvars.ContextVar[Callable[[str], None] | None] = contextvars.ContextVar(
    "listener", default=None
)
_MARK = "progress: "
_FORM = re.compile(_MARK + r"\[(\d+)(?:/(\d+))?(?: ([a-z][a-z ]*))?\] ?(.*)", re.ASCII)


class Progress(Record):
    """How far a step is.

    Attributes:
        done: So many are done.
        total: Of so many; None where nobody knows how many it will be.
        unit: What is counted, in the plural: `epochs`, `steps`, `examples`, `answers`.
        text: What it says beside that, a line.
    """

    done: int
    total: int | None = None
    unit: str = ""
    text: str = ""

    def line(self) -> str:
        """The same as a line that `read` understands."""
        of = "" if self.total is None else f"/{self.total}"
        unit = f" {self.unit}" if self.unit else ""
        return f"{_MARK}[{self.done}{of}{unit}] {self.text}".rstrip()

    @property
    def share(self) -> float | None:
        """Of the whole, from 0 to 1; None where nobody knows."""
        return min(self.done / self.total, 1.0) if self.total else None


def read(line: str) -> Progress | None:
    """The progress that a line tells; None where it tells none."""
    found = _FORM.fullmatch(line.rstrip()) if line.startswith(_MARK) else None
    if found is None:
        return None
    done, total, unit, text = found.groups()
    shown = "".join(one if one.isprintable() else "?" for one in text)
    return Progress(
        done=int(done), total=int(total) if total else None, unit=unit or "", text=shown
    )


@contextlib.contextmanager
def heard(by: Callable[[str], None] | None) -> Iterator[None]:
    """Has somebody hear what is told in the block, in this thread."""
    token = _listener.set(by)
    try:
        yield
    finally:
        _listener.reset(token)


def printed() -> contextlib.AbstractContextManager[None]:
    """Has who runs this process hear what is told in the block: it is printed."""
    return heard(functools.partial(print, flush=True))


def pass_on(line: str) -> None:
    """Tells what a process that was started here says of its progress, and nothing else of it."""
    listener = _listener.get()
    if listener is not None and read(line) is not None:
        listener(line)


def tell(done: int, total: int | None, unit: str, text: str = "") -> None:
    """Tells how far a step is; nobody may be listening.

    Args:
        done: See `Progress`.
        total: Likewise.
        unit: Likewise.
        text: Likewise.
    """
    listener = _listener.get()
    if listener is not None:
        listener(Progress(done=done, total=total, unit=unit, text=text).line())


def over(
    parts: Iterable[_T], size: Callable[[_T], int], count: int, unit: str, text: str
) -> Iterator[_T]:
    """Some parts, one after the other; before each it is told how much is done.

    Args:
        parts: The parts.
        size: How many of what is counted are in a part.
        count: How many there are in all.
        unit: See `Progress`.
        text: Likewise.
    """
    done = 0
    for part in parts:
        tell(done, count, unit, text)
        yield part
        done += size(part)


def say(text: str) -> None:
    """Tells what a step does just now, where there is nothing to count."""
    tell(0, None, "", text)
