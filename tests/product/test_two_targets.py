"""One model for two boards, for real: searched, deployed on both, judged on both, delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.verdict.trials import Report
from tests.helpers.builds import doit, edited
from tests.helpers.paths import TANK
from tests.helpers.several_targets import ONE, TWO

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_a_model_is_found_that_keeps_the_limits_of_both(build: Path, tmp_path: Path) -> None:
    """The tree has the search on the first board alone: what is not the second's is not remade."""
    run = doit(build=build, contract=edited(TANK, tmp_path, (ONE, TWO)))
    assert run.code == 0, run.out + run.err
    built = run.stages("built")
    assert "run_mps2_an386:2.0" in built
    assert not {"train:2.0", "quantise:2.0", "run:2.0"} & {*built}
    assert "on mps2/an385 (baremetal, aot, simulate): PASS" in run.out
    assert "on mps2/an386 (baremetal, aot, simulate): PASS" in run.out
    delivered = build / "tank" / "delivered"
    report = Report.read(delivered / "report.json")
    best, refused = report.best_result(), report.results[0]
    assert best is not None
    assert best.trial.verdict is not None
    second = {one.metric: one for one in best.trial.verdict.clauses if "@" in one.metric}
    assert {one.status for one in second.values()} == {"pass"}
    ran = RunReport.read(delivered / "mps2_an386" / "measurements.json")
    figures = {one.metric: one.value for one in ran.measurements}
    assert second["latency_us@mps2_an386"].value == figures["latency_us"] < 600
    assert ran.checked_against_oracle
    assert ran.ran["model.tflite"] == file_digest(delivered / "model.tflite")
    assert ran.ran["firmware.elf"] == file_digest(delivered / "mps2_an386" / "firmware.elf")
    assert (delivered / "mps2_an386" / "firmware.hex").is_file()
    assert not (delivered / "firmware_mps2_an386").exists()
    assert "an386" in (delivered / "report.html").read_text()
    missed = {
        one.metric
        for one in (refused.trial.verdict or best.trial.verdict).clauses
        if one.status == "fail"
    }
    assert refused.trial.reason is not None
    assert refused.trial.reason.code == "measured_limit"
    assert missed == {"latency_us", "latency_us@mps2_an386"}
    again = doit(build=build, contract=edited(TANK, tmp_path / "again", (ONE, TWO)))
    assert (again.code, again.executed) == (0, 0)
