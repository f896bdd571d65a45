"""The contracts that we ship are met, and are tight enough to be worth a search."""

from __future__ import annotations

import functools
import shutil
from typing import TYPE_CHECKING

import pytest

from benchmarks import boards
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.verdict.trials import Report
from tests.helpers.builds import Run, digests, doit, edited, wipe_all_but_the_store
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow
CONTRACTS = {
    name: ROOT / "contracts" / f"{name}.yaml" for name in ("glucose", "activity", "digits")
}
GLUCOSE = CONTRACTS["glucose"]
# How far off its proposals an agent may be before it has measured much, as a share.
FORESEEN = {"flash_bytes": 0.06, "ram_bytes": 0.08, "latency_us": 0.1, "stack_bytes": 0.2}


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contracts")


@pytest.fixture(scope="session")
def cold(build: Path) -> Callable[[str], Run]:
    """The first run of a contract by name; all share one build tree."""
    return functools.cache(lambda name: doit(build=build, contract=CONTRACTS[name]))


@pytest.fixture
def glucose(build: Path, cold: Callable[[str], Run], tmp_path: Path) -> Path:
    """A copy of the build tree after glucose was met, to do harm to."""
    run = cold("glucose")
    assert run.code == 0, run.out + run.err
    copy = tmp_path / "copy"
    shutil.copytree(build, copy)
    doit(build=copy, contract=GLUCOSE)  # so that doit's state is that of this folder
    return copy


def test_a_benchmark_measures_what_was_delivered(
    build: Path, cold: Callable[[str], Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On its own board a winner has the figures that it was chosen for."""
    assert cold("glucose").code == 0
    monkeypatch.setattr(boards, "BUILD", build)
    again = boards.measure("glucose", load_board("mps2/an385"), tmp_path)
    delivered = RunReport.read(build / "glucose" / "delivered" / "measurements.json")
    names = ("flash_bytes", "ram_bytes", "stack_bytes", "instructions")
    then, now = ({m.metric: m.value for m in one.measurements} for one in (delivered, again))
    assert [now[name] for name in names] == [then[name] for name in names]


@pytest.mark.parametrize("name", CONTRACTS)
def test_is_met_within_its_budget(name: str, build: Path, cold: Callable[[str], Run]) -> None:
    """A cold run ends with PASS, its clauses measured, its test split rarely asked."""
    run = cold(name)
    assert run.code == 0, run.out + run.err
    report = Report.read(build / name / "delivered" / "report.json")
    assert report.met
    assert len(report.asked()) <= 2
    for result in report.results:
        # No training was spent on a candidate that breaks a limit.
        assert result.trial.reason is not None or result.measurement(report.goal) is not None
    assert f"{name}/delivered" in digests(build)
    assert report.forecast_errors is not None
    for metric, most in FORESEEN.items():
        assert report.forecast_errors[metric].median <= most


def test_the_second_run_of_glucose_executes_nothing(glucose: Path) -> None:
    """No task runs, and the verdict is shown again."""
    again = doit(build=glucose, contract=GLUCOSE)
    assert (again.code, again.executed) == (0, 0), again.out + again.err
    assert "PASS: candidate" in again.out


def test_an_edited_latency_of_glucose_is_met_at_once(glucose: Path, tmp_path: Path) -> None:
    """A limit that is still met is judged anew; nothing is proposed, trained, built or measured."""
    contract = edited(GLUCOSE, tmp_path / "edited", ("latency: 1 ms", "latency: 0.9 ms"))
    run = doit(build=glucose, contract=contract)
    assert run.code == 0, run.out + run.err
    assert run.stages("built") == ["deliver:0"]


def test_the_store_alone_restores_glucose(glucose: Path) -> None:
    """With everything wiped but `cas/` and `ac/`, the same bytes come back without training."""
    before = digests(glucose)
    wipe_all_but_the_store(glucose)
    run = doit(build=glucose, contract=GLUCOSE)
    assert run.code == 0, run.out + run.err
    assert {name.partition(":")[0] for name in run.stages("built")} == {"deliver"}
    now = digests(glucose)
    assert now == {name: made for name, made in before.items() if name.startswith("glucose/")}
    assert "firmware.bin" in now["glucose/delivered"]


@pytest.mark.parametrize("name", CONTRACTS)
def test_is_too_tight_for_a_naive_first_guess(name: str, build: Path, tmp_path: Path) -> None:
    """The first proposal of blind sampling breaks a limit, and is refused before it is trained.

    It has a name of its own in the tree where the data set is.
    """
    text = CONTRACTS[name].read_text()
    budget = next(word for word in text.split("max_iterations: ")[1].split() if word)[0]
    contract = edited(
        CONTRACTS[name],
        tmp_path,
        ("agent: optimizer", "agent: random_search"),
        (f"max_iterations: {budget}", "max_iterations: 1"),
    )
    contract = contract.rename(tmp_path / f"{name}_naive.yaml")
    run = doit(build=build, contract=contract)
    assert run.code == 1, run.out + run.err
    assert "train:1.0" not in run.stages("built")
    assert "not trained" in run.out
