"""The contracts that we ship are met, and are tight enough to be worth a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.trials import Report
from tests.builds import ROOT, digests, doit, edited

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
CONTRACTS = {
    name: ROOT / "contracts" / f"{name}.yaml" for name in ("glucose", "activity", "digits")
}


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contracts")


@pytest.mark.parametrize("name", CONTRACTS)
def test_is_met_within_its_budget(name: str, build: Path) -> None:
    """A cold run ends with PASS, its clauses measured, its test split rarely asked."""
    run = doit(build=build, contract=CONTRACTS[name])
    assert run.code == 0, run.out + run.err
    report = Report.read(build / name / "delivered" / "report.json")
    assert report.met
    assert report.test_looks() <= 2
    for result in report.results:
        # No training was spent on a candidate that breaks a limit.
        assert result.trial.reason is not None or result.measurement(report.goal) is not None
    assert f"{name}/delivered" in digests(build)


@pytest.mark.parametrize("name", CONTRACTS)
def test_is_too_tight_for_a_naive_first_guess(name: str, build: Path, tmp_path: Path) -> None:
    """The first proposal of blind sampling breaks a limit, and is refused before it is trained."""
    text = CONTRACTS[name].read_text()
    budget = next(word for word in text.split("max_iterations: ")[1].split() if word)[0]
    contract = edited(
        CONTRACTS[name],
        tmp_path,
        ("agent: optimizer", "agent: random_search"),
        (f"max_iterations: {budget}", "max_iterations: 1"),
    )
    run = doit(build=tmp_path / "build", contract=contract)
    assert run.code == 1, run.out + run.err
    assert "train:1.0" not in run.stages("built")
    assert "not trained" in run.out
