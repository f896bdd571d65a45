"""doit's reporter for a plan: a line a stage, a row a candidate once it is judged, the table."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doit.exceptions import DependencyError, TaskFailed, UnmetDependency
from doit.reporter import ConsoleReporter

from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.graph import explanation, shortage
from mlforge_tasks.shell import console
from mlforge_tasks.shell.loop import CONVERGE
from mlforge_tasks.verdict.trials import Report, Trials

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlforge_tasks.pipeline.plan import Plan

NAME_WIDTH = 24
NOT_MET = "not met"
CHECK = "check"
# Of a build in ninja's words; how many are many, and how often a log is told of them.
_STEP = re.compile(r"\[(\d+)/(\d+)\] ")
MANY_STEPS, TOLD = 200, 10


def _seconds(how: str, task: Any) -> str:
    why = explanation.told(task.values["changed"])
    return f"{'':<{9 - len(how)}}{task.values['seconds']:8.1f} s  {why}".rstrip()


class StageReporter(ConsoleReporter):  # type: ignore[misc]  # doit has no type hints
    """doit's reporter for a plan: one line per stage that ran, nothing for what was up to date."""

    plan: Plan

    def __init__(self, outstream: Any, options: Any) -> None:
        super().__init__(outstream, options)
        if isinstance(outstream, io.TextIOWrapper):
            # A console that cannot show a character shows '?' instead of a traceback.
            outstream.reconfigure(errors="replace")
        self._live = bool(outstream.isatty())
        self._guard = threading.Lock()
        self._ran = 0
        self._reached = False
        self._checks = False

    def initialize(self, tasks: Any, selected_tasks: Any) -> None:
        """Has stages show what their processes print."""
        super().initialize(tasks, selected_tasks)
        self._checks = CHECK in selected_tasks
        self.plan.workspace.progress = self.progress

    def progress(self, stage: str, line: str) -> None:
        """A line that a stage printed; shown in place on a terminal.

        In a log there are a few of a build of many steps, which takes minutes.
        """
        if self._live:
            self._show(f"\r\x1b[K  {stage:<{NAME_WIDTH}} {line[:100]}")
            return
        found = _STEP.match(line)
        if found is not None and int(found[2]) >= MANY_STEPS:
            step, steps = int(found[1]), int(found[2])
            if step * TOLD // steps > (step - 1) * TOLD // steps:
                self._line(f"  {stage:<{NAME_WIDTH}} step {step} of {steps}")

    def _line(self, text: str) -> None:
        self._show(("\r\x1b[K" if self._live else "") + text + "\n")

    def _show(self, text: str) -> None:
        """Writes to the console; one that takes no more (full disk, closed pipe) ends no run."""
        with self._guard:
            try:
                self.outstream.write(text)
                self.outstream.flush()
            except OSError as error:
                with contextlib.suppress(OSError):
                    print(f"nothing more is shown: {shortage.in_words(error)}", file=sys.stderr)
                # What waits in its buffer must go somewhere, or Python ends with an error.
                with Path(os.devnull).open("wb") as nowhere:
                    os.dup2(nowhere.fileno(), self.outstream.fileno())

    def execute_task(self, task: Any) -> None:
        """A task starts."""
        self._ran += 1
        self._reached = self._reached or task.name == CONVERGE
        self.progress(task.name, "…")

    def add_success(self, task: Any) -> None:
        """A task ended well; a candidate that failed is a success of the stage."""
        how = task.values.get("how")
        if how is None or how == "skipped":
            return
        made = how in {"built", "failed"}
        self._line(f"  {task.name:<{NAME_WIDTH}} {how}" + (_seconds(how, task) if made else ""))
        if task.name == "dataset" and not self._checks:  # `doit check` tells it, made or not
            self._tell(self._data().remarks())
        if task.name.startswith("judge:"):
            self._show_iteration(int(task.name.partition(":")[2]))

    def _data(self) -> DataCard:
        return DataCard.read(self.plan.preparation.dataset.folder / "data_card.json")

    def _tell(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._line(f"  => {line}")

    def _show_iteration(self, number: int) -> None:
        judged = self.plan.iterations[number - 1].judge.folder / "trials.json"
        contract = self.plan.contract
        asked = (one.figure.name for one in contract.asked()[: console.FIGURES_SHOWN])
        metrics = ("flash_bytes", "ram_bytes", contract.limits.latency_metric, *asked)
        for result in Trials.read(judged).results:
            cells = console.row(result, metrics)
            self._line("  => " + "  ".join(cell for cell in cells if cell != console.ABSENT))

    def skip_uptodate(self, task: Any) -> None:
        """A task had nothing to do."""
        self._reached = self._reached or task.name == CONVERGE

    def complete_run(self) -> None:
        """Shows the table, then what went wrong."""
        with contextlib.suppress(FileNotFoundError):
            path = self.plan.folder / "delivered" / "report.json"
            if self._reached and (not self.failures or self._only_unmet()):
                report = Report.read(path)
                self._show(console.summary(report, path.parent))
                self._show("".join(f"{line}\n" for line in self._data().warned()))
        self._show(f"{self._ran} {'task' if self._ran == 1 else 'tasks'} executed\n")
        for result in self.failures:
            if not self._only_unmet():
                print(_message(result), file=sys.stderr)
        for message in self.runtime_errors:
            print(message, file=sys.stderr)

    def _only_unmet(self) -> bool:
        return [_kind(result) for result in self.failures] == [NOT_MET]

    def _write_failure(self, result: Any, *_: Any) -> None:
        self._line(f"  {result['task'].name:<{NAME_WIDTH}} {_kind(result)}")


def _kind(result: Any) -> str:
    """What a task came to that did not end well, in a word or two."""
    found = result["exception"]
    if isinstance(found, UnmetDependency):
        return "left out"
    if isinstance(found, TaskFailed):
        return NOT_MET if result["task"].name == CONVERGE else "incomplete"
    return "broken"


def _message(result: Any) -> str:
    """Why a task did not end well."""
    name, found = result["task"].name, result["exception"]
    if isinstance(found, UnmetDependency):
        return f"{name}: left out, since there is no {found.message.strip()}"
    if isinstance(found, DependencyError):  # "ERROR: Task '…' checking dependencies: …"
        return f"{name}: {found.message.rpartition(': ')[2]}"
    return str(found.get_msg())


def reporter_for(plan: Plan) -> type[StageReporter]:
    """A reporter class bound to a plan, as doit wants a class, not an object."""
    return type("PlanReporter", (StageReporter,), {"plan": plan})
