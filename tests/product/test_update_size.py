"""A limit on an update's size: it fails first, and the search goes on until it is kept."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.verdict.trials import Report
from tests.helpers.builds import Cold, doit, edited, other_checkout
from tests.helpers.paths import TANK

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_a_patch_that_is_too_large_is_told_to_the_search(
    cold: Cold, build: Path, tmp_path: Path
) -> None:
    """With a looser latency the first candidate is trained; the next is what devices have."""
    project = other_checkout(tmp_path / "project")
    shutil.copy(cold.build / "tank" / "delivered" / "model.tflite", project / "contracts")
    contract = edited(
        TANK,
        project / "mine",
        ("latency: 1.2 ms, stack: 2 KiB}", "latency: 5 ms, stack: 2 KiB, update_size: 200 B}"),
        (
            "mode: simulate\n",
            "mode: simulate\noperation: {update: {model: contracts/model.tflite}}\n",
        ),
    )
    run = doit(build=build, contract=contract, checkout=project)
    assert run.code == 0, run.out + run.err
    report = Report.read(build / "tank" / "delivered" / "report.json")
    first, second = (one.trial.verdict for one in report.results)
    assert first is not None
    assert [one.metric for one in first.clauses if one.status == "fail"] == ["update_bytes"]
    assert second is not None
    assert second.met
    kept = next(one for one in second.clauses if one.metric == "update_bytes")
    assert (kept.limit, kept.source) == (200, "emulated")
