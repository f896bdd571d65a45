"""What an action that runs in doit's own process says of its progress, while it goes on."""

from __future__ import annotations

import contextlib
import contextvars
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_listener: contextvars.ContextVar[Callable[[str], None] | None] = contextvars.ContextVar(
    "listener", default=None
)


@contextlib.contextmanager
def heard(by: Callable[[str], None] | None) -> Iterator[None]:
    """Has somebody hear what is told in the block, in this thread."""
    token = _listener.set(by)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(line: str) -> None:
    """Tells how far a step is; nobody may be listening."""
    listener = _listener.get()
    if listener is not None:
        listener(line)
