"""The graph as doit's tasks."""

from __future__ import annotations

from pathlib import Path

from doit.exceptions import TaskError

from mlforge_tasks.shell import tasks
from mlforge_tasks.shell.actions import told
from tests.helpers.paths import TANK


def test_too_little_memory_for_a_thread_is_told() -> None:
    """Whatever kind of exception it comes as, it is one message and no traceback."""

    def act() -> None:
        raise RuntimeError("can't start new thread")

    found = told(act)()
    assert isinstance(found, TaskError)
    assert found.message.startswith("can't start new thread, needed for the run\nThings to try: ")
    assert not found.traceback


def test_a_way_round_leads_to_the_same_tree() -> None:
    """Another spelling of a build folder is no other one for doit."""
    plain = tasks.load_plan(str(TANK), "build")
    assert tasks.load_plan(str(TANK), "tests/../build").folder == plain.folder
    assert [task.get("targets") for task in tasks.declare(plain, 1)] == [
        task.get("targets")
        for task in tasks.declare(tasks.load_plan(str(TANK), f"../{Path.cwd().name}/build"), 1)
    ]
