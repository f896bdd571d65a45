"""Asks tools what they are: each once, and ahead of the need."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

Answer = TypeVar("Answer")


class Once(Generic[Answer]):
    """A question that is asked once; whoever asks meanwhile waits for that answer.

    Errors are not kept.
    """

    __wrapped__: Callable[..., Answer]

    def __init__(self, question: Callable[..., Answer]) -> None:
        functools.update_wrapper(self, question)
        self._answered = functools.cache(question)
        self._lock = threading.Lock()

    def __call__(self, *about: Hashable) -> Answer:
        """The answer."""
        with self._lock:
            stale = _stale.get(None)
            if stale and self in stale:
                stale.remove(self)
                self._answered.cache_clear()
            return self._answered(*about)

    def forget(self) -> None:
        """Has it asked anew by whoever needs the answer next."""
        with self._lock:
            self._answered.cache_clear()


_tools: list[Once[Any]] = []
# Of this thread: whose answers are not good enough.
_stale: contextvars.ContextVar[set[Once[Any]]] = contextvars.ContextVar("stale")


def once(question: Callable[..., Answer]) -> Once[Answer]:
    """Asks a tool once, and again within `anew`."""
    asked = Once(question)
    _tools.append(asked)
    return asked


@contextlib.contextmanager
def anew() -> Iterator[None]:
    """Has each tool that is asked herein asked once more; the others' answers stay."""
    before = _stale.set({*_tools})
    try:
        yield
    finally:
        _stale.reset(before)


def ask_ahead(questions: Iterable[Callable[[], object]]) -> threading.Thread:
    """Begins to ask for versions, so that most are known when a key needs them.

    Compilers and emulators take their time to say theirs, while Python has other things to do. What
    goes wrong, whatever it is, is met again, and told, by whoever needs the answer.
    """

    def ask() -> None:
        for question in questions:
            with contextlib.suppress(Exception):
                question()

    asking = threading.Thread(target=ask, daemon=True)
    with contextlib.suppress(RuntimeError):  # no room for another thread: it is done later
        asking.start()
    return asking
