"""The graph as doit's tasks, and where doit keeps its state."""

from __future__ import annotations

from pathlib import Path

import pytest
from doit.exceptions import InvalidDodoFile

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


@pytest.mark.parametrize("build", ["/proc/here", "/dev/null/here"])
def test_a_tree_that_cannot_be_made_is_told(build: str) -> None:
    """Nothing was started, and the message names the folder."""
    plan = tasks.load_plan(str(TANK), build)
    with pytest.raises(InvalidDodoFile, match=f"build tree '{build}'"):
        tasks.configuration(plan)
