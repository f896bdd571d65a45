"""A board's power by a meter, both stood in for, where the right answer is known."""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import ToolError
from mlforge_tasks.meters._evidence import TRACE_FILE
from mlforge_tasks.platforms.baremetal import PLUGIN as BAREMETAL
from mlforge_tasks.runners._bench import MAP_VARIABLE
from mlforge_tasks.runners._line import Patience
from mlforge_tasks.runners._power import ATTEMPTS, FIGURES
from mlforge_tasks.runners.serial import SerialRunner
from tests.helpers import recorder, tiny_model
from tests.helpers.power_standin import PoweredBoard, Ppk2StandIn, Samples, csv_text
from tests.helpers.standin import Noise, StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.runners import Beside

M3 = load_board("mps2/an385")
PATIENT = Patience(lock_s=0, port_s=10, boot_s=60, answer_s=2, silence_s=60)
CSV_HZ = 10_000
COLUMNS = {
    "time": {"column": "time_ms", "unit": "ms"},
    "current": {"column": "current_uA", "unit": "uA"},
    "marker": {"column": "D0"},
}
CSV = {"kind": "csv", "name": "a logger, number 7", "delimiter": ";", "columns": COLUMNS}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """The tiny model's image with a marker, and without; an inference takes some 0.3 ms."""
    folder = tmp_path_factory.mktemp("images")
    slow = "for (volatile int i = 0; i < 1000; i++) { }"
    model = tiny_model.write_model(folder / "model", invoke=slow)
    made = {}
    for marker in (True, False):
        out = folder / str(marker)
        out.mkdir()
        BAREMETAL.build(replace(tiny_model.request(M3, model), marker=marker), out)
        made[marker] = out / "firmware.elf"
    return made


@dataclass
class Bench:
    """A board that has a meter, and what the runner is told of them."""

    board: StandIn
    powered: PoweredBoard
    images: dict[bool, Path]
    folder: Path

    def describe(self, meter: dict[str, Any] | None) -> None:
        """Writes the hardware map."""
        entry = self.board.map_entry(id="powered", **({"meter": meter} if meter else {}))
        (self.folder / "hardware-map.yaml").write_text(json.dumps([entry]))

    def beside(self, *, marker: bool = True) -> Beside:
        """Flashes the image, asks it something, and has it measured."""
        runner = SerialRunner(patience=PATIENT)
        with runner.open(
            M3, self.images[marker], tiny_model.EXPECTED, evidence=self.folder
        ) as session:
            assert session.infer(b"\1\2\3").output == b"\6"
            found = session.beside
            assert session.infer(b"\1\2\4").output == b"\7"
            assert session.beside is found or not found.measurements
        return found

    def check(self, found: Beside) -> None:
        """Holds figures against what the stand-in takes."""
        figures = {one.metric: one for one in found.measurements}
        assert all(one.source == "hardware" for one in figures.values())
        energy = figures["energy_per_inference_uj"]
        assert energy.unit == "uJ"
        assert energy.interval is not None
        assert energy.value == pytest.approx(self.powered.energy_uj, rel=1e-3)
        assert energy.interval.low < self.powered.energy_uj < energy.interval.high
        assert figures["idle_power_uw"].value == pytest.approx(600, rel=1e-3)
        assert figures["active_power_uw"].value == pytest.approx(15_082, rel=1e-3)
        share = 1 - 600 / figures["active_power_uw"].value
        with_idle = figures["energy_with_idle_uj"]
        assert energy.value == pytest.approx(with_idle.value * share, rel=1e-3)
        assert figures["energy_windows"].value == 11
        assert figures["energy_inferences"].value == self.powered.inferences


@pytest.fixture
def bench(
    images: dict[bool, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    """The bench, with its map where the runner looks for it."""
    monkeypatch.setenv(MAP_VARIABLE, str(tmp_path / "hardware-map.yaml"))
    with tempfile.TemporaryDirectory() as folder, StandIn(M3, Path(folder)) as board:
        powered = PoweredBoard(board, M3.systick_hz, CSV_HZ)
        board.plug()
        yield Bench(board, powered, images, tmp_path)


def recorded(bench: Bench) -> dict[str, Any]:
    """A CSV meter with a program that records, for the bench."""
    source = bench.folder / "samples.csv"

    def play(samples: Samples) -> None:
        with source.open("a") as file:
            file.write(csv_text(samples, header=False))

    source.write_text("")
    bench.powered.play = play
    command = [sys.executable, recorder.__file__, str(source), "{file}"]
    return {**CSV, "voltage": "3 V", "command": command}


def test_energy_by_a_program_that_writes_csv(bench: Bench) -> None:
    """The figures are those that the stand-in takes; the trace is on record, the same each time."""
    bench.describe(recorded(bench))
    found = bench.beside()
    bench.check(found)
    assert found.where == (("meter", "csv a logger, number 7"),)
    assert found.not_measured == ()
    trace = gzip.decompress((bench.folder / TRACE_FILE).read_bytes()).decode().splitlines()
    assert trace[0] == "time_s,power_w,marker,of 1 samples"
    assert len(trace) == pytest.approx(25 * bench.powered.window_s * CSV_HZ, rel=0.01)


def test_energy_by_a_file_that_goes_on(bench: Bench) -> None:
    """A program that runs anyway: what it appended in the meantime counts, what was there not."""
    log = bench.folder / "log.csv"
    nonsense = csv_text(Samples(*_always_high(), CSV_HZ), start_s=-1)
    log.write_text(nonsense)

    def play(samples: Samples) -> None:
        with log.open("a") as file:
            file.write(csv_text(samples, header=False))

    bench.powered.play = play
    bench.describe({**CSV, "voltage": "3 V", "file": "log.csv"})
    bench.check(bench.beside())


def _always_high() -> tuple[Any, Any]:
    import numpy as np  # noqa: PLC0415 - here alone

    return np.full(50, 0.1), np.ones(50, dtype=bool)


def test_energy_by_a_ppk2_over_bad_lines(bench: Bench) -> None:
    """`ppk2-api` on the meter's own protocol; it supplies the board before that is flashed.

    One line in a hundred of the board's is bad, and of the first recording one sample in a hundred
    is lost: that recording is not used.
    """
    pytest.importorskip("ppk2_api", reason="the extra 'meters' is not installed")
    with Ppk2StandIn(bench.folder) as meter:
        bench.powered.rate_hz = meter.RATE_HZ
        bursts = 0

        def play(samples: Samples) -> None:
            nonlocal bursts
            bursts += 1
            meter.loses, none = lambda numbers: (numbers % 100 == 0) & (bursts == 1), meter.loses
            meter.play(samples)
            meter.loses = none

        bench.powered.play = play
        noise = Noise(1, 0.01), Noise(2, 0.01)
        bench.board.to_device = noise[0]
        bench.board.to_host = lambda line: noise[1](bench.powered.on_line(line))
        bench.describe({"kind": "ppk2", "serial": str(meter.port), "voltage": "3 V"})
        found = bench.beside()
        bench.check(found)
        assert (meter.voltage_mv, meter.mode, meter.powered) == (3000, 2, True)
        assert bursts == 2
    assert found.where == (("meter", "ppk2 hardware 9173 calibrated 1"),)


def test_samples_that_are_always_lost_are_no_figure(bench: Bench) -> None:
    """A hole in each recording: told, with what to do; as often as it is tried."""
    meter, bursts = recorded(bench), 0
    whole = bench.powered.play

    def play(samples: Samples) -> None:
        nonlocal bursts
        bursts += 1
        (bench.folder / "samples.csv").write_text("")
        whole(samples)
        lines = (bench.folder / "samples.csv").read_text().splitlines(keepends=True)
        (bench.folder / "samples.csv").write_text("".join(lines[:700] + lines[705:]))

    bench.powered.play = play
    bench.describe(meter)
    with pytest.raises(
        ToolError, match=rf"lost samples: .*:704: a step .*in {ATTEMPTS} recordings"
    ):
        bench.beside()
    assert bursts == ATTEMPTS
    assert (bench.folder / TRACE_FILE).exists()


def test_a_reset_within_a_recording_has_another_made(bench: Bench) -> None:
    """What the board says of its windows then is not what the meter saw."""
    meter, bursts = recorded(bench), 0
    whole = bench.powered.on_line

    def on_line(line: bytes) -> bytes:
        nonlocal bursts
        bursts += b",M," in line
        if b",M," in line and bursts == 1:
            bench.board.reset()
            return b""
        (bench.folder / "samples.csv").write_text("")
        return whole(line)

    bench.board.to_host = on_line
    bench.describe(meter)
    found = bench.beside()
    bench.check(found)
    assert bursts == 3


def test_an_answer_that_is_lost_is_not_another_burst(bench: Bench) -> None:
    """The board tells what it made again, and makes nothing."""
    meter, answers = recorded(bench), 0

    def on_line(line: bytes) -> bytes:
        nonlocal answers
        answers += b",M," in line
        line = bench.powered.on_line(line)
        return line[:-3] + b"\n" if b",M," in line and answers < 3 else line

    bench.board.to_host = on_line
    bench.describe(meter)
    bench.check(bench.beside())
    assert answers == 3


def test_clocks_that_differ_are_no_figure(bench: Bench) -> None:
    """The board's latency would be as wrong as the energy."""
    bench.describe(recorded(bench))
    bench.powered.clock = 1.02
    with pytest.raises(ToolError, match=r"ms by the meter's clock and"):
        bench.beside()


def test_without_a_meter_the_figures_are_unknown(bench: Bench) -> None:
    """With the reason; an image that was not made for a meter is not asked at all."""
    bench.describe(None)
    found = bench.beside()
    assert found.measurements == ()
    assert [name for name, _ in found.not_measured] == list(FIGURES)
    assert "docs/hardware.md#energy" in found.not_measured[0][1]
    assert bench.beside(marker=False).not_measured == ()
