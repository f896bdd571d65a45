"""The gates: how far down the graph a run goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlforge_tasks.contract import loader
from mlforge_tasks.pipeline.gates import decide
from mlforge_tasks.pipeline.plan import Plan, make_plan
from mlforge_tasks.records import Reason, Verdict
from mlforge_tasks.verdict.constraints import IMPOSSIBLE
from mlforge_tasks.verdict.trial import Trial
from mlforge_tasks.verdict.trials import TrialResult, Trials
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path


def trial(*, met: bool, code: str | None = None) -> TrialResult:
    reason = code and Reason(code=code, stage="admit", message="too much")
    judged = Trial(
        id="1.0", architecture=None, reason=reason or None, verdict=Verdict(met=met, clauses=())
    )
    return TrialResult(trial=judged, brief="a design")


UNMET, MET = trial(met=False), trial(met=True)
REFUSED, HOPELESS = trial(met=False, code="measured_limit"), trial(met=False, code=IMPOSSIBLE)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Three iterations, of which none has run."""
    return make_plan(loader.load(TANK, ROOT), "tank", root=ROOT, build=tmp_path)


@pytest.mark.parametrize(
    ("results", "number", "decision"),
    [
        ([UNMET], 1, {"met": False, "calc_dep": ["gate:2"], "task_dep": []}),
        ([REFUSED], 2, {"met": False, "calc_dep": ["gate:3"], "task_dep": []}),
        ([UNMET], 3, {"met": False, "calc_dep": [], "task_dep": ["deliver:3"]}),
        ([MET], 1, {"met": True, "calc_dep": [], "task_dep": ["deliver:1"]}),
        ([UNMET, MET], 2, {"met": True, "calc_dep": [], "task_dep": ["deliver:2"]}),
        ([MET], 3, {"met": True, "calc_dep": [], "task_dep": ["deliver:3"]}),
        ([HOPELESS], 1, {"met": False, "calc_dep": [], "task_dep": ["deliver:1"]}),
        ([], 1, {"met": False, "calc_dep": ["gate:2"], "task_dep": []}),
    ],
    ids=[
        *("budget left", "refused, budget left", "last", "met", "one of two met", "met at last"),
        *("impossible", "no candidate"),
    ],
)
def test_a_gate_goes_on_or_delivers(
    plan: Plan, results: list[TrialResult], number: int, decision: dict[str, Any]
) -> None:
    """It asks for another iteration only while none met, one could, and the budget lasts."""
    iteration = plan.iterations[number - 1]
    iteration.judge.folder.mkdir(parents=True)
    Trials(results=tuple(results)).write(iteration.judge.folder / "trials.json")
    assert decide(iteration, last=3) == decision


def test_a_plan_can_be_shown(plan: Plan) -> None:
    """A stage does not show what it reads: a message about it would be larger than memory."""
    assert len(repr(plan)) < 10_000 * sum(1 for each in plan.iterations for _ in each.stages)
