"""The profile image: what each layer takes, while the delivered image stays what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks import platforms, plugins
from mlforge_tasks.agents._cost import CostModel
from mlforge_tasks.agents._told import detail
from mlforge_tasks.build_report import FirmwareReport
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.cycles.record import LayerCycles
from mlforge_tasks.engines._report import EngineReport
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.errors import ToolError
from mlforge_tasks.records import LayerProfile, SelfTest
from mlforge_tasks.runners import Expected, instruction_counts
from mlforge_tasks.stages import firmware
from mlforge_tasks.stages import run as run_stage
from mlforge_tasks.stages._figures import profile
from mlforge_tasks.stages.engine import SOURCES
from mlforge_tasks.stages.firmware import PROFILE_IMAGE, profile_id
from mlforge_tasks.verdict.trial import Trial
from mlforge_tasks.verdict.words import profile_text
from mlforge_tasks.yaml_file.units import format_bytes
from tests.helpers import graphs, image_parts, tiny_model
from tests.helpers.made_up_device import make_brief

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.engines import GeneratedModel
    from mlforge_tasks.runners import Runner

PLATFORMS = ["baremetal", pytest.param("zephyr", marks=pytest.mark.zephyr)]
SEED = 7  # a graph of several operators
QEMU: Runner = plugins.load("runners", "qemu")


def built(platform: str, board: Board, folder: Path) -> GeneratedModel:
    """What the firmware stage makes of a random graph."""
    model = AOT.generate(graphs.random_graph(SEED), board.cpu)
    header, engine = folder / "header", folder / "engine"
    (engine / SOURCES).mkdir(parents=True)
    for name, content in model.files.items():
        (engine / SOURCES / name).write_bytes(content)
    tiny_model.write_model(header, input_bytes=1)
    EngineReport(
        engine="aot",
        cpu=board.cpu,
        arena_bytes=model.arena_bytes,
        layers=model.layers,
        profiled=model.profiled,
    ).write(engine / "engine.json")
    config = {"platform": platform, "board": board.model_dump(mode="json"), "mlperf": None}
    config["toolchain"] = "gcc"
    firmware.run({"header": header, "engine": engine}, folder, config)
    return model


def booted(board: Board, elf: Path, identity: str) -> tuple[SelfTest, bytes]:
    """What an image measured, and its console."""
    expected = Expected(firmware_id=identity, model_digest=tiny_model.MODEL_DIGEST)
    with QEMU.open(board, elf, expected) as session:
        return session.self_test, session.console


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mps2/an385", "mps3/an547"])
@pytest.mark.parametrize(
    "platform", ["baremetal", pytest.param("zephyr", marks=pytest.mark.zephyr)]
)
def test_layers_add_up_to_the_whole(name: str, platform: str, tmp_path: Path) -> None:
    """The layers' instructions sum to an inference of the image without a profile."""
    board = load_board(name)
    try:
        plugins.load("platforms", platform).require(board, "aot")
    except ToolError as missing:
        pytest.skip(missing.message)
    model = built(platform, board, tmp_path)
    identity = FirmwareReport.read(tmp_path / "firmware.json").firmware_id
    test, _ = booted(board, tmp_path / "firmware.elf", identity)
    image_parts.check_map(tmp_path, test.stacks)
    whole = sorted(instruction_counts(board, test))[len(test.ticks) // 2]
    image = tmp_path / PROFILE_IMAGE
    told, console = booted(board, image, profile_id(identity))
    assert booted(board, image, profile_id(identity))[1] == console
    cycles = QEMU.layer_cycles(board, image, told)
    assert cycles is not None
    found = profile(board, model.layers, told, "emulated", cycles)
    of_all = QEMU.cycles(board, tmp_path / "firmware.elf", test)
    assert of_all is not None
    assert [layer.name for layer in found.layers] == [layer.name for layer in model.layers]
    assert sum(layer.share for layer in found.layers) == pytest.approx(1)
    counted = [layer.instructions or 0 for layer in found.layers]
    # To one instruction a layer, and what it takes to call the model and to return.
    assert sum(counted) == pytest.approx(whole, abs=2 * len(counted) + 40)
    assert all(layer.instructions for layer in found.layers if layer.macs)
    assert found.source == "emulated"
    # Blocks are counted to the tick (else `cycles` raises); the layers' cycles add up as well.
    assert sum(each.lower for each in cycles.values()) == pytest.approx(of_all.lower, rel=0.01)
    assert sum(each.upper for each in cycles.values()) == pytest.approx(of_all.upper, rel=0.01)
    assert all(each.lower <= each.upper for each in cycles.values())


@pytest.mark.slow
def test_the_delivered_image_knows_nothing_of_it(tmp_path: Path) -> None:
    """Without the profile the image is the same as of sources that have no marks at all."""
    board = load_board("mps2/an385")
    built("baremetal", board, tmp_path / "with")
    source = tmp_path / "with" / "engine" / SOURCES / "model_aot.c"
    lines = [line for line in source.read_text().splitlines() if "LAYER_DONE" not in line]
    assert any("LAYER_DONE" in line for line in source.read_text().splitlines())
    identity = FirmwareReport.read(tmp_path / "with" / "firmware.json").firmware_id
    source.write_text("\n".join(lines) + "\n")
    request = platforms.BuildRequest(
        board=board,
        header=tmp_path / "with" / "header",
        engine=source.parent,
        engine_name="aot",
        firmware_id=identity,
    )
    plugins.load("platforms", "baremetal").build(request, tmp_path)
    with_marks = (tmp_path / "with" / "firmware.bin").read_bytes()
    assert (tmp_path / "firmware.bin").read_bytes() == with_marks


@pytest.mark.slow
def test_neither_image_passes_for_the_other(tmp_path: Path) -> None:
    """A run that wants the firmware refuses its profile image: it takes longer."""
    board = load_board("mps2/an385")
    built("baremetal", board, tmp_path)
    identity = FirmwareReport.read(tmp_path / "firmware.json").firmware_id
    with pytest.raises(ToolError, match="another firmware"):
        booted(board, tmp_path / PROFILE_IMAGE, identity)


@pytest.mark.slow
def test_a_profile_image_that_does_not_fit_is_told(tmp_path: Path) -> None:
    """There is no profile then, and why stands where it would be looked for."""
    board = load_board("mps2/an385")
    built("baremetal", board, tmp_path / "roomy")
    assert board.flash is not None
    need = FirmwareReport.read(tmp_path / "roomy" / "firmware.json").flash_bytes
    tight = board.flash.model_copy(update={"length_bytes": need + 8})
    small = board.model_copy(update={"flash": tight})
    built("baremetal", small, tmp_path)
    assert FirmwareReport.read(tmp_path / "firmware.json").flash_bytes == need
    assert not (tmp_path / PROFILE_IMAGE).exists()
    why = run_stage._write_profile(
        {"firmware": tmp_path}, tmp_path, small, QEMU, Expected("0", "0")
    )
    assert f" of FLASH, mps2/an385 has {format_bytes(need + 8)}" in why
    assert not (tmp_path / run_stage.PROFILE).exists()


def test_a_model_hears_what_was_measured() -> None:
    """Measured shares go before predicted ones, slowest first, without layers that take nothing."""
    board = load_board("mps2/an385")
    layers = [
        LayerProfile(name=name, op="CONV_2D", macs=macs, weight_bytes=9, output_bytes=4)
        for name, macs in (("first", 100), ("view", 0), ("second", 200))
    ]
    test = SelfTest(
        ticks=(400,),
        tick_hz=25_000_000,
        stacks=(),
        arena_bytes=0,
        model_digest="",
        firmware_id="",
        laps=((0, 80), (2, 200), (2, 120)),
    )
    cycles = {0: LayerCycles(60, 100), 2: LayerCycles(300, 400)}
    found = profile(board, layers, test, "emulated", cycles)
    assert [layer.instructions for layer in found.layers] == [50, 0, 200]
    assert [layer.cycles_lower for layer in found.layers] == [60, 0, 300]
    assert [layer.time_us for layer in found.layers] == [4, 0, 16]
    assert [layer.instructions_per_mac for layer in found.layers] == [0.5, None, 1.0]
    assert profile_text(found) == ["most of an inference, emulated: second 80%, first 20%"]
    assert not profile_text(found.model_copy(update={"layers": found.layers[1:2]}))
    trial = Trial(id="1.0", architecture=None, profile=found)
    told = detail(trial, CostModel(make_brief(), ()))["profile"]
    assert told["source"] == "measured on the target (emulated)"
    shares = [(layer["layer"], layer["share_of_latency"]) for layer in told["layers"]]
    assert shares == [("second", 0.8), ("first", 0.2)]
