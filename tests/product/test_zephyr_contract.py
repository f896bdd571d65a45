"""The loop on the RTOS: a shipped contract from its first proposal to PASS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.loader import load
from mlforge_tasks.platforms.zephyr import ZephyrImage
from mlforge_tasks.verdict.trials import Report
from tests.helpers.builds import doit
from tests.helpers.paths import ROOT
from tests.helpers.zephyr_images import NEEDS_ZEPHYR

if TYPE_CHECKING:
    from pathlib import Path

CONTRACTS = {
    "glucose_zephyr": "aot",
    "glucose_zephyr_tflm": "tflm",
    "activity_zephyr": "aot",
    "activity_zephyr_tflm": "tflm",
}


@pytest.mark.parametrize("name", CONTRACTS)
def test_contracts_are_those_of_baremetal_on_zephyr(name: str) -> None:
    """Data, goal and budget are the same; only the target and what it allows differ."""
    path = ROOT / "contracts"
    ours = load(path / f"{name}.yaml", ROOT)
    plain = load(path / f"{name.partition('_')[0]}.yaml", ROOT)
    assert ours.target.platform == "zephyr"
    assert ours.target.engine == CONTRACTS[name]
    for part in ("task", "dataset", "goal", "training", "search", "mode"):
        assert getattr(ours, part) == getattr(plain, part), part


@pytest.mark.slow
@pytest.mark.zephyr
@NEEDS_ZEPHYR
def test_is_met_and_a_second_run_does_nothing(tmp_path: Path) -> None:
    """Each candidate is a Zephyr image that was measured whole; nothing is built twice."""
    contract = ROOT / "contracts" / "glucose_zephyr.yaml"
    run = doit(build=tmp_path, contract=contract)
    assert run.code == 0, run.out + run.err
    delivered = tmp_path / "glucose_zephyr" / "delivered"
    report = Report.read(delivered / "report.json")
    best = report.best_result()
    assert report.met
    assert best is not None
    built = ZephyrImage.read(delivered / "zephyr.json")
    flash = best.measurement("flash_bytes")
    assert flash is not None
    assert built.whole.flash_bytes == flash.value
    assert 8 << 10 < built.without_model.flash_bytes < flash.value
    again = doit(build=tmp_path, contract=contract)
    assert (again.code, again.executed) == (0, 0), again.out
