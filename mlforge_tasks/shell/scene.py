"""All that is to be seen of a run from its first stage to its end, on a console and in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mlforge_tasks.graph import durations
from mlforge_tasks.shell.plain import Plain
from mlforge_tasks.shell.watch import Note, Ticker, Watch, kind_of, round_of

if TYPE_CHECKING:
    from mlforge_tasks.pipeline.plan import Plan
    from mlforge_tasks.shell.output import Output

# How a stage ends whose outputs are there.
PRESENT = {"", "built", "restored", "kept"}


class Display(Protocol):
    """What shows a run; called from several threads."""

    def line(self, text: str) -> None:
        """A line that stays."""

    def begins(self, stage: str) -> None:
        """A stage's action begins."""

    def ended(self, stage: str) -> None:
        """A stage has ended well: what it made can be read."""

    def tick(self) -> None:
        """A second is over."""

    def close(self) -> None:
        """The run has ended, or something else is to be shown."""


class Scene:
    """Tells a watch what happens, and has it shown.

    Args:
        plan: The contract's graph.
        output: The console.
    """

    def __init__(self, plan: Plan, output: Output) -> None:
        self._plan = plan
        self._watch = Watch(plan.name, len(plan.iterations))
        self._watch.usual = durations.usual(plan.name)
        self._took: dict[str, list[float]] = {}
        self._note = Note(self._watch, plan.folder)
        self._display = self._chosen(output)
        self._ticker = Ticker(self._display.tick, lambda: self._note.write(soon=True))
        self._ticker.start()

    def _chosen(self, output: Output) -> Display:
        if not output.live():
            return Plain(self._watch, output.write)
        from mlforge_tasks.shell.candidates_now import Standings  # noqa: PLC0415 - for it alone
        from mlforge_tasks.shell.terminal import LiveDisplay  # noqa: PLC0415 - rich

        return LiveDisplay(self._watch, Standings(self._plan), output)

    def line(self, text: str) -> None:
        """A line that stays."""
        self._display.line(text)

    def starts(self, stage: str) -> None:
        """A stage is asked for, which may be there already."""
        number = round_of(stage)
        if number > self._watch.round:
            names = tuple(one.name for one in self._plan.iterations[number - 1].stages)
            self._watch.enters(number, names)
        self._watch.starts(stage)

    def begins(self, stage: str) -> None:
        """A stage's action begins."""
        self._watch.begins(stage)
        self._display.begins(stage)
        self._note.write()

    def says(self, stage: str, line: str) -> None:
        """Its process prints a line."""
        if self._watch.says(stage, line):
            self._note.write(soon=True)

    def acted(self, stage: str) -> None:
        """Its action has ended."""
        self._watch.acted(stage)

    def ends(self, stage: str, how: str, seconds: float = 0.0) -> None:
        """A stage has ended, whatever it came to; see `Watch.ends`.

        Args:
            stage: Its name.
            how: How.
            seconds: How long its action took, where it ran.
        """
        self._watch.ends(stage, how)
        if how == "built":
            self._took.setdefault(kind_of(stage), []).append(seconds)
        if how in PRESENT:
            self._display.ended(stage)
        self._note.write(soon=how in {"", "kept", "restored"})

    def close(self) -> None:
        """The run has ended: what was only for now is gone."""
        self._ticker.stop()
        self._display.close()
        self._note.remove()
        if self._took:
            durations.keep(self._plan.name, self._took)
            self._took.clear()
