"""How the benchmark of trainings counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from benchmarks import trainings
from benchmarks.trainings import Search
from mlforge_tasks.contract.loader import load
from mlforge_tasks.records import Clause, Verdict
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from mlforge_tasks.contract.contract import Contract

MET, LATER, NEVER = (
    Search(trained=1, met=True, seconds=100.0, late=0.0),
    Search(trained=3, met=True, seconds=200.0, late=20.0),
    Search(trained=8, met=False, seconds=700.0, late=80.0),
)


def _asked(name: str, folder: Path) -> Contract:
    """A contract; where the benchmark makes its data, that is an empty file in a folder."""
    path = trainings.given(name)
    made = Path(yaml.safe_load(path.read_text())["dataset"]["source"].get("path", ""))
    if not made.is_relative_to(trainings.WORK):
        return load(path, ROOT)
    (folder / made).parent.mkdir(parents=True, exist_ok=True)
    (folder / made).touch()
    return load(path, folder)


def test_there_are_ten_contracts_with_limits_to_keep(tmp_path: Path) -> None:
    """Seven of them are of other data than the three that the agents are compared on."""
    names = (*trainings.THREE, *trainings.OTHERS)
    asked = [_asked(name, tmp_path) for name in names]
    assert len({one.dataset.model_dump_json() for one in asked}) == len(names) == 10
    assert all(
        {"ram_bytes", "flash_bytes", "latency_us"} <= set(one.effective_limits()) for one in asked
    )


def test_a_search_that_met_nothing_counts_more_than_all_its_trainings() -> None:
    """Of two in the middle the larger counts."""
    assert trainings.median([NEVER, MET, LATER]) == 3
    assert trainings.median([LATER, NEVER]) == 9


def test_a_line_has_both_checkouts_and_what_foresight_could_save() -> None:
    """The share is of all the time of all searches of today's code."""
    found = trainings.row("weather", [LATER, NEVER, NEVER], [MET, LATER, NEVER])
    assert found == "| weather | regression, mae | **9** (3, >8, >8) | **3** (1, 3, >8) | 10.0% |"


@pytest.mark.parametrize(
    ("metric", "short"),
    [("mse", True), ("baseline(mse)", True), ("mse_test", False), ("flash_bytes", False)],
)
def test_only_what_validation_data_tells_can_be_foreseen(metric: str, *, short: bool) -> None:
    """Neither a limit nor the test split is in a learning curve."""
    clause = Clause(
        metric=metric, limit=1.0, value=2.0, slack=1.0, status="fail", source="emulated", unit="1"
    )
    assert trainings.is_short(Verdict(met=False, clauses=(clause,))) is short
