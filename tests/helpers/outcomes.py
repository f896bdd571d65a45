"""Ends of runs for CI to read: the tank contract, judged by measurements that a test makes up."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from mlforge_tasks.contract import loader
from mlforge_tasks.errors import ContractError
from mlforge_tasks.records import Measurement, Reason
from mlforge_tasks.shell import ended, tasks, wrong_data
from mlforge_tasks.shell.source import Source
from mlforge_tasks.verdict import clauses, relaxation
from mlforge_tasks.verdict.constraints import judge
from mlforge_tasks.verdict.trial import Trial
from mlforge_tasks.verdict.trials import Report, TrialResult
from tests.helpers.builds import edited
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.ci.outcome import Outcome
    from mlforge_tasks.contract.contract import Contract
    from mlforge_tasks.pipeline.plan import Plan

# What keeps the tank contract.
KEPT = {
    "ram_bytes": 900.0,
    "flash_bytes": 9000.0,
    "latency_us": 300.0,
    "stack_bytes": 400.0,
    "mse": 0.001,
    "mse_test": 0.001,
}


def report_of(
    contract: Contract, values: Mapping[str, float], *, reason: Reason | None = None
) -> Report:
    """The report on a search of one candidate, of which some figures are known."""
    bounds = clauses.bounds(contract)
    units = {one.metric: one.unit for one in bounds}
    found = tuple(
        Measurement(metric=name, value=value, unit=units.get(name, "1"), source="emulated")
        for name, value in values.items()
    )
    verdict = judge(bounds, found)
    trial = Trial(id="1.0", architecture=None, measurements=found, verdict=verdict, reason=reason)
    short = None
    if not verdict.met:
        short = relaxation.explain(bounds, contract.margins_by_metric(), {"1.0": verdict})
    return Report(
        name="tank",
        board=contract.target.board,
        mode=contract.mode,
        engine=contract.target.engine,
        choice=None,
        bounds=bounds,
        met=verdict.met,
        best="1.0",
        results=(TrialResult(trial=trial, brief="dense 8 | <b>`x`"),),
        shortfall=short,
    )


def judged(
    folder: Path, values: Mapping[str, float], path: Path = TANK, *, reason: Reason | None = None
) -> tuple[Outcome, Plan]:
    """How a run ended whose only candidate has some figures."""
    plan = tasks.load_plan(str(path), str(folder / "build"))
    source = Source.of(path)
    assert source is not None
    report = report_of(plan.contract, values, reason=reason)
    return ended.judged(plan, source, report, 0 if report.met else 1), plan


def every(folder: Path) -> dict[str, Outcome]:
    """A run of each kind of end."""
    broken = KEPT | {"flash_bytes": 20000.0, "mse_test": 0.5}
    met, plan = judged(folder, KEPT)
    source = Source.of(TANK)
    assert source is not None
    wrong = source.data.replace(b"flash: 16 KiB", b"flash: 16").replace(b"epochs:", b"epoch:")
    (folder / "wrong.yaml").write_bytes(wrong)
    process = ("board: mps2/an385, platform: baremetal", "board: native_sim, platform: zephyr")
    native = edited(TANK, folder / "native", process)
    return {
        "met": met,
        "unknown": judged(folder, {"mse": 0.001, "mse_test": 0.001}, native)[0],
        "unmet": judged(folder, broken)[0],
        "unmeasured": judged(folder, {}, reason=failed("convert_failed", None))[0],
        "data": wrong_data.unlike(plan, source, 2, ("tank.csv: there is no column 'flow'",)),
        "broken": ended.broken(plan, source, 2, ("qemu: a \x1b[31mred\x1b[0m\x00 word\nmore",)),
        "unstarted": ended.broken(plan, source, 3, ("arm-none-eabi-gcc is not there",)),
        "wrong": refused(folder / "wrong.yaml"),
    }


def properties(text: str) -> dict[str, str]:
    """Those of the suite in a JUnit file."""
    root = ET.fromstring(text)  # noqa: S314 - it is our own
    return {one.attrib["name"]: one.attrib["value"] for one in root.iter("property")}


def failed(code: str, metric: str | None) -> Reason:
    """Why a candidate has no figures."""
    return Reason(code=code, stage="quantise", message="no way", metric=metric)


def refused(path: Path) -> Outcome:
    """How a run ended whose contract is wrong."""
    source = Source.of(path)
    assert source is not None
    try:
        loader.load(path, ROOT)
    except ContractError as error:
        return ended.mistaken(path.stem, source, error.problems)
    raise AssertionError("the contract is valid")
