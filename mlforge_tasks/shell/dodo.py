"""What a project's `dodo.py` takes over: `from mlforge_tasks.shell.dodo import *`, and no more.

The folder of that `dodo.py` is the project, with `contracts/` and data in it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doit import get_initial_workdir, get_var

from mlforge_tasks.graph import product
from mlforge_tasks.shell import signals, start

signals.listen()
start.check_memory()
product.settle(Path.cwd())  # doit goes to the folder of the file that it loads
HERE = Path(get_initial_workdir() or Path.cwd())
start.settle(HERE)

# After it, as they take a while, and Ctrl-C is heard already.
from mlforge_tasks.shell import commands, each_target, rounds, source, tasks, variables  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DOIT_CONFIG", "task_mlforge", "task_utilities"]

os.umask(0o022)  # modes are set, not inherited: doit's own files and those of tools too
variables.check_variables()
CONTRACT = get_var("contract") or tasks.default_contract()
SOURCE = source.Source.of(Path(each_target.split(CONTRACT)[0]))
PLAN = each_target.plan_or_each(CONTRACT, tasks.plan_of, HERE)
DOIT_CONFIG = tasks.configuration(PLAN)
ROUNDS = rounds.Rounds(PLAN)
commands.govern(PLAN, ROUNDS, SOURCE)


def task_mlforge() -> Iterator[Any]:
    """The stages of the contract's graph."""
    yield from ROUNDS.tasks()


def task_utilities() -> Iterator[dict[str, Any]]:
    """`doit check`, `doit new`, `doit doctor`, `doit workspace folder=~/zephyrproject`."""
    yield from tasks.utilities(PLAN, get_var("folder") or "~/zephyrproject")
