"""The benchmark `datasets`: its edits fit what `doit new` writes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks import _data_sets, datasets
from mlforge_tasks.contract import loader
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.datasets._look import look
from mlforge_tasks.shell import starter


def test_each_data_set_has_its_edits() -> None:
    """And no others are there."""
    names = {path.stem for path in datasets.EDITS.iterdir()}
    assert names == set(_data_sets.DATA_SETS)


def test_the_edits_of_a_detector_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data that is made here becomes a contract that asks for a detection."""
    data = tmp_path / _data_sets.DATA.relative_to(_data_sets.ROOT)
    monkeypatch.setattr(_data_sets, "DATA", data)
    data.mkdir(parents=True)
    _data_sets.DATA_SETS["rare"].get()
    found = look((data / "rare.csv").relative_to(tmp_path).as_posix(), tmp_path)
    path = tmp_path / "contracts" / "rare.yaml"
    path.parent.mkdir()
    path.write_text(starter.contract_text("rare", found, load_board(datasets.BOARD)))
    edit = ["git", "apply", str(datasets.EDITS / "rare.diff")]
    subprocess.run(edit, cwd=tmp_path, check=True)
    goal = loader.load(path, tmp_path).goal
    assert (goal.metric, goal.positive) == ("recall_at_precision", "fault")
