"""doit knows the rounds that a command is about; what is never visited costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract import loader
from mlforge_tasks.pipeline.plan import make_plan
from mlforge_tasks.shell.rounds import Rounds
from tests.helpers.builds import doit, edited
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.pipeline.plan import Plan

MANY = ("max_iterations: 3", "max_iterations: 99, candidates_per_iteration: 16")


class Command:
    """What the rounds use of a doit command."""

    def __init__(self, rounds: Rounds) -> None:
        self.loader = self
        self.rounds = rounds
        self.task_list: list[str] = []

    def load_tasks(self, cmd: object, pos_args: object) -> list[str]:
        assert cmd is self
        assert pos_args == []
        return [
            f"{one['basename']}:{one.get('name')}"
            for one in self.rounds.tasks()
            if isinstance(one, dict)
        ]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A contract of 99 rounds of 16 candidates."""
    contract = loader.load(edited(TANK, tmp_path, MANY), ROOT)
    return make_plan(contract, "tank", root=ROOT, build=tmp_path / "build")


@pytest.mark.parametrize(
    ("names", "declared"),
    [
        ((), 1),
        (("converge",), 1),
        (("dataset", "train:1.15"), 1),
        (("train:1.0", "gate:3"), 3),
        (("build/tank/iterations/04/0/train/manifest.json",), 4),
        (("trian:2.0",), 2),
        (("nosuch",), 1),
    ],
    ids=str,
)
def test_as_many_as_are_named(plan: Plan, names: tuple[str, ...], declared: int) -> None:
    """And those before, since they are read."""
    rounds = Rounds(plan)
    command = Command(rounds)
    rounds.tell(command, names)
    assert len(list(rounds.tasks())) > 0
    assert len(plan.iterations.declared) == declared
    assert bool(command.task_list) == (declared > 1)
    assert (f"train:{declared}.15" in command.task_list) == (declared > 1)


def test_all_where_all_are_meant(tmp_path: Path) -> None:
    """A group, a pattern, a round that there is not: every task is known."""
    for names in (None, ("train",), ("*:1.0",), ("train:100.0",)):
        contract = loader.load(TANK, ROOT)
        plan = make_plan(contract, "tank", root=ROOT, build=tmp_path / "build")
        rounds = Rounds(plan)
        rounds.tell(Command(rounds), names)
        assert len(plan.iterations.declared) == len(plan.iterations) == 3


def test_a_list_of_groups_is_short(tmp_path: Path) -> None:
    """`doit list` shows what it did when all rounds were declared, `info` a task of any round."""
    contract, build = edited(TANK, tmp_path, MANY), tmp_path / "build"
    groups = doit(build=build, command="list", contract=contract)
    assert groups.code == 0, groups.err
    named = {line.split()[0] for line in groups.out.splitlines()}
    assert {"dataset", "train", "gate", "deliver", "converge", "check"} <= named
    assert not any(":" in name for name in named)
    told = doit("train:2.15", build=build, command="info", contract=contract)
    assert told.err == ""
    assert "iterations/02/15/train/manifest.json" in told.out
