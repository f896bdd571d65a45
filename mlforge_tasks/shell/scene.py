"""All that is to be seen of a run from its first stage to its end, on a console and in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.shell.plain import Plain
from mlforge_tasks.shell.watch import Note, Ticker, Watch, round_of

if TYPE_CHECKING:
    from mlforge_tasks.pipeline.plan import Plan
    from mlforge_tasks.shell.output import Output


class Scene:
    """Tells a watch what happens, and has it shown.

    Args:
        plan: The contract's graph.
        output: The console.
    """

    def __init__(self, plan: Plan, output: Output) -> None:
        self._plan = plan
        self._watch = Watch(plan.name, len(plan.iterations))
        self._note = Note(self._watch, plan.folder)
        self._display = Plain(self._watch, output.write)
        self._ticker = Ticker(self._display.tick, lambda: self._note.write(soon=True))
        self._ticker.start()

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

    def ends(self, stage: str, how: str) -> None:
        """A stage has ended, whatever it came to; see `Watch.ends`."""
        self._watch.ends(stage, how)
        self._note.write(soon=how in {"", "kept", "restored"})

    def close(self) -> None:
        """The run has ended: what was only for now is gone."""
        self._ticker.stop()
        self._display.close()
        self._note.remove()
