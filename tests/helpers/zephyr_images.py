"""Whole images on Zephyr, for tests and benchmarks: what they need, how a model becomes one."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlforge_tasks.build_report import FirmwareReport
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import product
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.platforms import BuildRequest
from mlforge_tasks.platforms._zephyr import image, needs, rebuild, toolchain, workspace
from mlforge_tasks.platforms._zephyr.delivery import deliver
from mlforge_tasks.platforms._zephyr.model_files import model_files
from mlforge_tasks.platforms.zephyr import CORE_MODULES, PLUGIN, TFLM_MODULES
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.runners import Expected
from mlforge_tasks.runners.qemu import PLUGIN as QEMU
from tests.helpers import tiny_model

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.build_report import BuildReport
    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.contract.sections import Toolchain
    from mlforge_tasks.engines import Engine
    from mlforge_tasks.platforms.zephyr import ZephyrPlatform


# Boards with cores beyond those that kernels are written for, and the random graph of each
# in tests/platforms/test_zephyr_boards.py.
OTHER_CORES = {"qemu_cortex_m0": 2, "qemu_riscv64": 1, "qemu_x86": 3, "qemu_cortex_a53": 4}


def missing() -> str:
    """Why no image can be built here; empty where it can."""
    try:
        found = workspace.find()
    except ToolError as error:
        return error.message
    if found is None:
        return "no Zephyr workspace (`doit workspace` makes one)"
    absent = [name for name in (*CORE_MODULES, *TFLM_MODULES) if not found.module(name)]
    if absent:
        return f"the Zephyr workspace lacks {', '.join(absent)}"
    if toolchain.find() is None:
        return "no toolchain for Zephyr"
    try:
        needs.refuse_spaces(product.path("zephyr_app"), found.topdir)
    except ToolError as error:
        return error.message
    return "" if importlib.util.find_spec("west") else "west is not installed"


REASON = missing()
NEEDS_ZEPHYR = pytest.mark.skipif(bool(REASON), reason=REASON)
MARKS = [pytest.mark.slow, pytest.mark.zephyr, NEEDS_ZEPHYR]


def build(board: Board, folder: Path, platform: ZephyrPlatform = PLUGIN, **model: str) -> Path:
    """Builds the tiny model, changed; `folder` gets the image."""
    folder.mkdir(parents=True, exist_ok=True)
    source = tiny_model.write_model(folder / "model", **model)  # type: ignore[arg-type]
    platform.build(tiny_model.request(board, source), folder)
    return folder


def header(tflite: bytes) -> str:
    """A model's `model_data.h`."""
    oracle = Oracle(tflite)
    sizes = [int(np.prod(shape)) for shape in (oracle.input_shape, oracle.output_shape)]
    return (
        "#ifndef DATA_H\n#define DATA_H\n"
        f'#define MODEL_DIGEST "{sha256_bytes(tflite)}"\n'
        f"#define MODEL_INPUT_BYTES {sizes[0]}\n#define MODEL_OUTPUT_BYTES {sizes[1]}\n"
        "static const unsigned char g_model[] __attribute__((aligned(16), unused)) = "
        f"{{{','.join(map(str, tflite))}}};\n#endif\n"
    )


def deploy(
    tflite: bytes,
    board: Board,
    engine: Engine,
    folder: Path,
    platform: ZephyrPlatform = PLUGIN,
    *,
    toolchain: Toolchain = "gcc",
) -> FirmwareReport:
    """Builds the image of a model for a device in a new folder."""
    report = deploy_anywhere(tflite, board, engine, folder, platform, toolchain=toolchain)
    assert isinstance(report, FirmwareReport)
    return report


def deploy_anywhere(
    tflite: bytes,
    board: Board,
    engine: Engine,
    folder: Path,
    platform: ZephyrPlatform = PLUGIN,
    *,
    toolchain: Toolchain = "gcc",
) -> BuildReport:
    """Builds the image of a model in a new folder, be it a process."""
    return platform.build(request_of(tflite, board, engine, folder, toolchain), folder)


def deploy_alone(
    tflite: bytes, board: Board, engine: Engine, folder: Path, *, again: bool = False
) -> FirmwareReport:
    """Builds the image of a model, and none without one to compare it with.

    Args:
        tflite: The model.
        board: What is built for.
        engine: What runs the model.
        folder: Gets the image.
        again: Whether it also gets what builds it again.
    """
    request = request_of(tflite, board, engine, folder, "gcc")
    place = PLUGIN._folder(board, "c")
    with place.locked():
        place.place(model_files(request))
        place.make()
        deliver(place, model_files(request), request.firmware_id, folder)
        if again:
            rebuild.write(place, model_files(request), folder)
        sizes = image.sizes(place.elf, place.configuration.toolchain)
    return FirmwareReport(**sizes.model_dump(), firmware_id=request.firmware_id)


def request_of(
    tflite: bytes, board: Board, engine: Engine, folder: Path, toolchain: Toolchain = "gcc"
) -> BuildRequest:
    """A build of a model, by any platform; its sources go into a new folder."""
    sources = folder / "src"
    sources.mkdir(parents=True)
    (folder / "model_data.h").write_text(header(tflite))
    for name, content in engine.generate(tflite, board.cpu).files.items():
        (sources / name).write_bytes(content)
    firmware_id = sha256_bytes(tflite + engine.name.encode())
    return BuildRequest(board, folder, sources, engine.name, firmware_id, toolchain)


def answers(board: Board, tflite: bytes, folder: Path, firmware_id: str) -> bool:
    """Whether a device computes what the oracle does."""
    oracle = Oracle(tflite)
    shape = (5, *oracle.input_shape[1:])
    inputs = np.random.default_rng(1).integers(-128, 128, shape, np.int8)
    expected = Expected(firmware_id, sha256_bytes(tflite))
    with QEMU.open(board, folder / "firmware.elf", expected) as session:
        assert max(session.self_test.ticks) > 0
        outputs = b"".join(session.infer(one.tobytes()).output for one in inputs)
    return outputs == oracle.run(inputs).tobytes()
