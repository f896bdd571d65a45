"""`mode: static`: nothing is executed, and what an NPU's compiler needs is looked for at first."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.loader import load
from mlforge_tasks.errors import MlforgeError, ToolError
from mlforge_tasks.pipeline import preflight
from mlforge_tasks.pipeline.plan import Plan, make_plan
from mlforge_tasks.stages import estimate
from mlforge_tasks.verdict import clauses
from tests.helpers.builds import edited
from tests.helpers.paths import TANK

if TYPE_CHECKING:
    from pathlib import Path

TARGET = "target: {board: mps2/an385, platform: baremetal, engine: aot}"
STATIC = ("mode: simulate", "mode: static")
NEEDS_VELA = pytest.mark.skipif(
    importlib.util.find_spec("ethosu") is None, reason="ethos-u-vela is not installed"
)
OWN = """
[System_Config.Ours]
core_clock=400e6
axi0_port=Sram
axi1_port=OffChipFlash
Sram_clock_scale=1.0
OffChipFlash_clock_scale=0.125
"""


def on_npu(platform: str = "model_only", **npu: str) -> tuple[str, str]:
    """The change that puts a contract onto an NPU."""
    told = ", ".join(f"{key}: {value}" for key, value in npu.items())
    where = f"board: mps3/corstone300/fvp, platform: {platform}, engine: ethos_u"
    return TARGET, f"target: {{{where}, npu: {{{told}}}}}"


def plan_of(project: Path, *changes: tuple[str, str]) -> Plan:
    """The small contract's plan, in a project of its own."""
    data = project / "tests" / "data"
    data.mkdir(parents=True, exist_ok=True)
    shutil.copy(TANK.with_suffix(".csv"), data)
    (project / "own.ini").write_text(OWN)
    loaded = load(edited(TANK, project, STATIC, *changes), project)
    return make_plan(loaded, "tank", root=project, build=project / "build")


def test_an_estimate_stands_for_every_run(tmp_path: Path) -> None:
    """Under the run's name, so that what reads a run reads it; nothing is probed beforehand."""
    plan = plan_of(tmp_path, on_npu())
    chain = plan.iterations[0].candidates[0]
    assert chain["run"].kind is chain["probe_run"].kind is estimate.KIND
    assert plan.preparation.feasible is not None
    assert plan.preparation.feasible.config["probe"] is None
    # A compiler undercuts what shapes bound: it encodes weights.
    assert chain["screen"].config["bounds"] == []


def test_clauses_are_met_by_computed_figures_alone(tmp_path: Path) -> None:
    """What nothing can tell without a run, or without an image, is said to have no source."""
    for platform, unknown in (
        ("zephyr", {"stack_bytes"}),
        ("model_only", {"stack_bytes", "ram_bytes", "flash_bytes"}),
    ):
        bounds = clauses.bounds(plan_of(tmp_path, on_npu(platform)).contract)
        assert {one.metric for one in bounds if not one.sources} == unknown
        assert {one.sources for one in bounds if one.sources} == {("static",)}


def test_only_an_npus_engine_is_told_of_the_npu(tmp_path: Path) -> None:
    """Its configuration of ones own is an input, known by its content; other keys stay as ever."""
    chain = plan_of(tmp_path, on_npu(system_config="Ours", vela_ini="own.ini")).iterations[0]
    engine = chain.candidates[0]["engine"]
    assert engine.config["npu"]["system_config"] == "Ours"
    assert engine.inputs["vela_ini"] == tmp_path / "own.ini"
    assert "ethos-u-vela" in engine.kind.tools()
    other = plan_of(tmp_path).iterations[0].candidates[0]["engine"]
    assert "npu" not in other.config
    assert "vela_ini" not in other.inputs
    assert other.kind.tools() == {}


def test_an_npu_that_is_not_there_takes_no_other_engines_place(tmp_path: Path) -> None:
    """What a model that was brought along is told of other engines."""
    (tmp_path / "level.tflite").write_bytes(b"")
    brought = (
        "agent: random_search, max_iterations: 3, seed: 4",
        "agent: fixed, file: level.tflite",
    )
    for changes, there in ((), False), ((on_npu(),), True):
        report = plan_of(tmp_path, brought, *changes).iterations[0].report
        assert ("ethos_u" in report.config["operators"]) == there


@NEEDS_VELA
def test_names_are_looked_for_before_anything_starts(tmp_path: Path) -> None:
    """In Arm's configuration and in that of the project."""
    preflight.require(plan_of(tmp_path, on_npu()), None)
    preflight.require(plan_of(tmp_path, on_npu(system_config="Ours", vela_ini="own.ini")), None)
    with pytest.raises(MlforgeError, match=r"npu\.system_config: found 'Ours'"):
        preflight.require(plan_of(tmp_path, on_npu(system_config="Ours")), None)


def test_without_vela_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the package to install."""

    def none(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", none)
    with pytest.raises(ToolError, match="needs the Python package 'ethos-u-vela'"):
        preflight.require(plan_of(tmp_path, on_npu()), None)
