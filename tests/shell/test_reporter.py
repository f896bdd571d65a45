"""What the console shows of stages as they end."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

from mlforge_tasks.contract.loader import load
from mlforge_tasks.pipeline.plan import make_plan
from mlforge_tasks.shell.reporter import reporter_for
from tests.helpers.builds import edited
from tests.helpers.paths import ROOT, TANK


def test_what_data_costs_is_shown_with_its_stage(tmp_path: Path) -> None:
    """Gaps, doubled times and an outlier are a line each below the dataset stage, made or not."""
    data = tmp_path / "tests" / "data"
    data.mkdir(parents=True)
    lines = (ROOT / "tests" / "data" / "tank.csv").read_text().splitlines()
    lines.insert(100, lines[99])
    lines[200] = lines[200].rpartition(",")[0] + ",1e9"
    del lines[300]
    (data / "tank.csv").write_text("\n".join(lines))
    contract = load(edited(TANK, tmp_path / "contracts"), tmp_path)
    plan = make_plan(contract, "tank", root=tmp_path, build=tmp_path / "build")
    plan.preparation.dataset.run()
    shown = io.StringIO()
    reporter = reporter_for(plan)(shown, {})
    reporter.add_success(SimpleNamespace(name="dataset", values={"how": "restored"}))
    first, gap, doubled, outlier = shown.getvalue().splitlines()
    assert first.split() == ["dataset", "restored"]
    assert gap == ("  => 1 row comes late (tests/data/tank.csv:301): 19 of 1,543 examples lost")
    assert "1 row has the time of the one above (tests/data/tank.csv:101)" in doubled
    assert "warning: feature 'flow': 1e+09 at tests/data/tank.csv:201" in outlier
    checking = io.StringIO()
    reporter = reporter_for(plan)(checking, {})
    reporter.initialize({}, ["check"])
    reporter.add_success(SimpleNamespace(name="dataset", values={"how": "restored"}))
    assert checking.getvalue().splitlines() == [first], "`doit check` tells the rest itself"
