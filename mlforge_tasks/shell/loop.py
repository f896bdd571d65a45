"""The tasks that close the loop: gates before and after iterations, and `converge` at the end.

`gate:0` looks at an earlier search: where nothing but its limits was edited since, and a candidate
of it keeps today's, that one is delivered (`deliver:0`) and nothing is searched. `gate:k` reads the
verdict of iteration k. While the contract is unmet and iterations remain, it adds itself a
successor through doit's `calc_dep`; else it asks for the delivery. What any of them said before is
never taken on trust: it is up to date only where the code of today says the same of the files of
today.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from doit.exceptions import TaskFailed
from pydantic import ValidationError

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.pipeline.carry import CarryOver, folders
from mlforge_tasks.pipeline.gates import decide
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.shell import ci_files
from mlforge_tasks.shell.actions import Removal, run_stage, told
from mlforge_tasks.verdict import words
from mlforge_tasks.verdict.trials import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlforge_tasks.pipeline.iteration import Iteration
    from mlforge_tasks.pipeline.plan import Plan
    from mlforge_tasks.shell.actions import Cleaned

CONVERGE = "converge"
_UNREADABLE = (OSError, ValidationError, MlforgeError)


def _still(
    holds: Callable[[Mapping[str, Any]], bool],
) -> Callable[[object, Mapping[str, Any]], bool]:
    """Whether a task is up to date, as doit asks it.

    Args:
        holds: Whether what it said before, doit's values of it, is what it would say now.
    """

    def same(task: object, values: Mapping[str, Any]) -> bool:  # noqa: ARG001 - doit's
        try:
            return bool(holds(values))
        except _UNREADABLE:  # to be met again, and shown, by the action
            return False

    return same


def gate_task(iteration: Iteration, last: int, judged: str) -> dict[str, Any]:
    """The gate after an iteration.

    Args:
        iteration: The one that it follows.
        last: The number of the last one that the budget allows.
        judged: The file that its verdict is committed with, as doit shows it.
    """
    return {
        "basename": "gate",
        "name": str(iteration.number),
        "actions": [(told(decide), [iteration, last])],
        "file_dep": [judged],
        "uptodate": [_still(lambda values: values == decide(iteration, last))],
    }


def carry_tasks(plan: Plan) -> Iterator[dict[str, Any]]:
    """The gate before the first iteration, and the delivery of what an earlier search found."""
    carry = CarryOver(plan)

    def whole(values: Mapping[str, Any]) -> bool:
        return carry.stages[-1].up_to_date(values)

    def deliver() -> dict[str, Any]:
        return [run_stage(stage) for stage in carry.stages][-1]

    yield {
        "basename": "gate",
        "name": "0",
        "actions": [told(carry.decide)],
        "uptodate": [_still(lambda values: values == carry.decide())],
    }
    yield {
        "basename": "deliver",
        "name": "0",
        "actions": [told(deliver)],
        "clean": [Removal(lambda: folders(plan))],
        "uptodate": [_still(whole)],
    }


def delivered(plan: Plan) -> Report | None:
    """The report in `delivered/`, where what lies there is whole; else None."""
    try:
        if not plan.iterations[0].deliver.intact():
            return None
        return Report.read(plan.folder / "delivered" / "report.json")
    except _UNREADABLE:
        return None


def _made(plan: Plan) -> Iterator[Cleaned]:
    """Every stage that may have outputs: of rounds, those that a run began; what CI reads."""
    yield ci_files.folder_of(plan)
    yield from plan.stages(plan.begun())
    yield plan.iterations[0].deliver
    yield from folders(plan)


def converge_task(plan: Plan) -> dict[str, Any]:
    """The default task: the contract is met, or the budget has ended."""
    path = plan.folder / "delivered" / "report.json"

    def conclude() -> Any:
        report = Report.read(path)
        if not report.met:
            return TaskFailed(words.shortfall(report))
        return {"report": sha256_bytes(path.read_bytes())}

    return {
        "basename": CONVERGE,
        "doc": "run the loop until the contract is met or the budget ends",
        "actions": [told(conclude)],
        "calc_dep": ["gate:0"],
        "clean": [Removal(lambda: _made(plan))],
        "uptodate": [_still(lambda values: values == conclude())],
    }
