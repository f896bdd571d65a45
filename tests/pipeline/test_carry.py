"""An edited limit that what was found keeps is met at once; a cold run knows nothing of history."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.graph.manifest import Provenance
from mlforge_tasks.graph.stage import Stage
from mlforge_tasks.pipeline.carry import CarryOver, find
from mlforge_tasks.shell import tasks
from mlforge_tasks.verdict.layer_noise import LAYERS
from mlforge_tasks.verdict.trials import Report
from tests.helpers.builds import Cold, digests, doit, edited
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.pipeline.plan import Plan

pytestmark = pytest.mark.slow
FLASH, GOAL = ("flash: 16 KiB", "flash: 12 KiB"), ("target: 0.05", "target: 0.004")
SEARCH = {"met": False, "calc_dep": ["gate:1"], "task_dep": []}
DELIVER = {"met": True, "calc_dep": [], "task_dep": ["deliver:0"]}


def plan_of(folder: Path, build: Path, *changes: tuple[str, str]) -> Plan:
    return tasks.load_plan(str(edited(TANK, folder, *changes)), str(build))


def test_a_limit_that_is_kept_is_met_at_once(build: Path, tmp_path: Path) -> None:
    """Nothing is trained, built or run; report, console and provenance say what was carried."""
    contract = edited(TANK, tmp_path, FLASH, GOAL, ("latency: 1.2 ms", "latency: 0.9 ms"))
    before = digests(build)["tank/delivered"]
    run = doit(build=build, contract=contract)
    assert run.code == 0, run.out + run.err
    assert run.stages("built") == ["deliver:0"]
    assert "flash_bytes 12 KiB, was 16 KiB; latency_us 900 us, was 1.2 ms; mse 0.004" in run.out
    assert "the test split was asked of 1 candidate\n" in run.out
    delivered = build / "tank" / "delivered"
    report = Report.read(delivered / "report.json")
    assert report.carried is not None
    assert [one.trial.id for one in report.results] == ["2.0"] == list(report.carried.asked)
    assert {one.metric: one.limit for one in report.carried.bounds}["flash_bytes"] == 16 << 10
    assert {one.metric: one.limit for one in report.bounds}["flash_bytes"] == 12 << 10
    document = Provenance.read(delivered / "provenance.json").key_document
    assert isinstance(document["config"], dict)
    assert document["config"]["searched"]["limits"]["flash_bytes"] == 16 << 10
    now = digests(build)["tank/delivered"]
    told = {"report.json", "report.html", "convergence.png"}
    told |= {"contract.json", "searched_contract.json"}
    assert {name for name in now | before if now.get(name) != before.get(name)} == told
    assert doit(build=build, contract=contract).executed == 0

    # With the limits of the search it is that search again, which knows nothing of the rest.
    back = doit(build=build)
    assert (back.code, back.stages("built")) == (0, ["deliver:2"])
    assert digests(build)["tank/delivered"] == before
    assert doit(build=build).executed == 0


def test_a_tree_without_a_delivery_has_no_history(cold: Cold, tmp_path: Path) -> None:
    """After `doit clean` an edited contract is searched, as it is in a new tree."""
    build = tmp_path / "build"
    shutil.copytree(cold.build, build)
    contract = edited(TANK, tmp_path, FLASH)
    assert doit(build=build, contract=contract).stages("built") == ["deliver:0"]
    assert doit(build=build, contract=contract, command="clean").code == 0
    run = doit(build=build, contract=contract)
    assert "deliver:2" in run.stages("built")
    assert Report.read(build / "tank" / "delivered" / "report.json").carried is None
    new = tmp_path / "new"
    new.mkdir()
    for store in ("ac", "cas"):  # so that nothing is trained again
        shutil.copytree(cold.build / store, new / store)
    assert doit(build=new, contract=contract).code == 0
    assert digests(new) == digests(build)


@pytest.mark.parametrize(
    ("changes", "decision"),
    [
        ([], SEARCH),
        ([FLASH], DELIVER),
        ([GOAL], DELIVER),
        ([("stack: 2 KiB}", "stack: 2 KiB}\nmargins: {flash: 10 %}")], DELIVER),
        ([("flash: 16 KiB", "flash: 4 KiB")], SEARCH),
        ([("target: 0.05", "target: 0.003")], SEARCH),
        ([("metric: mse", "metric: mae")], SEARCH),
        ([FLASH, ("epochs: 12", "epochs: 13")], SEARCH),
        ([FLASH, ("count: 64", "count: 65")], SEARCH),
        ([FLASH, ("seed: 4}", "seed: 5}")], SEARCH),
    ],
    ids=[
        *("nothing", "a limit", "the goal", "a margin", "a broken limit", "a missed goal"),
        *("another metric", "the training too", "the data too", "the search too"),
    ],
)
def test_only_limits_that_are_kept_carry_over(
    build: Path, tmp_path: Path, changes: list[tuple[str, str]], decision: object
) -> None:
    """Whatever else is edited is searched for anew."""
    assert CarryOver(plan_of(tmp_path / "edited", build, *changes)).decide() == decision


def test_a_search_with_another_result_carries_nothing(build: Path, tmp_path: Path) -> None:
    """What lies there must be what today's code and files would make, to the byte."""
    assert find(plan_of(tmp_path / "1", build, FLASH)) is not None
    delivered = build / "tank" / "delivered"
    firmware = (delivered / "firmware.bin").read_bytes()
    (delivered / "firmware.bin").write_bytes(firmware + b"\0")
    assert find(plan_of(tmp_path / "2", build, FLASH)) is None
    (delivered / "firmware.bin").write_bytes(firmware)
    entry = json.loads((build / "tank/iterations/02/0/train/provenance.json").read_bytes())
    (build / "ac" / entry["key"][:2] / entry["key"]).unlink()
    assert find(plan_of(tmp_path / "3", build, FLASH)) is not None, "it lies in its place"
    shutil.rmtree(build / "tank" / "iterations" / "02" / "0" / "train")
    assert find(plan_of(tmp_path / "4", build, FLASH)) is None


def test_a_search_that_another_has_overwritten_comes_back(build: Path, tmp_path: Path) -> None:
    """Its stages are taken from the store; what another search left in their place goes."""
    shutil.rmtree(build / "tank" / "iterations")
    carry = CarryOver(plan_of(tmp_path / "edited", build, FLASH))
    assert carry.decide() == DELIVER
    made = [f"{one}:0" for one in ("report", "library", "layers", "page", "deliver")]
    assert [stage.name for stage in carry.stages] == made
    assert [stage.run().how for stage in carry.stages] == ["built"] * len(made)
    # Of a candidate whose layers are known nothing is run again.
    apart = carry.stages[2]
    known = apart.inputs["known"]
    assert isinstance(known, Stage)
    assert known.name == "layers:2"
    assert (apart.folder / LAYERS).read_bytes() == (known.folder / LAYERS).read_bytes()


def test_a_goal_that_was_missed_and_is_lowered_takes_what_was_trained(
    build: Path, tmp_path: Path
) -> None:
    """Of a contract that was not met too: its best candidate, asked on the test split once."""
    rounds = ("max_iterations: 3", "max_iterations: 2")
    unmet = edited(TANK, tmp_path / "unmet", ("target: 0.05", "target: 0.001"), rounds)
    assert doit(build=build, contract=unmet).code == 1
    carry = CarryOver(plan_of(tmp_path / "met", build, rounds, GOAL))
    assert carry.decide() == DELIVER
    (told,) = (stage for stage in carry.stages if stage.name == "report:0")
    assert told.config["carried"]["asked"] == ["2.0"]


def test_a_contract_of_other_data_is_no_earlier_search(build: Path, tmp_path: Path) -> None:
    """A source that changed since is seen, though the contract says the same."""
    project = tmp_path / "project"
    shutil.copytree(ROOT / "tests" / "data", project / "tests" / "data")
    plan = plan_of(tmp_path / "edited", build, FLASH)
    source = project / "tests" / "data" / "tank.csv"
    source.write_text(source.read_text() + "99999,1.0,1.0\n")
    moved = type(plan)(**{**vars(plan), "root": project})
    assert find(moved) is None
