"""Limits on what a periodic thread and inference do to each other, through the whole loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.records import Clause
from mlforge_tasks.verdict.trials import Report
from tests.helpers.builds import doit, edited
from tests.helpers.paths import TANK

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
OPERATION = "inference_period: 100 ms, periodic_thread: {period: 1 ms, busy: 100 us}"
THREAD = ("mode: simulate\n", f"mode: simulate\noperation: {{{OPERATION}}}\n")


def _limits(more: str) -> tuple[str, str]:
    return "latency: 1.2 ms, stack: 2 KiB}", f"latency: 5 ms, stack: 2 KiB, {more}}}"


def _clauses(report: Report) -> list[dict[str, Clause]]:
    verdicts = (one.trial.verdict for one in report.results)
    return [{one.metric: one for one in verdict.clauses} for verdict in verdicts if verdict]


def test_a_model_that_takes_too_much_gives_way_to_one_that_does_not(
    build: Path, tmp_path: Path
) -> None:
    """Three clauses fail at first and are kept by what the search finds next."""
    limits = _limits("cpu_share: 11.6 %, start_up: 1 ms, inferences_per_second: 1 kHz")
    contract = edited(TANK, tmp_path / "mine", THREAD, limits)
    run = doit(build=build, contract=contract)
    assert run.code == 0, run.out + run.err
    report = Report.read(build / "tank" / "delivered" / "report.json")
    first, second = _clauses(report)
    broken = {metric for metric, one in first.items() if one.status == "fail"}
    assert broken == {"cpu_share", "start_up_us", "inferences_per_second"}
    assert all(second[metric].status == "pass" for metric in broken)
    assert {second[metric].source for metric in broken} == {"emulated"}
    # Each was measured in an image of its own, and nothing is made twice.
    assert (build / "tank" / "iterations" / "02" / "0" / "firmware" / "scheduler.elf").exists()
    assert doit(build=build, contract=contract).executed == 0


def test_a_thread_that_is_late_by_itself_ends_the_search(build: Path, tmp_path: Path) -> None:
    """Whatever the model, its interrupt takes longer than that: no second candidate is made."""
    limits = _limits("wakeup_latency: 0.1 us, period_jitter: 1 us, interrupts_off: 1 us")
    contract = edited(TANK, tmp_path / "mine", THREAD, limits)
    run = doit(build=build, contract=contract)
    assert run.code == 1
    assert "no model can meet tank: wakeup_latency_us is 129 ns without inference" in run.out
    assert "limits.wakeup_latency: more than 129 ns, which it is without inference" in run.out
    report = Report.read(build / "tank" / "delivered" / "report.json")
    (only,) = report.results
    found = {one.metric: one.value for one in only.trial.measurements}
    assert found["period_jitter_us"] == found["interrupts_off_us"] == 0
