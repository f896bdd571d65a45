"""Asks tools what they are: each once, and ahead of the need."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

Answer = TypeVar("Answer")
_forgetters: list[Callable[[], None]] = []


def once(question: Callable[..., Answer]) -> Callable[..., Answer]:
    """Asks a tool once; whoever asks meanwhile waits for that answer. Errors are not kept."""
    answered = functools.cache(question)
    lock = threading.Lock()

    @functools.wraps(question)
    def ask(*about: Hashable) -> Answer:
        with lock:
            return answered(*about)

    def clear() -> None:
        with lock:
            answered.cache_clear()

    _forgetters.append(clear)
    return ask


def forget() -> None:
    """Has every tool asked anew by whoever needs its answer next."""
    for clear in _forgetters:
        clear()


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
