"""A calibration beside the boards: read with its lines, used where it holds, told where not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks import calibration
from mlforge_tasks.agents import DesignBrief
from mlforge_tasks.agents._cost import CostModel
from mlforge_tasks.agents._loop_costs import LOOPS, class_of_loop
from mlforge_tasks.architecture import Architecture, Dense
from mlforge_tasks.calibration.classes import CLASSES
from mlforge_tasks.calibration.fit import fit
from mlforge_tasks.calibration.foretell import foretell
from mlforge_tasks.calibration.record import Calibration
from mlforge_tasks.contract.board import board_file, board_names, check_files, load_board
from mlforge_tasks.contract.loader import load
from mlforge_tasks.errors import ContractError
from mlforge_tasks.graph.stage import Workspace
from mlforge_tasks.graph.store import Store
from mlforge_tasks.pipeline import calibrated
from mlforge_tasks.pipeline.reporting import judging
from mlforge_tasks.pipeline.wiring import Wiring
from mlforge_tasks.records import Profile, Verdict
from mlforge_tasks.shell import calibrate
from mlforge_tasks.stages._calibrate import Bench, conditions
from mlforge_tasks.stages._calibrated import as_measurement
from mlforge_tasks.verdict.constraints import Bound, judge
from mlforge_tasks.yaml_file import read_model
from tests.helpers.builds import edited
from tests.helpers.calibrated import drawn, pairs
from tests.helpers.made_up_device import figures_of, make_brief
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

M3 = load_board("mps2/an385")


def of_this_board() -> Calibration:
    """One that holds for what the small contract builds today."""
    return fit(pairs(6, 0.02)).calibration.model_copy(
        update={"conditions": conditions(Bench(M3, M3, "baremetal", "gcc"))}
    )


def beside(folder: Path, known: Calibration) -> Path:
    """Written where a contract in the folder finds it."""
    path = calibration.beside(board_file("mps2/an385", folder / "boards"))
    calibrate.write(known, path)
    return path


def wiring_of(folder: Path, *changes: tuple[str, str]) -> Wiring:
    contract = load(edited(TANK, folder, *changes), ROOT)
    return Wiring(contract, folder / "tank", Workspace(Store(folder)), ROOT)


def test_it_reads_as_it_was_written(tmp_path: Path) -> None:
    """People read the same file; it is no board, whoever looks for those."""
    known = of_this_board()
    path = beside(tmp_path, known)
    assert read_model(path, Calibration) == known
    text = path.read_text()
    assert text.startswith("# What layers take on mps2/an385, which `doit calibrate board=mps2/")
    assert "\n  bench_id: 000683759358\n" in text
    assert re.search(r"^  conv: \{per_cycle: 1\.", text, re.MULTILINE)
    assert board_names(path.parent) == ()
    check_files(path.parent)


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("  conv: {per_cycle: 1", "  conv: {per_cycle: -1", "  conv: {", "greater than 0"),
        ("date: '2026-11-28'", "date: yesterday", "date:", "date"),
        ("  clock_hz: 25000000", "  clock: 25 MHz", "  clock: 25", "clock"),
        ("version: 1", "version: 2", "version:", "version"),
        ("- name: n03", "- nome: n03", "- nome: n03", "nome"),
    ],
)
def test_mistakes_are_told_with_their_lines(
    tmp_path: Path, old: str, new: str, line: str, told: str
) -> None:
    """As those of a contract are, by each contract that names the board."""
    path = beside(tmp_path, of_this_board())
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    number = next(
        at for at, one in enumerate(path.read_text().splitlines(), 1) if one.startswith(line)
    )
    with pytest.raises(ContractError) as caught:
        load(edited(TANK, tmp_path), ROOT)
    shown = [str(one) for one in caught.value.problems]
    assert any(one.startswith(f"{path}:{number}: ") and told in one for one in shown), shown


def test_a_network_without_a_class_is_a_mistake(tmp_path: Path) -> None:
    """An interval needs the fits without each network, of each class."""
    known = of_this_board()
    last = known.networks[-1]
    fewer = last.model_copy(update={"without": {"conv": last.without["conv"]}})
    broken = known.model_copy(update={"networks": (*known.networks[:-1], fewer)})
    beside(tmp_path, broken)
    with pytest.raises(ContractError, match=r"networks\.5\.without: found conv, wanted"):
        load(edited(TANK, tmp_path), ROOT)


def test_without_one_nothing_is_another(tmp_path: Path) -> None:
    """Neither the contract's JSON nor what a stage is told, which is in its key."""
    plain = wiring_of(tmp_path)
    before = (judging(plain), calibrated.for_proposals(plain), plain.contract.to_bytes())
    assert "calibration" not in before[0]
    assert before[1] == {}
    beside(tmp_path, of_this_board())
    known = wiring_of(tmp_path)
    assert known.contract.to_bytes() == before[2]
    assert judging(known)["calibration"]["unused"] == ""
    assert calibrated.for_proposals(known) == {}  # figures are the emulator's


def test_another_clock_or_tool_is_told_and_it_is_not_used(tmp_path: Path) -> None:
    """Each thing that it was not measured with, with what it was."""
    known = of_this_board()
    then = known.conditions.model_copy(
        update={"clock_hz": 50_000_000, "kernels": "0" * 64, "versions": "gcc 9.1"}
    )
    beside(tmp_path, known.model_copy(update={"conditions": then}))
    why = judging(wiring_of(tmp_path))["calibration"]["unused"]
    assert "clock_hz 25000000, then 50000000; " in why
    assert why.endswith("other kernels")
    assert ", then gcc 9.1" in why
    wide = wiring_of(
        tmp_path, ("agent: random_search,", "agent: random_search, activations: int16,")
    )
    assert judging(wide)["calibration"]["unused"] == "it is of int8 layers"


def test_forecasts_of_a_board_start_from_what_it_was_found_to_take(tmp_path: Path) -> None:
    """Where the board itself measures: its cycles an instruction, class by class."""
    known = of_this_board()
    beside(tmp_path, known)
    told = calibrated.for_proposals(wiring_of(tmp_path, ("mode: simulate", "mode: hardware")))
    assert told["calibrated"] == {kind: one.per_instruction for kind, one in known.classes.items()}


def test_a_forecast_is_scaled_class_by_class() -> None:
    """A dense network goes by what dense layers take, and is surer of it than by a guess."""
    brief = make_brief(input_shape=(16,))
    figures = figures_of(brief, Architecture(layers=(Dense(units=24, activation="relu"),)))
    cycles = {"dense": 3.4, "conv": 9.0}
    board = brief.board.model_copy(update={"calibrated": cycles})
    told = brief.model_copy(update={"board": board})
    plain, known = (
        CostModel(one, ()).predict(CostModel(one, ()).count(figures))["latency_us"]
        for one in (brief, told)
    )
    assert known.expected / plain.expected == pytest.approx(3.4, rel=0.1)
    assert known.upper / known.expected < plain.upper / plain.expected
    assert "calibrated" not in brief.board.model_dump()
    assert DesignBrief.from_dump(told.model_dump(mode="json")) == told


def test_each_loop_belongs_to_a_class() -> None:
    """By its name; what convolutions have is not named after them."""
    found = {loop: class_of_loop(loop) for loops in LOOPS.values() for loop in loops}
    assert {found[name] for name in ("dsp_dense_macs", "dense_layers")} == {"dense"}
    assert {found[name] for name in ("mean_inputs", "dsp_pooled_words", "averages")} == {"pool"}
    assert {found[name] for name in ("dsp_added", "sums", "maps")} == {"elementwise"}
    assert {found[name] for name in ("mve_rows", "portable_pair_fours")} == {"conv"}
    assert found["mve_depthwise_lane_sums"] == "depthwise"
    assert set(found.values()) == set(CLASSES)


def test_a_calibrated_figure_meets_no_clause() -> None:
    """Whatever a clause is for: it binds the latency, which this is not."""
    bounds = [Bound(metric="latency_us", limit=1e6, unit="us", sources=("hardware",))]
    found = as_measurement(foretell(of_this_board(), Profile(source="emulated", layers=drawn(1))))
    assert [one.source for one in found] == ["emulated"]
    verdict: Verdict = judge(bounds, found)
    assert (verdict.met, verdict.clauses[0].status) == (False, "unknown")
