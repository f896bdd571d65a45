"""What a terminal shows while a run goes, below the lines that stay; it is gone when the run ends.

By `rich`, which is loaded when the first stage of a run starts.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live as Area
from rich.text import Text

from mlforge_tasks.shell import bars, signals
from mlforge_tasks.shell.words import clock_time, count_text, rough_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from mlforge_tasks.graph.live import Live
    from mlforge_tasks.shell.candidates_now import Standings
    from mlforge_tasks.shell.output import Output
    from mlforge_tasks.shell.watch import Clock, Step, Watch

REFRESH_HZ = 4
# Below it there is room for what runs and how far it is, without bars.
NARROW = 64
MOST_STAGES = 8
# So long a stage may be looked for in the store before that is shown.
LOOKED_S = 1.0
BAR_WIDTH = 16
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
# In this order, each as it is called at the end of a stage's line.
COUNTED = ("built", "restored", "kept", "failed", "broken")


class LiveDisplay:
    """An area at the bottom of a terminal.

    Args:
        watch: What runs.
        standings: Where candidates stand.
        output: The terminal.
        clock: Seconds since 1970, as of the watch.
    """

    def __init__(
        self, watch: Watch, standings: Standings, output: Output, clock: Clock = time.time
    ) -> None:
        self._watch = watch
        self._standings = standings
        self._clock = clock
        self._unicode = output.encoding.lower().replace("-", "").startswith("utf")
        self._guard = threading.Lock()
        self.console = Console(
            file=output,  # type: ignore[arg-type]  # all of a file that it uses
            force_terminal=True,
            legacy_windows=False,
            markup=False,
            highlight=False,
            emoji=False,
        )
        self._area = Area(
            console=self.console,
            get_renderable=self._drawn,
            refresh_per_second=REFRESH_HZ,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        with contextlib.suppress(RuntimeError):  # no room for its thread: lines alone
            signals.hold_message()
            self._area.start()

    def line(self, text: str) -> None:
        """A line above the area, which stays."""
        self.console.print(Text(text), soft_wrap=True)

    def begins(self, stage: str) -> None:
        """A stage's action begins; the area shows it."""

    def ended(self, stage: str) -> None:
        """A stage has ended well."""
        with self._guard:
            self._standings.ended(stage)

    def tick(self) -> None:
        """The area has a clock of its own."""

    def close(self) -> None:
        """The area is gone, and the cursor back."""
        self._area.stop()

    def _drawn(self) -> RenderableType:
        """The same; a mistake in what is only shown for now ends no run."""
        try:
            return self.drawn()
        except Exception as error:  # noqa: BLE001 - told in its place
            return Text(f"a mistake in MLForge's display: {error!r}", no_wrap=True)

    def drawn(self) -> RenderableType:
        """The area as it is now."""
        width = self.console.width
        now, now_s = self._watch.now(), self._clock()
        parts: list[RenderableType] = [Text(""), self._head(now, now_s, width)]
        steps = [one for one in self._watch.steps() if one.made or now_s - one.started_s > LOOKED_S]
        if steps:
            parts += self._stages(steps[:MOST_STAGES], now_s, width)
        if len(steps) > MOST_STAGES:
            parts.append(Text(f"  and {len(steps) - MOST_STAGES} more", style="dim"))
        with self._guard:
            standings = self._standings.shown()
        parts += bars.standings(standings, width, unicode=self._unicode)
        return Group(*parts)

    def _head(self, now: Live, now_s: float, width: int) -> Text:
        """The contract, the round, what is done, how long it has taken and still takes."""
        dot = " · " if self._unicode else " | "
        words = [f"round {now.iteration} of at most {now.max_iterations}"] if now.iteration else []
        if width >= NARROW:
            words += [f"{now.ended[how]} {how}" for how in COUNTED if now.ended.get(how)]
        words.append(clock_time(now_s - now.started_unix_s))
        if now.left_s is not None and now.left_s >= 1:
            words.append(f"about {rough_time(now.left_s)} left of this round")
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(_short(now.contract, width // 3), style="bold")
        text.append(dot + dot.join(words))
        return text

    def _stages(self, steps: Sequence[Step], now_s: float, width: int) -> list[Text]:
        """A line for each stage that runs."""
        spin = SPINNER[int(now_s * REFRESH_HZ) % len(SPINNER)] if self._unicode else "*"
        return bars.lines([self._stage(one, now_s, width, spin) for one in steps])

    def _stage(self, step: Step, now_s: float, width: int, spin: str) -> list[Text]:
        """What runs, how far it is, how much longer, and what it says."""
        said, left = step.progress, self._watch.left_s(step)
        told = f"{clock_time(now_s - step.started_s)}"
        if left is not None and left >= 1:
            told = f"{told}, about {clock_time(left)} left"
        bar = bars.progress(said.share if said else None, BAR_WIDTH, unicode=self._unicode)
        return [
            Text(spin, style="cyan"),
            Text(step.name),
            *([bar] if width >= NARROW else []),
            Text(count_text(said) if said else ""),
            Text(told, style="dim"),
            Text(f" {said.text}" if said and said.text else "", style="dim"),
        ]


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
