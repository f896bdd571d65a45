"""Images for boards that no emulator has: built for real, as far as that shows anything."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.board import Board, board_names, load_board
from mlforge_tasks.contract_loader import load
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.errors import ToolError
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.platforms import BuildRequest
from mlforge_tasks.platforms.zephyr import PLUGIN
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.runners._flash import build_folder
from mlforge_tasks.runners._hex import load_address
from tests.builds import ROOT
from tests.graphs import random_graph

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [name for name in board_names() if (b := load_board(name)).zephyr and not b.qemu]
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


def request(board: Board, tflite: bytes, folder: Path) -> BuildRequest:
    """A build of a model with the aot engine."""
    oracle = Oracle(tflite)
    sizes = [int(np.prod(shape)) for shape in (oracle.input_shape, oracle.output_shape)]
    sources = folder / "src"
    sources.mkdir()
    for name, content in AOT.generate(tflite, board.cpu).files.items():
        (sources / name).write_bytes(content)
    (folder / "model_data.h").write_text(
        f'#define MODEL_DIGEST "{sha256_bytes(tflite)}"\n'
        f"#define MODEL_INPUT_BYTES {sizes[0]}\n#define MODEL_OUTPUT_BYTES {sizes[1]}\n"
    )
    return BuildRequest(board, folder, sources, AOT.name, sha256_bytes(board.name.encode()))


@pytest.mark.slow
@pytest.mark.zephyr
@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_made_for_the_board(name: str, tmp_path: Path) -> None:
    """It fits, starts where the core looks, holds model and clock, and west can flash it."""
    board = load_board(name)
    try:
        PLUGIN.require(board, AOT.name)
    except ToolError as missing:
        pytest.skip(missing.message)
    tflite = random_graph(1)
    asked = request(board, tflite, tmp_path)
    report = PLUGIN.build(asked, tmp_path)
    image, elf = ((tmp_path / f"firmware.{kind}").read_bytes() for kind in ("bin", "elf"))
    assert len(image) == report.flash_bytes < board.flash.length_bytes
    assert report.static_ram_bytes + report.stack_reserved_bytes < board.ram.length_bytes
    assert sha256_bytes(tflite).encode() in image
    assert asked.firmware_id.encode() in image

    assert load_address(elf, len(image)) == board.flash.origin
    stack, reset = struct.unpack_from("<II", image)
    assert board.ram.origin < stack <= board.ram.origin + board.ram.length_bytes
    assert board.flash.origin < reset < board.flash.origin + len(image)
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
