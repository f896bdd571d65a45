"""A board whose timing is known, behind a bad line: what `doit calibrate` makes of it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks import plugins
from mlforge_tasks.calibration.pair import PAIR, Pair
from mlforge_tasks.calibration.record import Calibration, Costs
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import MlforgeError, ToolError
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.runners import qemu
from mlforge_tasks.runners._bench import MAP_VARIABLE, PROBE_VARIABLE
from mlforge_tasks.shell import calibrate
from mlforge_tasks.stages import _calibrate
from mlforge_tasks.stages._calibrate import Bench
from mlforge_tasks.yaml_file import read_model
from tests.helpers import profile_networks
from tests.helpers.paths import ROOT
from tests.helpers.retimed import Retimed
from tests.helpers.standin import PROBE, Noise, StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.cycles.record import LayerCycles
    from mlforge_tasks.records import SelfTest

M3 = load_board("mps2/an385")
COSTS = {
    "conv": Costs(per_cycle=1.4),
    "depthwise": Costs(per_cycle=1.25),
    "dense": Costs(per_cycle=1.1, per_layer=90.0),
    "pool": Costs(per_cycle=2.0),
    "softmax": Costs(per_cycle=1.7),
    "elementwise": Costs(per_cycle=1.3),
    "other": Costs(per_cycle=1.0),
}
# Of all networks, so many that each class that is looked at has layers enough.
SOME = ("features_wide", "image_conv", "image_separable", "series_conv", "series_separable")


def test_the_networks_are_those_that_their_designs_make() -> None:
    """Byte for byte, so that every board is calibrated with the same ones."""
    made = {name: profile_networks.made(name) for name in profile_networks.DESIGNS}
    assert _calibrate.networks() == made


def test_what_kernels_are_is_their_source_alone() -> None:
    """Not what Python left beside it: a calibration holds for the next run, and elsewhere."""
    before = _calibrate.kernels.__wrapped__()
    stray = ROOT / "mlforge_tasks" / "engines" / "_aot" / "__pycache__" / "stray.cpython-311.pyc"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"")
    try:
        assert _calibrate.kernels.__wrapped__() == before
    finally:
        stray.unlink()


@pytest.fixture(scope="module")
def line() -> Retimed:
    """What the board says of its layers: known costs, laps that are 1 % off, bad lines."""
    return Retimed(COSTS, share=0.01, faults=0.25)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def bench(
    line: Retimed, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[StandIn, pytest.MonkeyPatch]]:
    """A board on the bench."""
    with (
        tempfile.TemporaryDirectory() as folder,
        StandIn(M3, Path(folder)) as board,
        pytest.MonkeyPatch.context() as patch,
    ):
        board.plug()
        board.to_device, board.to_host = Noise(1, 0.01), line
        path = tmp_path_factory.mktemp("bench") / "map.yaml"
        path.write_text(json.dumps([board.map_entry()]))
        patch.setenv(MAP_VARIABLE, str(path))
        yield board, patch


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> calibrate.Asked:
    """What the command line asks for."""
    root = tmp_path_factory.mktemp("calibrate")
    path = root / "boards" / "mps2_an385.calibration.yaml"
    return calibrate.Asked(Bench(M3, M3, "baremetal", "gcc"), path, None, root / "build")


@pytest.fixture(scope="module")
def said(bench: tuple[StandIn, pytest.MonkeyPatch], asked: calibrate.Asked, line: Retimed) -> str:
    """The command's output; the board's clock is told what the emulator found of each layer."""
    _, patch = bench
    kept = {name: one for name, one in _calibrate.networks().items() if name in SOME}
    patch.setattr(_calibrate, "networks", lambda: kept)
    whole = qemu.QemuRunner.layer_cycles

    def heard(
        self: qemu.QemuRunner, board: Board, firmware: Path, test: SelfTest
    ) -> Mapping[int, LayerCycles] | None:
        found = whole(self, board, firmware, test)
        layers = plugins.load("engines", "aot").generate(
            next(one for one in kept.values() if _digest(one) == test.model_digest),
            board.cpu,
            untrained=True,
        )
        assert found is not None
        line.emulated[test.model_digest] = [
            (layer, found[at].lower if at in found else 0.0)
            for at, layer in enumerate(layers.layers)
        ]
        return found

    patch.setattr(qemu.QemuRunner, "layer_cycles", heard)
    return calibrate.run(asked)


def _digest(tflite: bytes) -> str:
    return sha256_bytes(tflite)


@pytest.mark.slow
def test_known_costs_are_recovered_through_a_bad_line(
    said: str, asked: calibrate.Asked, line: Retimed
) -> None:
    """Each class within the noise; what was left out is as far off as the noise makes it."""
    known = read_model(asked.path, Calibration)
    assert line.noise.done.total() > 0
    assert len(line.changed) == len(SOME)
    for kind in ("conv", "dense", "pool", "softmax"):
        found = known.classes[kind]
        assert found.per_cycle == pytest.approx(COSTS[kind].per_cycle, rel=0.03), kind
        assert found.error < 0.04
    assert known.classes["dense"].per_layer == pytest.approx(90.0, rel=0.2)
    assert 0 < known.error < 0.03
    assert known.probe_id == PROBE
    assert [one.name for one in known.networks] == list(SOME)
    assert len({one.measured_firmware for one in known.networks}) == len(SOME)
    assert "per emulated cycle" in said
    assert f"kept: {asked.path}" in said
    assert "elementwise: not fitted (too few" in said


@pytest.mark.slow
@pytest.mark.usefixtures("said")
def test_kept_profiles_give_the_same_without_a_board(
    asked: calibrate.Asked, tmp_path: Path
) -> None:
    """`profiles=`: the same bytes; and of another board's nothing."""
    again = calibrate.Asked(asked.bench, tmp_path / "b.calibration.yaml", asked.work, tmp_path)
    calibrate.run(again)
    assert again.path.read_bytes() == asked.path.read_bytes()

    other = Bench(load_board("mps2/an386"), M3, "baremetal", "gcc")
    with pytest.raises(MlforgeError, match="no profiles of mps2/an386 on both sides, only of mps2"):
        calibrate.run(calibrate.Asked(other, tmp_path / "c.yaml", asked.work, tmp_path))


@pytest.mark.slow
@pytest.mark.usefixtures("said")
def test_another_probe_or_another_image_is_refused(
    bench: tuple[StandIn, pytest.MonkeyPatch], asked: calibrate.Asked, tmp_path: Path
) -> None:
    """A probe that is not there, the profile of another board, an image that was not flashed."""
    board, _ = bench
    pairs = [Pair.read(path) for path in sorted(asked.work.rglob(PAIR))]
    for pair in pairs:
        folder = tmp_path / pair.network
        folder.mkdir()
        pair.model_copy(update={"probe": {"bench_id": "0815"}}).write(folder / PAIR)
    with pytest.raises(MlforgeError, match=f"is of probe {PROBE}, and this is another board"):
        calibrate.run(calibrate.Asked(asked.bench, asked.path, tmp_path, tmp_path))

    work = tmp_path / "work"
    work.mkdir()
    tflite = _calibrate.networks()["features_wide"]
    held = _calibrate.conditions(asked.bench)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PROBE_VARIABLE, "0815")
        with pytest.raises(ToolError, match="no mps2/an385 with probe id '0815' on the bench"):
            _calibrate.measure("features_wide", tflite, asked.bench, held, work)

    board.instead = asked.work / "image_conv" / "board" / "firmware.elf"
    again = tmp_path / "again"
    again.mkdir()
    with pytest.raises(ToolError, match="the device runs another firmware"):
        _calibrate.measure("features_wide", tflite, asked.bench, held, again)
    board.instead = None
