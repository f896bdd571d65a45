"""A limit on energy, met by what a meter on the bench measures; board and meter lose something."""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.meters._evidence import TRACE_FILE
from mlforge_tasks.runners._bench import MAP_VARIABLE
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.verdict.trials import Report
from tests.helpers import recorder
from tests.helpers.builds import doit, edited
from tests.helpers.paths import TANK
from tests.helpers.power_standin import PoweredBoard, Samples, csv_text
from tests.helpers.standin import Noise, StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator

M3 = load_board("mps2/an385")
RATE_HZ = 10_000
LIMIT = "limits: {ram: 8 KiB, flash: 16 KiB, latency: 1.2 ms, stack: 2 KiB}"
# 14.5 mW above idle: as long as 1 ms.
ENERGY = (
    "limits: {ram: 8 KiB, flash: 16 KiB, latency: 1 s, stack: 2 KiB, energy_per_inference: 15 uJ}"
)

pytestmark = pytest.mark.slow


@pytest.fixture
def board() -> Iterator[StandIn]:
    """A board on the bench, plugged in."""
    with tempfile.TemporaryDirectory() as folder, StandIn(M3, Path(folder)) as board:
        board.plug()
        yield board


@pytest.fixture
def meter(board: StandIn, tmp_path: Path) -> dict[str, Any]:
    """A logger with a program of its own; one line in a hundred of the board's is bad.

    Of every third recording a hundredth is lost.
    """
    powered = PoweredBoard(board, M3.systick_hz, RATE_HZ)
    samples, noise, bursts = tmp_path / "samples.csv", (Noise(1, 0.01), Noise(2, 0.01)), 0

    def play(given: Samples) -> None:
        nonlocal bursts
        bursts += 1
        lines = csv_text(given, header=False).splitlines(keepends=True)
        kept = [line for at, line in enumerate(lines) if bursts % 3 != 1 or at % 100 != 99]
        samples.write_text("".join(kept))

    powered.play = play
    board.to_device = noise[0]
    board.to_host = lambda line: noise[1](powered.on_line(line))
    samples.write_text("")
    return {
        "kind": "csv",
        "name": "logger 7",
        "command": [sys.executable, recorder.__file__, str(samples), "{file}"],
        "delimiter": ";",
        "voltage": "3 V",
        "columns": {
            "time": {"column": "time_ms", "unit": "ms"},
            "current": {"column": "current_uA", "unit": "uA"},
            "marker": {"column": "D0"},
        },
    }


def test_a_limit_on_energy_is_met_by_a_meter(
    board: StandIn,
    meter: dict[str, Any],
    build: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first network takes too much and is not trained; the second passes, by the meter."""
    bench = tmp_path / "map.yaml"
    monkeypatch.setenv(MAP_VARIABLE, str(bench))
    bench.write_text(json.dumps([board.map_entry(id="powered", meter=meter)]))
    contract = edited(TANK, tmp_path, ("mode: simulate", "mode: hardware"), (LIMIT, ENERGY))

    run = doit(build=build, contract=contract)
    assert run.code == 0, run.out + run.err
    assert "train:1.0" not in run.stages("built")
    assert "energy_per_inference" in run.out.partition("PASS: candidate")[2]
    delivered = build / "tank" / "delivered"
    refused = Report.read(delivered / "report.json").results[0].trial.reason
    assert refused is not None
    assert (refused.code, refused.metric) == ("measured_limit", "energy_per_inference_uj")
    report = RunReport.read(delivered / "measurements.json")
    figures = {one.metric: one for one in report.measurements}
    energy = figures["energy_per_inference_uj"]
    assert (energy.source, report.not_measured) == ("hardware", ())
    assert energy.interval is not None
    expected = (5.0273e-3 - 2e-4) * 3 * figures["latency_us"].value
    assert energy.value == pytest.approx(expected, rel=0.02)
    assert energy.value < 15
    assert dict(report.where)["meter"] == "csv logger 7"
    assert gzip.decompress((delivered / TRACE_FILE).read_bytes()).startswith(b"time_s,power_w")
    assert doit(build=build, contract=contract).executed == 0
