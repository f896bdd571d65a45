"""What a log is told while a run goes: a line when a stage starts, and one each minute it lasts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mlforge_tasks.shell.words import NAME_WIDTH, rough_time, step_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlforge_tasks.shell.watch import Clock, Watch

EVERY_S = 60.0
TEXT_WIDTH = 100


class Plain:
    """Tells of a run in lines that stay.

    Args:
        watch: What runs.
        write: Writes text; raises nothing, from whatever thread.
        clock: Seconds since 1970, as of the watch.
    """

    def __init__(self, watch: Watch, write: Callable[[str], object], clock: Clock = time.time):
        self._watch = watch
        self._write = write
        self._clock = clock
        self._told: dict[str, int] = {}

    def line(self, text: str) -> None:
        """A line of the log."""
        self._write(f"{text}\n")

    def begins(self, stage: str) -> None:
        """A stage's action begins."""
        self.line(f"  {stage:<{NAME_WIDTH}} starts")

    def ended(self, stage: str) -> None:
        """A stage has ended well; what it made is told at the end."""

    def tick(self) -> None:
        """Each second: tells of what has lasted another minute."""
        now_s, steps = self._clock(), self._watch.steps()
        self._told = {one.name: self._told.get(one.name, 0) for one in steps}
        for one in steps:
            minutes = int((now_s - one.started_s) // EVERY_S)
            if minutes > self._told[one.name]:
                self._told[one.name] = minutes
                text = step_text(one, self._watch.left_s(one))[:TEXT_WIDTH]
                lasts = rough_time(minutes * EVERY_S)
                self.line(f"  {one.name:<{NAME_WIDTH}} {lasts}: {text}".rstrip(": "))

    def close(self) -> None:
        """The run has ended."""
