"""Which rounds of a search doit is told of: those that a command names, and others as they come.

A contract may allow a hundred rounds, of which most searches visit few. doit knows the first from
the start. A later one it makes for itself when a gate asks for it (its `DelayedLoader`), and a
command that names tasks of it, or tasks of all, has them declared before it begins.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from doit.task import DelayedLoader, Task, dict_to_task

from mlforge_tasks.shell import tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlforge_tasks.pipeline.plan import Plan

# `train:57.3`, `gate:57`; `build/pump/iterations/57/3/train/manifest.json`.
_OF_A_ROUND = re.compile(r"[a-z][a-z0-9_]*:(\d+)(?:\.\d+)?|.*/iterations/(\d+)/.*")


class Rounds:
    """What doit is told of a plan.

    Args:
        plan: The plan.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._count = 1

    def tasks(self) -> Iterator[dict[str, Any] | Task]:
        """Every task of the rounds that doit is told of, and a place for the next one's."""
        yield from tasks.declare(self._plan, self._count)
        yield from self._place(self._count + 1)

    def _place(self, number: int) -> Iterator[Task]:
        """The gate of a round, which declares it when it is asked for; nothing after the last."""
        if number > len(self._plan.iterations):
            return

        def make() -> Iterator[Task]:
            for one in tasks.of_round(self._plan, number):
                base = one.pop("basename")
                task = dict_to_task({**one, "name": f"{base}:{one['name']}"})
                task.subtask_of = base
                yield task
            yield from self._place(number + 1)

        yield Task(f"gate:{number}", None, loader=DelayedLoader(make), subtask_of="gate")

    def tell(self, command: Any, names: Iterable[str] | None) -> None:
        """Has a doit command know all tasks that it is to do something with.

        Args:
            command: The command.
            names: Of tasks or files; None for all tasks.
        """
        last = len(self._plan.iterations)
        count = last if names is None else max((self._named(one) for one in names), default=1)
        if min(count, last) > self._count:
            self._count = min(count, last)
            command.task_list = command.loader.load_tasks(cmd=command, pos_args=[])

    def _named(self, name: str) -> int:
        """Of which round a task or a file is; of groups and patterns the last."""
        found = _OF_A_ROUND.fullmatch(name)
        if found is not None:
            return int(found[1] or found[2])
        every = "*" in name or name in tasks.groups(self._plan)
        return len(self._plan.iterations) if every else 1
