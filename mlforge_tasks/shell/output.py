"""Where a run's words go: one place that many threads write to, and that may close at any time."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.graph import shortage

if TYPE_CHECKING:
    from collections.abc import Mapping


class Output:
    """doit's output stream.

    Args:
        stream: The stream.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self._guard = threading.RLock()

    def write(self, text: str) -> int:
        """Writes all of it; one that takes no more (full disk, closed pipe) ends no run."""
        with self._guard:
            try:
                self.stream.write(text)
                self.stream.flush()
            except OSError as error:
                with contextlib.suppress(OSError):
                    print(f"nothing more is shown: {shortage.in_words(error)}", file=sys.stderr)
                # What waits in its buffer must go somewhere, or Python ends with an error.
                with Path(os.devnull).open("wb") as nowhere:
                    os.dup2(nowhere.fileno(), self.stream.fileno())
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return bool(self.stream.isatty())

    def fileno(self) -> int:
        """The file's number."""
        return int(self.stream.fileno())

    @property
    def encoding(self) -> str:
        """How text becomes bytes."""
        return str(getattr(self.stream, "encoding", None) or "utf-8")

    def live(self, environ: Mapping[str, str] = os.environ) -> bool:
        """Whether what is shown may be changed again: a terminal, and nobody wants it plain."""
        plain = environ.get("NO_COLOR") or environ.get("TERM", "") in {"", "dumb"}
        return self.isatty() and not plain
