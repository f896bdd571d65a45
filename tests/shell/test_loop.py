"""Gates and the end of a run say what the files of today say, whatever was said before."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.pipeline.gates import decide
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.shell import loop, tasks
from mlforge_tasks.verdict.trials import Report
from tests.helpers.builds import Cold
from tests.helpers.paths import TANK

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.pipeline.plan import Plan


@pytest.fixture
def plan(cold: Cold, tmp_path: Path) -> Plan:
    """The tank contract's plan on a copy of its tree."""
    shutil.copytree(cold.build / "tank", tmp_path / "build" / "tank")
    return tasks.load_plan(str(TANK), str(tmp_path / "build"))


def test_a_gate_believes_no_earlier_answer(plan: Plan) -> None:
    """Its way on is kept only where today's code decides the same."""
    first = plan.iterations[0]
    (same,) = loop.gate_task(first, 3, "x")["uptodate"]
    right = decide(first, 3)
    assert right["calc_dep"] == ["gate:2"]
    assert same(None, right)
    assert not same(None, {})
    assert not same(None, right | {"calc_dep": [], "task_dep": ["deliver:1"]})
    assert not same(None, right | {"met": True})
    (first.judge.folder / "trials.json").write_text("[]")
    assert not same(None, right)


def test_the_end_believes_no_earlier_answer(plan: Plan) -> None:
    """A report that is not met ends no run well, though doit's state has its digest as met."""
    path = plan.folder / "delivered" / "report.json"
    task = loop.converge_task(plan)
    (same,), (act,) = task["uptodate"], task["actions"]
    assert same(None, {"report": sha256_bytes(path.read_bytes())})
    assert act() == {"report": sha256_bytes(path.read_bytes())}
    Report.read(path).model_copy(update={"met": False}).write(path)
    assert not same(None, {"report": sha256_bytes(path.read_bytes())})
    assert "NOT MET" in act().get_msg() or "UNKNOWN" in act().get_msg()


def test_what_is_not_whole_is_not_delivered(plan: Plan) -> None:
    """0 means that the firmware lies there too, not its report alone."""
    found = loop.delivered(plan)
    assert found is not None
    assert found.met
    (plan.folder / "delivered" / "firmware.bin").unlink()
    assert loop.delivered(plan) is None
