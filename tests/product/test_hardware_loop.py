"""The whole loop with a board at its end: a stand-in on a line where one frame in fifty is bad."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.calibration.fit import fit, rows_of
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.records import Profile
from mlforge_tasks.runners._bench import MAP_VARIABLE
from mlforge_tasks.stages._calibrate import Bench, conditions
from mlforge_tasks.stages._earlier_pairs import earlier_pairs
from mlforge_tasks.stages.run import RunReport
from tests.helpers.builds import doit, edited
from tests.helpers.paths import TANK
from tests.helpers.standin import PROBE, Noise, StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


@pytest.fixture
def board() -> Iterator[StandIn]:
    """A board on the bench, plugged in."""
    with (
        tempfile.TemporaryDirectory() as folder,
        StandIn(load_board("mps2/an385"), Path(folder)) as board,
    ):
        board.plug()
        board.to_device, board.to_host = Noise(1, 0.02), Noise(2, 0.02)
        yield board


@pytest.fixture
def bench(board: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hardware map, which has the board."""
    path = tmp_path / "map.yaml"
    monkeypatch.setenv(MAP_VARIABLE, str(path))
    path.write_text(json.dumps([board.map_entry()]))
    return path


def test_a_contract_for_hardware_is_met_by_a_board(
    board: StandIn, bench: Path, build: Path, tmp_path: Path
) -> None:
    """Measured on the board what was simulated; kept for it; measured anew on another one."""
    contract = edited(TANK, tmp_path, ("mode: simulate", "mode: simulate-then-hardware"))

    first = doit(build=build, contract=contract)
    assert first.code == 0, first.out + first.err
    assert "hardware_run:2.0" in first.stages("built")
    assert not [name for name in first.stages("built") if name.startswith(("train", "run"))]
    assert "latency_us" in first.out.partition("PASS: candidate")[2]
    passed = first.out.partition("PASS: candidate")[2]
    assert passed.count("(hardware)") == 4
    assert passed.count("(hardware, computed on the host)") == 2
    delivered = build / "tank" / "delivered"
    report = RunReport.read(delivered / "measurements.json")
    assert (report.source, report.checked_against_oracle) == ("hardware", True)
    assert dict(report.where)["bench_id"] == PROBE
    assert (delivered / "transcript.txt").read_text().count(" > $") >= report.golden_vectors

    (pair,) = earlier_pairs(build, "mps2/an385")  # what `doit calibrate profiles=…` would take
    assert (pair.network, pair.probe["bench_id"]) == ("tank/iterations/02/0", PROBE)
    assert (pair.emulated.source, pair.measured.source) == ("emulated", "hardware")
    assert pair.conditions == conditions(Bench(board.board, board.board, "baremetal", "gcc"))
    assert len(rows_of(pair)) > 2
    with pytest.raises(MlforgeError, match="found profiles of 1 networks on both sides"):
        fit([pair])

    flashed = len(board.flashed)
    bench.write_text(json.dumps([board.map_entry(notes="moved to another desk")]))
    assert doit(build=build, contract=contract).executed == 0
    assert len(board.flashed) == flashed
    elsewhere = str(tmp_path / "ttyACM9")
    bench.write_text(json.dumps([board.map_entry(serial=elsewhere)]))
    assert doit(build=build, contract=contract).executed == 0  # nothing is left to do on it

    bench.write_text(json.dumps([board.map_entry(id="another", serial=elsewhere)]))
    unplugged = doit(build=build, contract=contract)
    assert (unplugged.code, unplugged.out) == (3, "")
    assert "ttyACM9 is not there" in unplugged.err

    bench.write_text(json.dumps([board.map_entry(id="another")]))
    assert "hardware_run:2.0" in doit(build=build, contract=contract).stages("built")
    assert len(board.flashed) > flashed

    bench.unlink()
    missing = doit(build=build, contract=contract)
    assert (missing.code, missing.out) == (3, "")
    assert "there is no hardware map at" in missing.err


@pytest.mark.usefixtures("bench")
def test_without_an_emulator_the_board_measures_everything(
    board: StandIn, build: Path, tmp_path: Path
) -> None:
    """Mode `hardware`: the untrained network is probed on the board too, and refused by it."""
    contract = edited(TANK, tmp_path, ("mode: simulate", "mode: hardware"))

    run = doit(build=build, contract=contract)
    assert run.code == 0, run.out + run.err
    built = run.stages("built")
    assert "probe_run:1.0" in built
    assert "train:1.0" not in built
    assert not [name for name in built if name.startswith("hardware_")]
    passed = run.out.partition("PASS: candidate")[2]
    assert passed.count("(hardware)") == 4
    assert passed.count("(hardware, computed on the host)") == 2
    assert len([name for name in built if "run:" in name]) == 3
    # What tells the profile first, so that the board keeps what was measured.
    assert [image.name for image in board.flashed] == ["profile.elf", "firmware.elf"] * 3
    for stage in ("01/0/probe_run", "02/0/probe_run", "02/0/run"):
        report = RunReport.read(build / "tank" / "iterations" / stage / "measurements.json")
        assert report.source == "hardware"
        assert dict(report.where)["bench_id"] == PROBE
        folder = build / "tank" / "iterations" / stage
        assert Profile.read(folder / "profile.json").source == "hardware"
    assert doit(build=build, contract=contract).executed == 0
