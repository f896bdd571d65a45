"""What the console says at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.records import Verdict
from mlforge_tasks.shell.console import summary
from mlforge_tasks.stages import report
from mlforge_tasks.verdict.constraints import Bound
from mlforge_tasks.verdict.trial import Trial
from mlforge_tasks.verdict.trials import Report, TrialResult, Trials

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("why", ["", "TFLite Micro's interpreter ended itself with SIGABRT"])
def test_a_pass_without_a_reference_says_so(why: str, tmp_path: Path) -> None:
    """A winner whose outputs nothing was held against is delivered, with the reason."""
    judged = tmp_path / "judge"
    judged.mkdir()
    trial = Trial(id="1.0", architecture=None, verdict=Verdict(met=True, clauses=()))
    result = TrialResult(trial=trial, brief="own.tflite", not_compared=why)
    Trials(results=(result,)).write(judged / "trials.json")
    bounds = [Bound(metric="mse", limit=1.0, unit="1").model_dump(mode="json")]
    target = {"board": "mps2/an385", "engine": "aot"}
    config = {"name": "own", "mode": "simulate", "target": target, "goal.metric": "mse"}
    report.run({"judge01": judged}, tmp_path, config | {"bounds": bounds, "margins": {}})
    told = summary(Report.read(tmp_path / "report.json"), tmp_path)
    assert "PASS: candidate 1.0 meets own" in told
    assert ("compared with no reference" in told) == bool(why)
    assert why in told
