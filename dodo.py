"""The doit entry point: `doit run contract=contracts/glucose.yaml [build=build]`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doit import get_initial_workdir, get_var

from mlforge_tasks.shell import signals, start

signals.listen()
start.check_memory()
start.settle(Path(get_initial_workdir() or Path.cwd()))

# After it, as they take a while, and Ctrl-C is heard already.
from mlforge_tasks.shell import commands, rounds, tasks, variables  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

os.umask(0o022)  # modes are set, not inherited: doit's own files and those of tools too
variables.check_variables()
PLAN = tasks.load_plan(
    get_var("contract") or "contracts/glucose.yaml",
    get_var("build") or "build",
)
DOIT_CONFIG = tasks.configuration(PLAN)
ROUNDS = rounds.Rounds(PLAN)
commands.govern(PLAN, ROUNDS)


def task_mlforge() -> Iterator[Any]:
    """The stages of the contract's graph."""
    yield from ROUNDS.tasks()


def task_utilities() -> Iterator[dict[str, Any]]:
    """`doit check`, `doit new`, `doit doctor`, `doit workspace folder=~/zephyrproject`."""
    yield from tasks.utilities(PLAN, get_var("folder") or "~/zephyrproject")
