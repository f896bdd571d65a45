"""Asks tools what they are: each once, and ahead of the need."""

from __future__ import annotations

import contextlib
import functools
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

Answer = TypeVar("Answer")


def once(question: Callable[..., Answer]) -> Callable[..., Answer]:
    """Asks a tool once; whoever asks meanwhile waits for that answer. Errors are not kept."""
    answered = functools.cache(question)
    lock = threading.Lock()

    @functools.wraps(question)
    def ask(*about: Hashable) -> Answer:
        with lock:
            return answered(*about)

    return ask


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
