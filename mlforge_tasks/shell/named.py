"""What a run that names tasks is held against: what it named is there, or it is told why not.

To doit a stage that says that a candidate does not work out is a task that went well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import NOT_NEEDED
from mlforge_tasks.pipeline.gates import decide
from mlforge_tasks.shell.loop import delivered
from mlforge_tasks.verdict import words
from mlforge_tasks.verdict.notes import some

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlforge_tasks.graph.stage import Stage
    from mlforge_tasks.pipeline.plan import Plan

# More is a group of tasks, such as every iteration's training.
MOST_TOLD = 5


def missing(plan: Plan, tasks: Mapping[str, Any], selected: Iterable[str]) -> list[str]:
    """Why a run that doit calls a success is none; nothing where it is one.

    Args:
        plan: What the tasks are of.
        tasks: doit's tasks by their names.
        selected: The names of those that were asked for.
    """
    names = set(_each(tasks, selected))
    rounds, last = plan.iterations.declared, len(plan.iterations)
    asked = (stage for stage in plan.stages(rounds) if stage.name in names)
    found = [why for stage in asked for why in _unmade(plan, stage)]
    gates = (one for one in rounds if f"gate:{one.number}" in names)
    unmet = (one.number for one in gates if not decide(one, last)["met"])
    found += [f"gate:{number}: its candidates do not meet {plan.name}" for number in unmet]
    return some(found, MOST_TOLD)


def _each(tasks: Mapping[str, Any], selected: Iterable[str]) -> Iterator[str]:
    """The names, with those of a group's members."""
    for name in selected:
        yield name
        if tasks[name].has_subtask:
            yield from tasks[name].task_dep


def _unmade(plan: Plan, stage: Stage) -> Iterator[str]:
    manifest = stage.outputs.manifest()
    if manifest is None:
        yield f"{stage.name} was not made"
    elif manifest.reason is not None:
        reason = manifest.reason
        if reason.code != NOT_NEEDED:
            own = stage.name.partition(":")[0] == reason.stage
            where = "" if own else f"{reason.stage}: "
            yield f"{stage.name} was not made: {where}{reason.message}"
    elif stage.kind is plan.iterations[0].deliver.kind:
        report = delivered(plan)
        if report is None:
            yield f"{stage.name}: what lies in '{stage.folder}' is not what was delivered"
        elif not report.met:
            yield words.shortfall(report)
