"""What a run needs is looked for before its first stage: exit code 3, and nothing was started."""

from __future__ import annotations

import importlib.util
import json
import shutil
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.contract.loader import load
from mlforge_tasks.errors import MlforgeError, ToolError
from mlforge_tasks.pipeline import preflight
from mlforge_tasks.pipeline.plan import make_plan
from mlforge_tasks.platforms.zephyr import PLUGIN as ZEPHYR
from mlforge_tasks.runners._bench import MAP_VARIABLE
from tests.helpers.builds import Run, doit, edited
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = {
    "connected": True,
    "id": "77",
    "platform": "mps2/an385",
    "product": "J-Link",
    "flash_command": ["true"],
}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the hardware map would be."""
    path = tmp_path / "map.yaml"
    monkeypatch.setenv(MAP_VARIABLE, str(path))
    return path


def contract(tmp_path: Path, mode: str) -> Path:
    """The small contract in a mode."""
    return edited(TANK, tmp_path, ("mode: simulate", f"mode: {mode}"))


def run(tmp_path: Path, mode: str, *words: str) -> Run:
    """A run of it in a new build tree."""
    return doit(*words, build=tmp_path / "build", contract=contract(tmp_path, mode))


def refusal(tmp_path: Path, mode: str, *names: str) -> str:
    """What is said before a run of the whole search, or of some stages; empty where nothing is."""
    loaded = load(contract(tmp_path, mode), ROOT)
    plan = make_plan(loaded, "tank", root=ROOT, build=tmp_path / "build")
    try:
        preflight.require(plan, names or None)
    except MlforgeError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("mode", ["hardware", "simulate-then-hardware"])
def test_the_bench_is_looked_for_first(mode: str, bench: Path, tmp_path: Path) -> None:
    """No map, no such board, none connected, no port: each in its own words."""
    assert "there is no hardware map at" in refusal(tmp_path, mode)
    for found, said in (
        ({"platform": "nucleo_f446re"}, "there is no mps2/an385 on the bench"),
        ({"connected": False}, "no mps2/an385 is connected"),
        ({"serial": str(tmp_path / "ttyACM0")}, "ttyACM0 is not there"),
    ):
        bench.write_text(json.dumps([{**ENTRY, "serial": "/dev/null", **found}]))
        assert said in refusal(tmp_path, mode)
    bench.write_text(json.dumps([{**ENTRY, "serial": "/dev/null"}]))
    assert not refusal(tmp_path, mode)
    assert not (tmp_path / "build" / "tank").exists()


@pytest.mark.usefixtures("bench")
def test_without_its_bench_nothing_is_started(tmp_path: Path) -> None:
    """A run ends with code 3, before the data is read."""
    found = run(tmp_path, "simulate-then-hardware")
    assert found.code == 3, found.out + found.err
    assert "there is no hardware map at" in found.err
    assert not found.out
    # Nothing but what CI reads of it.
    assert [one.name for one in (tmp_path / "build" / "tank").iterdir()] == ["ci"]


@pytest.mark.usefixtures("bench")
def test_what_needs_no_board_is_made_without_one(tmp_path: Path) -> None:
    """Stages that are named, and `doit check`, only ask for what leads to them."""
    assert run(tmp_path, "hardware", "dataset", "floor").code == 0
    assert run(tmp_path, "hardware", "check").code == 0
    assert "there is no hardware map" in refusal(tmp_path, "hardware", "train:1.0")
    assert "there is no hardware map" in refusal(tmp_path, "simulate-then-hardware", "report")
    for name in ("render:1.0", "train:1.0", "run:1.0"):
        assert not refusal(tmp_path, "simulate-then-hardware", name)


def test_the_emulator_is_looked_for_where_one_measures(
    bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contract for the board alone needs none."""
    bench.write_text(json.dumps([{**ENTRY, "serial": "/dev/null"}]))
    real = shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda name, *rest: None if "qemu" in name else real(name, *rest)
    )
    for mode in ("simulate", "simulate-then-hardware"):
        assert "'qemu-system-arm' was not found on PATH" in refusal(tmp_path, mode)
    assert not refusal(tmp_path, "hardware")


def test_what_stands_in_for_the_oracle_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the wheel a host's compiler computes the figures."""
    real, real_which = importlib.util.find_spec, shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda name, *rest: None if name == "gcc" else real_which(name, *rest)
    )
    assert not refusal(tmp_path, "simulate")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tflite_micro" else real(name)
    )
    said = refusal(tmp_path, "simulate")
    assert "'gcc' was not found on PATH" in said
    assert "apt-get install gcc" in said


def test_tflm_without_an_emulated_core_is_refused_before_anything_starts() -> None:
    """Nothing could tell how large its arena must be; `auto` is `aot` there."""
    board = load_board("nucleo_f446re")
    known = board.zephyr
    assert known is not None
    alone = board.model_copy(update={"zephyr": known.model_copy(update={"arena_on": None})})
    assert ZEPHYR.engines_for(board) == ("aot", "tflm")
    assert ZEPHYR.engines_for(alone) == ("aot",)
    with pytest.raises(ToolError, match="needs an emulator to find the arena's size"):
        ZEPHYR.require(alone, "tflm")
