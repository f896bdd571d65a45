"""Boards beyond emulated Arm cores: images for real ones, and RISC-V."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.contract.board import Board, board_names, load_board
from mlforge_tasks.contract.loader import load
from mlforge_tasks.elf import flat_origin
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.errors import ToolError
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.platforms.zephyr import PLUGIN
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.runners import Expected
from mlforge_tasks.runners._flash import build_folder
from mlforge_tasks.runners.qemu import PLUGIN as QEMU
from tests.helpers.graphs import random_graph
from tests.helpers.paths import ROOT
from tests.helpers.zephyr_images import deploy

if TYPE_CHECKING:
    from pathlib import Path

BOARDS = [load_board(name) for name in board_names()]
NAMES = [one.name for one in BOARDS if one.zephyr and not one.qemu and not one.native]
CONTRACTS = {
    "nrf52840dk/nrf52840": "glucose_nrf52840dk",
    "nucleo_f446re": "activity_nucleo_f446re",
}
# What the inferences are timed with. A cycle counter stands still unless it is started.
CLOCKS = {"nrf52840dk/nrf52840": b"arch_timing_start", "nucleo_f446re": b"sys_clock_cycle_get_64"}
# What docs/hardware.md flashes each with.
RUNNERS = {
    "nrf52840dk/nrf52840": {"nrfutil", "nrfjprog", "jlink", "pyocd", "openocd"},
    "nucleo_f446re": {"stm32cubeprogrammer", "openocd", "jlink"},
}


def require(board: Board) -> None:
    """Skips where an image for a board cannot be built."""
    try:
        PLUGIN.require(board, AOT.name)
    except ToolError as missing:
        pytest.skip(missing.message)


@pytest.mark.slow
@pytest.mark.zephyr
@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_made_for_the_board(name: str, tmp_path: Path) -> None:
    """It fits, starts where the core looks, holds model and clock, and west can flash it."""
    board = load_board(name)
    require(board)
    tflite = random_graph(1)
    report = deploy(tflite, board, AOT, tmp_path)
    image, elf = ((tmp_path / f"firmware.{kind}").read_bytes() for kind in ("bin", "elf"))
    flash, ram = board.memories()
    assert len(image) == report.flash_bytes < flash.length_bytes
    assert report.static_ram_bytes + report.stack_reserved_bytes < ram.length_bytes
    assert sha256_bytes(tflite).encode() in image
    assert report.firmware_id.encode() in image

    assert flat_origin(elf, image) == flash.origin
    stack, reset = struct.unpack_from("<II", image)
    assert ram.origin < stack <= ram.origin + ram.length_bytes
    assert flash.origin < reset < flash.origin + len(image)
    assert CLOCKS[name] in elf

    west = (build_folder(board, PLUGIN.root) / "zephyr" / "runners.yaml").read_text()
    assert all(f"- {runner}\n" in west for runner in RUNNERS[name])


@pytest.mark.parametrize("name", NAMES)
def test_each_has_a_contract_for_hardware(name: str) -> None:
    """One to start with, that only the board itself can meet."""
    contract = load(ROOT / "contracts" / f"{CONTRACTS[name]}.yaml", ROOT)
    assert contract.target.board == name
    assert contract.target.platform == "zephyr"
    assert contract.mode == "simulate-then-hardware"


@pytest.mark.slow
@pytest.mark.zephyr
@pytest.mark.parametrize("seed", [1, 2])
def test_risc_v_equals_the_oracle(seed: int, tmp_path: Path) -> None:
    """Another architecture under the same kernel: not a byte of a random graph differs."""
    board = load_board("qemu_riscv32")
    require(board)
    try:
        QEMU.tool_versions(board)
    except ToolError as missing:
        pytest.skip(missing.message)
    tflite = random_graph(seed)
    report = deploy(tflite, board, AOT, tmp_path)
    oracle = Oracle(tflite)
    shape = (5, *oracle.input_shape[1:])
    inputs = np.random.default_rng(seed).integers(-128, 128, shape, np.int8)
    expected = Expected(report.firmware_id, sha256_bytes(tflite))
    with QEMU.open(board, tmp_path / "firmware.elf", expected) as session:
        outputs = b"".join(session.infer(one.tobytes()).output for one in inputs)
    assert outputs == oracle.run(inputs).tobytes()
    # Sizes are taken apart as on a core with flash: nothing is counted twice.
    assert report.flash_bytes == (tmp_path / "firmware.bin").stat().st_size
    assert 0 < report.static_ram_bytes < report.flash_bytes


def test_tflm_on_risc_v_is_refused_before_anything_starts() -> None:
    """Its compiler has no C++ library; the error says what to choose instead."""
    with pytest.raises(ToolError, match="tflm") as caught:
        PLUGIN.require(load_board("qemu_riscv32"), "tflm")
    assert caught.value.hint == "engine: aot"
