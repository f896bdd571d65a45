"""Images for Zephyr, built with west and run in QEMU."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlforge_tasks import platforms, plugins
from mlforge_tasks.board import Board, board_names, load_board
from mlforge_tasks.engines import GeneratedModel
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.engines.tflm import PLUGIN as TFLM
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.platforms import BuildRequest
from mlforge_tasks.platforms._zephyr import toolchain, workspace
from mlforge_tasks.platforms.zephyr import PLUGIN, ZephyrImage, ZephyrPlatform
from mlforge_tasks.records import FirmwareReport, sha256_bytes
from mlforge_tasks.runners import Expected
from mlforge_tasks.runners.qemu import PLUGIN as QEMU
from tests import tiny_model
from tests.graphs import random_graph

if TYPE_CHECKING:
    from pathlib import Path

EMULATED = [name for name in board_names() if (b := load_board(name)).zephyr and b.qemu]
M3 = load_board("mps2/an385")
M4 = load_board("mps2/an386")
SMALL = load_board("qemu_cortex_m3")
INPUTS = 5


def _missing() -> str:
    """Why nothing here can be built; empty where it can."""
    found = workspace.find()
    if found is None:
        return "no Zephyr workspace (`doit workspace` makes one)"
    absent = [name for name in ("cmsis_6", "cmsis-nn", "tflite-micro") if not found.module(name)]
    if absent:
        return f"the Zephyr workspace lacks {', '.join(absent)}"
    if toolchain.find() is None:
        return "no toolchain for Zephyr"
    return "" if importlib.util.find_spec("west") else "west is not installed"


REASON = _missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.zephyr,
    pytest.mark.skipif(bool(REASON), reason=REASON),
]


def build(board: Board, folder: Path, platform: ZephyrPlatform = PLUGIN, **model: str) -> Path:
    """Builds the tiny model, changed; `folder` gets the image."""
    folder.mkdir(parents=True, exist_ok=True)
    source = tiny_model.write_model(folder / "model", **model)  # type: ignore[arg-type]
    platform.build(tiny_model.request(board, source), folder)
    return folder


def infer(board: Board, folder: Path, data: bytes) -> bytes:
    """Runs the tiny model once."""
    with QEMU.open(board, folder / "firmware.elf", tiny_model.EXPECTED) as session:
        return session.infer(data).output


def outcome(board: Board, folder: Path) -> CandidateFailure:
    """How an image that does not come up fails."""
    with (
        pytest.raises(CandidateFailure) as caught,
        QEMU.open(board, folder / "firmware.elf", tiny_model.EXPECTED),
    ):
        pass
    return caught.value


def test_the_platform_is_a_plug_in() -> None:
    """A contract can name it, and its tools are part of a firmware's key."""
    assert plugins.load(platforms, "zephyr") is PLUGIN
    versions = PLUGIN.tool_versions(M3)
    assert {"gcc", "toolchain", "zephyr", "zephyr_version", "tflite-micro"} <= set(versions)


@pytest.mark.parametrize("name", EMULATED)
def test_every_board_answers(name: str, tmp_path: Path) -> None:
    """Each emulated board boots, identifies itself and computes."""
    board = load_board(name)
    folder = build(board, tmp_path)
    with QEMU.open(board, folder / "firmware.elf", tiny_model.EXPECTED) as session:
        assert session.infer(bytes([1, 2, 3])).output == tiny_model.add(bytes([1, 2, 3]))
        assert len(set(session.self_test.ticks)) == 1
        assert b"stack main used " in session.console


def test_another_model_needs_no_configuration(tmp_path: Path) -> None:
    """A swap leaves CMake's files alone, and the image is the new model's."""
    one = build(M3, tmp_path / "one")
    (folder,) = {path.parent for path in PLUGIN.root.glob("mps2_an385-c-*/lock")}
    before = (folder / "build" / "build.ninja").stat().st_mtime_ns
    two = build(M3, tmp_path / "two", invoke="input[0]++;")
    assert (folder / "build" / "build.ninja").stat().st_mtime_ns == before
    assert infer(M3, one, b"\x01\x02\x03") == b"\x06"
    assert infer(M3, two, b"\x01\x02\x03") == b"\x07"


def test_sizes_are_the_images(tmp_path: Path) -> None:
    """Flash is what is programmed, RAM the variables; the model's share is told apart."""
    plain = build(M3, tmp_path / "plain")
    big = build(
        M3,
        tmp_path / "big",
        globals_="static volatile int8_t extra[1000], preset[500] = {1};",
        invoke="extra[input[0] & 7] = preset[1];",
    )
    sizes = [ZephyrImage.read(folder / "zephyr.json") for folder in (plain, big)]
    assert sizes[1].whole.flash_bytes == (big / "firmware.bin").stat().st_size
    assert 1500 <= sizes[1].model_ram_bytes - sizes[0].model_ram_bytes < 1500 + 64
    assert 500 <= sizes[1].model_flash_bytes - sizes[0].model_flash_bytes < 500 + 128
    assert sizes[0].without_model == sizes[1].without_model
    assert 0 < sizes[0].model_flash_bytes < 1000
    assert sizes[0].whole.stack_reserved_bytes == sizes[1].whole.stack_reserved_bytes > 4096


def test_what_does_not_fit_is_a_result(tmp_path: Path) -> None:
    """The agent learns by how much."""
    with pytest.raises(CandidateFailure) as caught:
        build(
            SMALL,
            tmp_path,
            globals_="static volatile int8_t extra[100000];",
            invoke="extra[input[0] & 7] = 1;",
        )
    reason = caught.value.reason
    assert (reason.code, reason.metric, reason.limit) == ("does_not_fit", "ram_bytes", 64 << 10)
    assert reason.value is not None
    assert reason.value > 100_000


def test_an_overflowing_stack_is_a_fault(tmp_path: Path) -> None:
    """The guard catches it before a neighbour's data is spoilt."""
    folder = build(
        M3,
        tmp_path,
        globals_="static int deep(volatile int8_t *p) "
        "{ volatile int8_t f[8]; f[0] = 1; return *p == 99 ? 0 : deep(f) + f[0]; }",
        invoke="return deep(input);",
    )
    failure = outcome(M3, folder)
    assert failure.reason.code == "fault"
    assert "the stack overflowed" in failure.reason.message


def test_a_hanging_model_is_a_result(tmp_path: Path) -> None:
    """The device's own watchdog tells."""
    folder = build(M3, tmp_path, invoke="while (input[0] != 99) { *(volatile int8_t *)input; }")
    assert outcome(M3, folder).reason.code == "hang"


def test_a_board_that_zephyr_does_not_know_is_explained(tmp_path: Path) -> None:
    """The error says what to do."""
    with pytest.raises(ToolError, match=r"Zephyr does not know mps2/an505") as caught:
        build(load_board("mps2/an505"), tmp_path)
    assert caught.value.hint is not None


def test_images_are_equal_from_two_folders(tmp_path: Path) -> None:
    """No path of the build folder is in any output."""
    folders = [
        build(M3, tmp_path / f"{name}-out", ZephyrPlatform(tmp_path / name))
        for name in ("a", "another-name")
    ]
    for file in ("firmware.bin", "firmware.elf", "firmware.map", "zephyr.json"):
        assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes(), file


def deploy(
    model: GeneratedModel, tflite: bytes, board: Board, folder: Path, engine: str
) -> FirmwareReport:
    """Builds a generated model."""
    oracle = Oracle(tflite)
    folder.mkdir()
    sizes = [int(np.prod(shape)) for shape in (oracle.input_shape, oracle.output_shape)]
    values = ",".join(map(str, tflite))
    (folder / "model_data.h").write_text(
        "#ifndef DATA_H\n#define DATA_H\n"
        f'#define MODEL_DIGEST "{sha256_bytes(tflite)}"\n'
        f"#define MODEL_INPUT_BYTES {sizes[0]}\n#define MODEL_OUTPUT_BYTES {sizes[1]}\n"
        "static const unsigned char g_model[] __attribute__((aligned(16), unused)) = "
        f"{{{values}}};\n#endif\n"
    )
    sources = folder / "src"
    sources.mkdir()
    for name, content in model.files.items():
        (sources / name).write_bytes(content)
    request = BuildRequest(board, folder, sources, engine, sha256_bytes(tflite + engine.encode()))
    return PLUGIN.build(request, folder)


@pytest.mark.parametrize("engine", [AOT, TFLM], ids=lambda engine: engine.name)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_both_engines_equal_the_oracle(engine: object, seed: int, tmp_path: Path) -> None:
    """Whole images with random graphs compute what the reference does, byte for byte."""
    assert engine in (AOT, TFLM)
    plugin = AOT if engine is AOT else TFLM
    tflite = random_graph(seed)
    folder = tmp_path / "image"
    report = deploy(plugin.generate(tflite, M4.cpu), tflite, M4, folder, plugin.name)
    oracle = Oracle(tflite)
    shape = (INPUTS, *oracle.input_shape[1:])
    inputs = np.random.default_rng(seed).integers(-128, 128, shape, np.int8)
    expected = Expected(report.firmware_id, sha256_bytes(tflite))
    with QEMU.open(M4, folder / "firmware.elf", expected) as session:
        outputs = b"".join(session.infer(one.tobytes()).output for one in inputs)
        used_bytes = session.self_test.arena_bytes
    assert outputs == oracle.run(inputs).tobytes()
    reserved = ZephyrImage.read(folder / "zephyr.json").arena_reserved_bytes
    assert (reserved is None) == (engine is AOT)
    assert reserved is None or used_bytes <= reserved < used_bytes + 4096
