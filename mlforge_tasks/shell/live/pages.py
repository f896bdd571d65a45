"""The page, and what of it tells what runs.

The report is made when somebody asks and something of it is new, what runs at each request.
"""

from __future__ import annotations

import contextlib
import secrets
import shlex
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.page.page import Followed, make
from mlforge_tasks.page.template import FOLDER, fill
from mlforge_tasks.pipeline.standing import Standing
from mlforge_tasks.shell.command import program
from mlforge_tasks.shell.live.contents import look, what_runs
from mlforge_tasks.shell.live.curves import Curves
from mlforge_tasks.shell.live.underway import underway
from mlforge_tasks.shell.words import clock_time, count_text, rough_time
from mlforge_tasks.verdict import clauses

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.graph.live import Live, LiveStage
    from mlforge_tasks.shell.live.contents import Contents
    from mlforge_tasks.shell.live.today import Today

# A stage's folder may be written anew while the page reads it.
TRIES, PAUSE_S = 3, 0.3
# The first page may take longer, where all that draws it is loaded on a busy machine.
PATIENCE_S = 1.0
_CHANGED = (OSError, ValueError, KeyError, MlforgeError)


class _Told(NamedTuple):
    """A run in words."""

    iteration: int
    max_iterations: int
    since: str
    left: str
    ended: str


class _Step(NamedTuple):
    """A stage that runs in words; how far it is from 0 to 1, None where nobody knows."""

    name: str
    text: str
    share: float | None
    since: str
    left: str


class Pages:
    """What is served of a contract's search.

    Args:
        today: The contract.
    """

    def __init__(self, today: Today) -> None:
        self._today = today
        self._standing = Standing()
        self._curves = Curves()
        self._guard = threading.Lock()
        # Apart from it: what runs is told while a page is being made.
        self._making = threading.Lock()
        self._made = ("", b"")
        # Stands in the page that is kept where what runs is to stand.
        self._place = secrets.token_hex()
        self._first: threading.Thread | None = None
        self._files: dict[str, Path] = {}
        # Whether `now` said last that a run goes on.
        self.tells_of_run = False

    def contents(self) -> Contents:
        """What there is now."""
        with self._guard:
            running = what_runs(self._today.plan)
            self._today.look(running=running is not None)
            plan = self._today.plan
            contents = look(plan, self._standing.look(plan), running)
            self._curves.hear(running)
            return contents

    def page(self) -> bytes | None:
        """The page, as it is now; None where the first is still being made: `soon` says so.

        Raises:
            MlforgeError: What lies there cannot be read.
        """
        with self._guard:
            if not self._made[1] and (self._first is None or not self._first.is_alive()):
                self._first = threading.Thread(target=self._try, daemon=True)
                self._first.start()
            first = self._first
        if not self._made[1] and first is not None:
            first.join(PATIENCE_S)
            if first.is_alive():
                return None
        return self.whole()

    def soon(self) -> bytes:
        """What runs, in a page that asks again until there is a whole one."""
        style = "".join((FOLDER / one).read_text() for one in ("page.css", "live.css"))
        plan = self._today.plan
        return fill(
            "soon.html",
            name=plan.name,
            now=self._now(self.contents()),
            style=Markup(style),  # noqa: S704 - our own file
        ).encode(errors="replace")

    def whole(self) -> bytes:
        """The page, as it is now, however long that takes.

        Raises:
            MlforgeError: What lies there cannot be read.
        """
        with self._making:
            for left in reversed(range(TRIES)):
                contents = self.contents()
                if contents.version == self._made[0]:
                    break
                try:
                    self._made = contents.version, self._make(contents)
                    break
                except _CHANGED as error:
                    if not left and not self._made[1]:
                        raise _unreadable(error) from None
                time.sleep(PAUSE_S)
            made = self._made[1]
        now = self._now(self.contents()).encode(errors="replace")
        return made.replace(self._place.encode(), now, 1)

    def look(self) -> str:
        """What is wrong with the contract as it is now; empty where nothing is."""
        with self._guard:
            self._today.look(running=what_runs(self._today.plan) is not None)
            return self._today.trouble

    def version(self) -> str:
        """Another one where the page is another."""
        return self.contents().version

    def now(self) -> str:
        """What a run is doing, as HTML."""
        contents = self.contents()
        self.tells_of_run = contents.running is not None
        return str(self._now(contents))

    def files(self) -> Mapping[str, Path]:
        """Delivered files, by the names that the page has for them."""
        return self._files

    def _try(self) -> None:
        """Makes the first page; who waits for it is told why it cannot be made."""
        with contextlib.suppress(MlforgeError):
            self.whole()

    def _make(self, contents: Contents) -> bytes:
        handed = contents.delivered if contents.ended else None
        names = tuple(sorted(handed.manifest.outputs)) if handed else ()
        self._files = {one: handed.folder / one for one in names} if handed else {}
        followed = Followed(contents.version, Markup(self._place), names)  # noqa: S704 - hex digits
        found = replace(contents.found(), asked=str(self._today.path))
        return make(found, followed).encode(errors="replace")

    def _now(self, contents: Contents) -> Markup:
        running = contents.running
        shown_of = contents.delivered.contract if contents.ended and contents.delivered else None
        bounds = clauses.bounds(contents.plan.contract)
        return fill(
            "live.html",
            trouble=self._today.trouble,
            edits=self._today.edits(shown_of),
            running=running and _run(running),
            stages=[_stage(one) for one in running.stages] if running else [],
            anything=contents.ended or bool(contents.stood.made),
            outdated=0 if contents.ended else len(contents.stood.outdated),
            command=f"{program()} run {shlex.quote(f'contract={self._today.path}')}",
            curves=self._curves.known(),
            underway=list(underway(contents.stood, running, bounds)),
        )


def _left(seconds: float | None) -> str:
    """What is left, where that is known and worth a word."""
    return "" if seconds is None or seconds < 1 else rough_time(seconds)


def _unreadable(error: Exception) -> MlforgeError:
    """Where it stays so: written by another MLForge, or not ours to read."""
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return MlforgeError(
        f"what lies in the build tree cannot be read: {said}", hint="run again, then reload"
    )


def _run(running: Live) -> _Told:
    ended = ", ".join(f"{count} {how}" for how, count in running.ended.items())
    return _Told(
        iteration=running.iteration,
        max_iterations=running.max_iterations,
        since=rough_time(time.time() - running.started_unix_s),
        left=_left(running.left_s),
        ended=ended,
    )


def _stage(one: LiveStage) -> _Step:
    said = one.progress
    counted = (count_text(said), said.text) if said else ()
    return _Step(
        name=one.name,
        text=": ".join(filter(None, counted)),
        share=said.share if said else None,
        since=clock_time(time.time() - one.started_unix_s),
        left=_left(one.left_s),
    )
