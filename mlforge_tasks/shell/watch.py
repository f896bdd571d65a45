"""What a run is doing just now, put together from what doit and its stages tell."""

from __future__ import annotations

import dataclasses
import os
import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.graph import live, progress
from mlforge_tasks.graph.live import Live, LiveStage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlforge_tasks.graph.progress import Progress

    Clock = Callable[[], float]

LEAST_S = 1.0  # between two looks that others can have of it
FAILED = "failed"
_ROUND = re.compile(r"\w+:(\d+)(?:\.\d+)?")


def round_of(stage: str) -> int:
    """The number of the round that a stage is of; 0 of what is done once."""
    found = _ROUND.fullmatch(stage)
    return int(found[1]) if found else 0


def kind_of(stage: str) -> str:
    """What a stage does: `train` of `train:2.0`."""
    return stage.partition(":")[0]


def candidate_of(stage: str) -> str:
    """Which candidate's a stage is: `2.0` of `train:2.0`; what is of all is of none."""
    at = stage.partition(":")[2]
    return at if "." in at else ""


@dataclass(frozen=True)
class Step:
    """A stage that runs.

    Attributes:
        name: The task's.
        started_s: When it began, by the watch's clock.
        made: Whether its action runs; else its key is made, or its outputs are brought back.
        asked: Whether doit asked for it, and not a task that has several made.
        progress: How far it is.
        first: When it first counted anything, and how much.
        last_s: When it counted last.
    """

    name: str
    started_s: float
    made: bool = False
    asked: bool = True
    progress: Progress | None = None
    first: tuple[float, int] | None = None
    last_s: float = 0.0

    def heard(self, said: Progress, now_s: float) -> Step:
        """The same after it told how far it is."""
        counted = said.total is not None
        anew = self.first is None or said.done < self.first[1] or self._of() != said.total
        first = (now_s, said.done) if counted and anew else self.first
        return dataclasses.replace(self, progress=said, first=first, last_s=now_s)

    def _of(self) -> int | None:
        return self.progress.total if self.progress else None

    def left_s(self, now_s: float, usual_s: float | None) -> float | None:
        """About how much longer it takes; None where nobody knows.

        By its own count, from when that began, since libraries are loaded before; what ends
        early, as a training does that no longer improves, is over sooner by what was usual.

        Args:
            now_s: The time.
            usual_s: What such a stage took before.
        """
        usual = None if usual_s is None else usual_s - (now_s - self.started_s)
        own, of = None, self._of()
        if self.first is not None and self.progress is not None and of is not None:
            begun_s, begun = self.first
            counted = self.progress.done - begun
            if counted > 0:
                each_s = (self.last_s - begun_s) / counted
                own = each_s * (of - self.progress.done) - (now_s - self.last_s)
        if own is None:
            return None if usual is None else max(usual, 0.0)
        return max(min(own, usual) if usual is not None and usual > 0 else own, 0.0)


class Watch:
    """A run as it goes; whoever shows it asks `now`. Told by several threads.

    Args:
        contract: The contract's name.
        max_iterations: As many rounds as it allows.
        clock: Seconds since 1970.
    """

    def __init__(self, contract: str, max_iterations: int, clock: Clock = time.time) -> None:
        self._contract = contract
        self._max_iterations = max_iterations
        self._clock = clock
        self._guard = threading.Lock()
        self._steps: dict[str, Step] = {}
        self._ended: dict[str, int] = {}
        self._over: set[str] = set()
        self._lost: set[str] = set()  # candidates that failed, of which nothing more is made
        self._round = 0
        self._round_stages: tuple[str, ...] = ()
        self.usual: Mapping[str, float] = {}
        self.started_s = clock()

    def enters(self, number: int, stages: tuple[str, ...]) -> None:
        """A round is entered, that has these stages."""
        with self._guard:
            self._round, self._round_stages = number, stages

    @property
    def round(self) -> int:
        """The one that it is in; 0 before the first."""
        return self._round

    def starts(self, stage: str) -> None:
        """A stage is asked for, which may be there already."""
        with self._guard:
            self._steps[stage] = Step(stage, self._clock())

    def begins(self, stage: str) -> None:
        """A stage's action begins: see `graph.stage.Watcher`."""
        with self._guard:
            asked = stage in self._steps
            self._steps[stage] = Step(stage, self._clock(), made=True, asked=asked)

    def acted(self, stage: str) -> None:
        """Its action has ended; doit tells what came of it, where it asked for the stage."""
        with self._guard:
            if stage in self._steps and not self._steps[stage].asked:
                self._steps.pop(stage)

    def says(self, stage: str, line: str) -> bool:
        """A stage's process prints a line; whether it tells how far it is."""
        said = progress.read(line)
        with self._guard:
            before = self._steps.get(stage)
            if said is None or before is None:
                return False
            self._steps[stage] = before.heard(said, self._clock())
        return True

    def ends(self, stage: str, how: str) -> None:
        """A stage has ended.

        Args:
            stage: Its name.
            how: `built`, `restored` …; empty of what had nothing to do.
        """
        with self._guard:
            self._steps.pop(stage, None)
            self._over.add(stage)
            if how == FAILED:
                self._lost.add(candidate_of(stage))
            if how:
                self._ended[how] = self._ended.get(how, 0) + 1

    def steps(self) -> tuple[Step, ...]:
        """What runs."""
        with self._guard:
            return tuple(self._steps.values())

    def left_s(self, step: Step) -> float | None:
        """See `Step.left_s`."""
        return step.left_s(self._clock(), self.usual.get(kind_of(step.name)))

    def now(self) -> Live:
        """All of it."""
        steps = self.steps()
        shown = tuple(
            LiveStage(
                name=one.name,
                started_unix_s=one.started_s,
                progress=one.progress,
                left_s=self.left_s(one),
            )
            for one in steps
        )
        with self._guard:
            ended = dict(self._ended)
            waiting = [
                kind_of(one)
                for one in self._round_stages
                if one not in self._over | self._steps.keys()
                and candidate_of(one) not in self._lost
            ]
        known = [self.usual[one] for one in waiting if one in self.usual]
        running = [one.left_s for one in shown if one.left_s is not None]
        return Live(
            contract=self._contract,
            pid=os.getpid(),
            started_unix_s=self.started_s,
            iteration=self._round,
            max_iterations=self._max_iterations,
            stages=shown,
            ended=ended,
            left_s=sum(known) + max(running, default=0.0) if known or running else None,
        )


class Note:
    """Keeps `.running.json` as it is now, and no more often than others need.

    Args:
        watch: What runs.
        folder: The contract's, `build/<contract>`.
        clock: Any seconds.
    """

    def __init__(self, watch: Watch, folder: Path, clock: Clock = time.monotonic) -> None:
        self._watch = watch
        self._folder = folder
        self._clock = clock
        self._guard = threading.Lock()
        self._written_s: float | None = None

    def write(self, *, soon: bool = False) -> None:
        """Writes it.

        Args:
            soon: That there is a second since the last time is waited for: another call writes it.
        """
        with self._guard:
            now_s = self._clock()
            if soon and self._written_s is not None and now_s - self._written_s < LEAST_S:
                return
            live.write(self._watch.now(), self._folder)
            self._written_s = now_s

    def remove(self) -> None:
        """The run has ended."""
        with self._guard:
            live.remove(self._folder)


class Ticker:
    """Calls functions every second, in a thread of its own.

    Args:
        each: What is called; raises nothing.
    """

    def __init__(self, *each: Callable[[], None]) -> None:
        self._each = each
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins; where there is no room for a thread, nothing is called."""
        if self._thread is None and not self._over.is_set():
            self._thread = threading.Thread(target=self._run, daemon=True)
            try:
                self._thread.start()
            except RuntimeError:
                self._over.set()

    def _run(self) -> None:
        while not self._over.wait(LEAST_S):
            for one in self._each:
                one()

    def stop(self) -> None:
        """Ends; nothing is called once this has returned."""
        self._over.set()
        if self._thread is not None and self._thread.ident is not None:
            self._thread.join(LEAST_S)  # it may stand before a pipe that nobody reads
