"""What a calibration makes of a candidate, from its folders to what people read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlforge_tasks.calibration.fit import fit
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.contract.operation import Operation
from mlforge_tasks.page import verdict
from mlforge_tasks.page.found import Found
from mlforge_tasks.records import canonical_json
from mlforge_tasks.shell.console import summary
from mlforge_tasks.stages._calibrate import Bench, conditions
from mlforge_tasks.stages._calibrated import METRIC
from mlforge_tasks.stages._folders import Folders
from mlforge_tasks.stages.judge import result
from mlforge_tasks.verdict.derived import CONDITIONS, Conditions
from mlforge_tasks.verdict.trials import Report, TrialResult
from tests.helpers.calibrated import pairs

if TYPE_CHECKING:
    from tests.helpers.builds import Cold

pytestmark = pytest.mark.slow
M3 = load_board("mps2/an385")
CANDIDATE = "2.0"


def judged(cold: Cold, calibration: dict[str, Any] | None) -> TrialResult:
    """The candidate that met the small contract, judged with a calibration of its board."""
    tree = cold.build / "tank"
    report = Report.read(tree / "delivered" / "report.json")
    before = report.best_result()
    assert before is not None
    places = (tree / "iterations" / "02" / "0").iterdir()
    config = {
        "bounds": [one.model_dump(mode="json") for one in report.bounds],
        CONDITIONS: Conditions(board=M3, operation=Operation()).model_dump(mode="json"),
        "must_beat": [],
        "model": None,
        **({} if calibration is None else {"calibration": calibration}),
    }
    inputs = {f"0.{place.name}": place for place in places}
    return result(Folders(inputs, "0"), before.trial.architecture, CANDIDATE, config)


def record() -> dict[str, Any]:
    """A calibration of the board, which takes a third more cycles than are emulated."""
    known = fit(pairs(6, 0.02)).calibration
    held = conditions(Bench(M3, M3, "baremetal", "gcc"))
    return known.model_copy(update={"conditions": held}).model_dump(mode="json")


def shown(cold: Cold, found: TrialResult) -> tuple[str, str]:
    """The end of a run, and the verdict's section of its page."""
    folder = cold.build / "tank" / "delivered"
    report = Report.read(folder / "report.json")
    results = [found if one.trial.id == CANDIDATE else one for one in report.results]
    told = report.model_copy(update={"results": tuple(results)})
    return summary(told, folder), verdict.section(Found(told)).body


def test_an_emulated_latency_has_the_boards_beside_it(cold: Cold) -> None:
    """With an interval, named as what it is; the verdict is the same as without."""
    plain, found = judged(cold, None), judged(cold, {"record": record(), "unused": ""})
    one = found.measurement(METRIC)
    emulated = plain.measurement("latency_lower_us")
    assert one is not None
    assert emulated is not None
    assert one.source == "emulated"
    assert one.interval is not None
    assert one.interval.low < one.value < one.interval.high
    assert one.value / emulated.value == pytest.approx(1.25, abs=0.12)
    assert found.trial.verdict == plain.trial.verdict
    console, page = shown(cold, found)
    assert "latency, calibrated: " in console
    assert "at 71.4 %), foretold by the calibration of 2026-11-28 on probe 000683759358" in console
    assert "; it meets no clause\n" in console
    assert "calibrated: " in page


def test_one_that_does_not_hold_is_told_and_says_nothing(cold: Cold) -> None:
    """Without a figure; on the page the latency stands alone."""
    found = judged(cold, {"record": record(), "unused": "other kernels"})
    assert found.measurement(METRIC) is None
    console, page = shown(cold, found)
    assert "probe 000683759358 is not used: other kernels" in console
    assert "calibrated: " not in page.partition("notes")[0]


def test_without_one_all_bytes_are_what_they_were(cold: Cold) -> None:
    """A result has no word of it."""
    dump = canonical_json(judged(cold, None).model_dump(mode="json"))
    assert b"calibrat" not in dump
