"""Who is told of news: the browsers that have the page open."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# More would be a fault of somebody's: each takes a thread.
MOST_LISTENERS = 32
# Of a browser that reads no more, as in a tab that sleeps: the newest news is all that counts.
MOST_WAITING = 8


class News(NamedTuple):
    """What is told.

    Attributes:
        kind: The event's name, as the page's script knows it.
        text: A line without a break.
    """

    kind: str
    text: str

    def to_bytes(self) -> bytes:
        """As server-sent events are written (HTML standard, 9.2.5)."""
        return f"event: {self.kind}\ndata: {self.text}\n\n".encode()


class Hub:
    """Passes news on to all that listen.

    Args:
        joined: Called when somebody begins to listen.
    """

    def __init__(self, joined: Callable[[], None]) -> None:
        self._joined = joined
        self._guard = threading.Lock()
        self._waiting: set[queue.Queue[News]] = set()

    @property
    def listeners(self) -> int:
        """How many listen."""
        with self._guard:
            return len(self._waiting)

    def tell(self, news: News) -> None:
        """Tells everybody; who lags behind misses the oldest."""
        with self._guard:
            for one in self._waiting:
                with contextlib.suppress(queue.Full):
                    one.put_nowait(news)
                    continue
                with contextlib.suppress(queue.Empty):
                    one.get_nowait()
                one.put_nowait(news)

    @contextlib.contextmanager
    def listening(self) -> Iterator[queue.Queue[News] | None]:
        """What somebody hears meanwhile; None where too many listen."""
        heard: queue.Queue[News] = queue.Queue(MOST_WAITING)
        with self._guard:
            full = len(self._waiting) >= MOST_LISTENERS
            if not full:
                self._waiting.add(heard)
        if full:
            yield None
            return
        try:
            self._joined()
            yield heard
        finally:
            with self._guard:
                self._waiting.discard(heard)
