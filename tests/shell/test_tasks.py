"""The graph as doit's tasks."""

from __future__ import annotations

from pathlib import Path

from mlforge_tasks.shell import tasks
from tests.helpers.paths import TANK


def test_a_way_round_leads_to_the_same_tree() -> None:
    """Another spelling of a build folder is no other one for doit."""
    plain = tasks.load_plan(str(TANK), "build")
    assert tasks.load_plan(str(TANK), "tests/../build").folder == plain.folder
    assert [task.get("targets") for task in tasks.declare(plain)] == [
        task.get("targets")
        for task in tasks.declare(tasks.load_plan(str(TANK), f"../{Path.cwd().name}/build"))
    ]
