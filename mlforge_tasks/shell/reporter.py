"""doit's reporter for a plan: a line a stage, a row a candidate once it is judged, the table."""

from __future__ import annotations

import contextlib
import gc
import io
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from doit.exceptions import InvalidDodoFile
from doit.reporter import ConsoleReporter

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph import environment, tool_versions
from mlforge_tasks.shell import console
from mlforge_tasks.verdict.trials import Report, Trials

if TYPE_CHECKING:
    from mlforge_tasks.graph.tree_lock import TreeLock
    from mlforge_tasks.pipeline.plan import Plan

NAME_WIDTH = 24
# Tasks that leave the build tree alone, and so may run beside another run.
TREELESS = {"doctor", "workspace"}


def _interrupted(*_: Any) -> None:
    sys.exit("interrupted: what was finished is kept; run the same command again to go on")


def _seconds(how: str, task: Any) -> str:
    return f"{'':<{9 - len(how)}}{task.values['seconds']:8.1f} s"


class StageReporter(ConsoleReporter):  # type: ignore[misc]  # doit has no type hints
    """doit's reporter for a plan: one line per stage that ran, nothing for what was up to date."""

    plan: Plan
    lock: TreeLock

    def __init__(self, outstream: Any, options: Any) -> None:
        super().__init__(outstream, options)
        if isinstance(outstream, io.TextIOWrapper):
            # A console that cannot show a character shows '?' instead of a traceback.
            outstream.reconfigure(errors="replace")
        self._live = bool(outstream.isatty())
        self._guard = threading.Lock()
        self._ran = 0
        self._reached = False

    def initialize(self, tasks: Any, selected_tasks: Any) -> None:
        """Takes the tree's lock and clears what a killed run left.

        Raises:
            InvalidDodoFile: Another run has the tree; doit ends with exit code 3.
        """
        super().initialize(tasks, selected_tasks)
        if set(selected_tasks) <= TREELESS:
            return
        tool_versions.ask_ahead((environment.installed,))
        tool_versions.ask_ahead(self.plan.tools())
        try:
            self.plan.require()
            self.lock.acquire()
        except MlforgeError as error:
            raise InvalidDodoFile(str(error)) from None
        signal.signal(signal.SIGINT, _interrupted)
        self.plan.workspace.store.sweep()
        self.plan.workspace.progress = self.progress

    def progress(self, stage: str, line: str) -> None:
        """A line that a stage's process printed; shown in place, on terminals only."""
        if self._live:
            with self._guard:
                self.outstream.write(f"\r\x1b[K  {stage:<{NAME_WIDTH}} {line[:100]}")
                self.outstream.flush()

    def _line(self, text: str) -> None:
        with self._guard:
            self.outstream.write(("\r\x1b[K" if self._live else "") + text + "\n")
            self.outstream.flush()

    def execute_task(self, task: Any) -> None:
        """A task starts."""
        self._ran += 1
        self._reached = self._reached or task.name == "converge"
        self.progress(task.name, "…")

    def add_success(self, task: Any) -> None:
        """A task ended well; a candidate that failed is a success of the stage."""
        how = task.values.get("how")
        if how is None or how == "skipped":
            return
        made = how in {"built", "failed"}
        self._line(f"  {task.name:<{NAME_WIDTH}} {how}" + (_seconds(how, task) if made else ""))
        if task.name.startswith("judge:"):
            self._show_iteration(int(task.name.partition(":")[2]))

    def _show_iteration(self, number: int) -> None:
        judged = self.plan.iterations[number - 1].judge.folder / "trials.json"
        contract = self.plan.contract
        latency, goal = contract.limits.latency_metric, contract.goal.metric
        for result in Trials.read(judged).results:
            cells = console.row(result, ("flash_bytes", "ram_bytes", latency, goal))
            self._line("  => " + "  ".join(cell for cell in cells if cell != console.ABSENT))

    def skip_uptodate(self, task: Any) -> None:
        """A task had nothing to do."""
        self._reached = self._reached or task.name == "converge"

    def complete_run(self) -> None:
        """Shows the table, then what went wrong."""
        with contextlib.suppress(FileNotFoundError):
            path = self.plan.folder / "delivered" / "report.json"
            if self._reached and (not self.failures or self._only_unmet()):
                report = Report.read(path)
                self.outstream.write(console.summary(report, path.parent))
        self.outstream.write(f"{self._ran} {'task' if self._ran == 1 else 'tasks'} executed\n")
        self.lock.release()
        for result in self.failures:
            if not (self._only_unmet() and result["task"].name == "converge"):
                print(result["exception"].get_msg(), file=sys.stderr)
        for message in self.runtime_errors:
            print(message, file=sys.stderr)
        # Nothing is left to collect: Python would look through all that is there as it ends.
        gc.freeze()

    def _only_unmet(self) -> bool:
        return [result["task"].name for result in self.failures] == ["converge"]

    def _write_failure(self, result: Any, *_: Any) -> None:
        self._line(f"  {result['task'].name:<{NAME_WIDTH}} {result['exception'].get_name()}")


def reporter_for(plan: Plan, lock: TreeLock) -> type[StageReporter]:
    """A reporter class bound to a plan, as doit wants a class, not an object."""
    return type("PlanReporter", (StageReporter,), {"plan": plan, "lock": lock})
