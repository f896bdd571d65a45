"""The graph of a contract with several targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from doit.exceptions import InvalidDodoFile

from mlforge_tasks.contract import loader
from mlforge_tasks.pipeline import carry
from mlforge_tasks.pipeline.plan import make_plan
from mlforge_tasks.shell import each_target
from mlforge_tasks.shell.rounds import Rounds
from mlforge_tasks.shell.tasks import load_plan
from tests.helpers.builds import edited
from tests.helpers.paths import ROOT, TANK
from tests.helpers.several_targets import ONE, OWN, TWO

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.pipeline.plan import Plan

OTHER = "_mps2_an386"
ON_EACH = {
    *("admit", "engine", "feasible", "firmware", "floor", "run"),
    *("probe_engine", "probe_firmware", "probe_run"),
}


def plan_of(folder: Path, *changes: tuple[str, str]) -> Plan:
    contract = loader.load(edited(TANK, folder, *changes), ROOT)
    return make_plan(contract, "tank", root=ROOT, build=folder / "build")


def test_only_what_runs_on_a_target_is_made_for_each(tmp_path: Path) -> None:
    """One model; the leading target's stages are called as those of one target alone."""
    alone, both = plan_of(tmp_path / "one"), plan_of(tmp_path / "two", (ONE, TWO))
    names = [
        {one.name.partition(":")[0] for one in plan.stages(plan.iterations[:1])}
        for plan in (alone, both)
    ]
    assert names[1] - names[0] == {f"{name}{OTHER}" for name in ON_EACH}
    assert names[0] < names[1]


def test_nothing_is_trained_before_every_target_has_admitted_it(tmp_path: Path) -> None:
    """And nothing is proposed before the limits of each are possible."""
    first = plan_of(tmp_path, (ONE, TWO)).iterations[0]
    chain = first.candidates[0]
    assert chain["train"].inputs["admit"] is chain[f"admit{OTHER}"]
    assert chain[f"admit{OTHER}"].inputs["admit"] is chain["admit"]
    assert first.propose is not None
    assert {"feasible", f"feasible{OTHER}"} <= set(first.propose.inputs)


def test_each_admits_by_its_own_limits(tmp_path: Path) -> None:
    """Under the figure's name among those of all, of a figure of its own run."""
    chain = plan_of(tmp_path, (ONE, TWO)).iterations[0].candidates[0]
    bounds = {
        name: {one["metric"]: (one["of"], one["limit"]) for one in chain[name].config["bounds"]}
        for name in ("admit", f"admit{OTHER}")
    }
    assert "flash_bytes@mps2_an386" not in bounds["admit"]
    assert bounds["admit"]["flash_bytes"] == ("", 16384)
    assert bounds[f"admit{OTHER}"]["flash_bytes@mps2_an386"] == ("flash_bytes", 12288)
    assert chain[f"run{OTHER}"].config["board"]["name"] == "mps2/an386"


def test_each_target_has_a_patch_of_the_model_that_it_has(tmp_path: Path) -> None:
    """None has one for another; what has no model yet has none."""
    used = f"{OWN}, operation: {{update: {{model: tests/data/header.tflite, compression: crle}}}}"
    first = plan_of(tmp_path, (ONE, TWO.replace(OWN, used))).iterations[0]
    chain = first.candidates[0]
    assert "update" not in chain.stages
    update = chain[f"update{OTHER}"]
    assert update.inputs == {
        "quantise": chain["quantise"],
        "before": TANK.with_name("header.tflite"),
    }
    assert update.config["compression"] == "crle"
    assert first.judge.inputs[f"0.update{OTHER}"] is update
    assert f"update{OTHER}" in carry._all_of(chain)


def test_a_stage_of_a_further_target_can_be_named(tmp_path: Path) -> None:
    """Also of a round that doit is not told of from the start."""
    rounds = Rounds(plan_of(tmp_path, (ONE, TWO)))
    assert rounds._named(f"run{OTHER}:3.0") == 3


def test_a_contract_with_a_model_for_each_is_several_plans(tmp_path: Path) -> None:
    """One has to be named where there is to be one."""
    path = edited(TANK, tmp_path, (ONE, f"models: each\n{TWO}"))
    build = str(tmp_path / "build")
    with pytest.raises(each_target.EachTargetError) as error:
        load_plan(str(path), build)
    assert error.value.words == [f"{path}@mps2_an385", f"{path}@mps2_an386"]
    plan = load_plan(f"{path}@mps2_an386", build)
    assert plan.name == "tank@mps2_an386"
    assert plan.contract.target.board == "mps2/an386"
    flash = next(one for one in plan.iterations[0].judge.config["bounds"])
    assert flash["key"] == "targets.1.limits.ram"
    with pytest.raises(InvalidDodoFile, match="did you mean 'mps2_an386'"):
        load_plan(f"{path}@mps2_an387", build)


def test_one_model_for_all_has_no_target_of_its_own(tmp_path: Path) -> None:
    """Nor has a contract with one target."""
    path = edited(TANK, tmp_path, (ONE, TWO))
    with pytest.raises(InvalidDodoFile, match="one model is for all"):
        load_plan(f"{path}@mps2_an385", str(tmp_path / "build"))


def test_an_at_sign_in_a_folder_is_no_target() -> None:
    """Only what stands behind the file's name is one."""
    assert each_target.split("a@b/x.yaml") == ("a@b/x.yaml", "")
    assert each_target.split("a@b/x.yaml@c") == ("a@b/x.yaml", "c")
    assert each_target.is_contract("x.yaml@c")
    assert not each_target.is_contract("build/x@c")
