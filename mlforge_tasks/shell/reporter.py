"""doit's reporter for a plan: a line a stage, a row a candidate once it is judged, the table."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from typing import TYPE_CHECKING, Any

from doit.exceptions import DependencyError, TaskFailed, UnmetDependency
from doit.reporter import ConsoleReporter

from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.graph import explanation, live
from mlforge_tasks.shell import console
from mlforge_tasks.shell.loop import CONVERGE
from mlforge_tasks.shell.output import Output
from mlforge_tasks.shell.words import NAME_WIDTH
from mlforge_tasks.verdict.trials import Report, Trials

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlforge_tasks.pipeline.plan import Plan
    from mlforge_tasks.shell.scene import Scene

NOT_MET = "not met"
CHECK = "check"
# Tasks that leave the build tree alone, and so may run beside another run.
TREELESS = {"board", "calibrate", "compare", "doctor", "netron", "new", "view", "workspace"}


def _seconds(how: str, task: Any) -> str:
    why = explanation.told(task.values["changed"])
    return f"{'':<{9 - len(how)}}{task.values['seconds']:8.1f} s  {why}".rstrip()


class StageReporter(ConsoleReporter):  # type: ignore[misc]  # doit has no type hints
    """doit's reporter for a plan: one line per stage that ran, nothing for what was up to date.

    It is also who looks on while stages run (`graph.stage.Watcher`). Until the first one is asked
    for there is nothing to look at, and nothing of this is there: a run that has nothing to do
    ends before.
    """

    plan: Plan

    def __init__(self, outstream: Any, options: Any) -> None:
        super().__init__(outstream, options)
        if isinstance(outstream, io.TextIOWrapper):
            # A console that cannot show a character shows '?' instead of a traceback.
            outstream.reconfigure(errors="replace")
        self._output = Output(outstream)
        self._ran = 0
        self._idle = True
        self._reached = False
        self._checks = False
        self._beside = False
        self._scene: Scene | None = None
        self._guard = threading.Lock()

    def initialize(self, tasks: Any, selected_tasks: Any) -> None:
        """Looks on from now on."""
        super().initialize(tasks, selected_tasks)
        self._checks = CHECK in selected_tasks
        self._beside = bool(selected_tasks) and set(selected_tasks) <= TREELESS
        if not self._beside:
            live.remove(self.plan.folder)  # of a run that was killed
        self.plan.workspace.watcher = self

    def begins(self, stage: str) -> None:
        """See `graph.stage.Watcher`."""
        self._look().begins(stage)

    def says(self, stage: str, line: str) -> None:
        """See `graph.stage.Watcher`."""
        self._look().says(stage, line)

    def acted(self, stage: str) -> None:
        """See `graph.stage.Watcher`."""
        self._look().acted(stage)

    def _look(self) -> Scene:
        """What is shown of a run, from its first stage on."""
        with self._guard:
            if self._scene is None:
                from mlforge_tasks.shell.scene import Scene  # noqa: PLC0415 - not for nothing

                self._scene = Scene(self.plan, self._output)
            return self._scene

    def _line(self, text: str) -> None:
        if self._scene is None:
            self._output.write(f"{text}\n")
        else:
            self._scene.line(text)

    def execute_task(self, task: Any) -> None:
        """A task starts."""
        self._ran += 1
        self._reached = self._reached or task.name == CONVERGE
        if _is_stage(task):
            self._idle = False
            self._look().starts(task.name)
        elif task.name.partition(":")[0] not in {CONVERGE, "gate"}:
            self._idle = False
            if self._scene is not None:  # what stands beside the loop prints for itself
                self._scene.close()

    def add_success(self, task: Any) -> None:
        """A task ended well; a candidate that failed is a success of the stage."""
        how = task.values.get("how")
        if how is None:
            return
        self._ended(task.name, how, task.values.get("seconds", 0.0))
        if how == "skipped":
            return
        made = how in {"built", "failed"}
        self._line(f"  {task.name:<{NAME_WIDTH}} {how}" + (_seconds(how, task) if made else ""))
        if task.name == "dataset" and not self._checks:  # `doit check` tells it, made or not
            self._tell(self._data().remarks())
        if task.name.startswith("judge:"):
            self._show_iteration(int(task.name.partition(":")[2]))

    def _ended(self, stage: str, how: str, seconds: float = 0.0) -> None:
        if self._scene is not None:
            self._scene.ends(stage, how, seconds)

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
        self._ended(task.name, "")

    def complete_run(self) -> None:
        """Shows the table, then what went wrong; of a run that had nothing to do, one line."""
        self.plan.workspace.watcher = None
        if self._scene is not None:
            self._scene.close()
        well = not self.failures or self._only_unmet()
        if well and (self._idle or self._beside) and not self.runtime_errors:
            if not self._beside:
                self._output.write(f"{self._nothing()}\n")
            return
        with contextlib.suppress(FileNotFoundError):
            if self._reached and well:
                report, path = self._report()
                self._output.write(console.summary(report, path.parent))
                self._output.write("".join(f"{line}\n" for line in self._data().warned()))
        self._output.write(f"{self._ran} {'task' if self._ran == 1 else 'tasks'} executed\n")
        for result in self.failures:
            if not self._only_unmet():
                print(_message(result), file=sys.stderr)
        for message in self.runtime_errors:
            print(message, file=sys.stderr)

    def _report(self) -> tuple[Report, Path]:
        path = self.plan.folder / "delivered" / "report.json"
        return Report.read(path), path

    def _nothing(self) -> str:
        """The one line of a run that had nothing to do."""
        if self._reached:
            with contextlib.suppress(FileNotFoundError):
                report, path = self._report()
                return console.nothing_to_do(report, path.parent)
        return console.NOTHING

    def _only_unmet(self) -> bool:
        return [_kind(result) for result in self.failures] == [NOT_MET]

    def _write_failure(self, result: Any, *_: Any) -> None:
        name = result["task"].name
        self._ended(name, _kind(result))
        self._line(f"  {name:<{NAME_WIDTH}} {_kind(result)}")


def _is_stage(task: Any) -> bool:
    """Whether a task is a stage; deliveries share a folder, and so have no target of doit's."""
    return bool(task.targets) or task.name.startswith("deliver:")


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
