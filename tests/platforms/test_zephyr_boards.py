"""Boards beyond emulated Arm cores: images for real ones, and RISC-V."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

pytest.importorskip("tflite_micro")

from mlforge_tasks.contract.board import Board, board_names, load_board
from mlforge_tasks.contract.loader import load
from mlforge_tasks.elf import flat_origin
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.errors import ToolError
from mlforge_tasks.platforms._zephyr import workspace
from mlforge_tasks.platforms.zephyr import PLUGIN
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.runners._flash import build_folder
from mlforge_tasks.runners.qemu import PLUGIN as QEMU
from tests.helpers.graphs import random_graph
from tests.helpers.paths import ROOT
from tests.helpers.zephyr_images import OTHER_CORES, answers, deploy, deploy_alone

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.build_report import FirmwareReport

BOARDS = [load_board(name) for name in board_names()]
# Of the one with an NPU, which only a model of it flashes, test_zephyr_npu.py makes images.
REAL = [one for one in BOARDS if one.zephyr and not one.qemu and not one.native and not one.npu]
NAMES = [one.name for one in REAL]
CONTRACTS = {
    "nrf52840dk/nrf52840": "glucose_nrf52840dk",
    "nucleo_f446re": "activity_nucleo_f446re",
}
# What the inferences are timed with. A cycle counter stands still unless it is started.
CLOCKS = {
    "nrf52840dk/nrf52840": b"arch_timing_start",
    "nrf54l15dk/nrf54l15/cpuapp": b"arch_timing_start",
    "nucleo_f446re": b"sys_clock_cycle_get_64",
    "nucleo_g071rb": b"sys_clock_cycle_get_64",
    "nucleo_l4r5zi": b"sys_clock_cycle_get_64",
    "rpi_pico": b"sys_clock_cycle_get_64",
}
# What docs/hardware.md flashes each with.
RUNNERS = {
    "nrf52840dk/nrf52840": {"nrfutil", "nrfjprog", "jlink", "pyocd", "openocd"},
    "nrf54l15dk/nrf54l15/cpuapp": {"nrfutil", "jlink"},
    "nucleo_f446re": {"stm32cubeprogrammer", "openocd", "jlink"},
    "nucleo_g071rb": {"stm32cubeprogrammer", "pyocd", "openocd", "jlink"},
    "nucleo_l4r5zi": {"stm32cubeprogrammer", "openocd", "jlink"},
    "rpi_pico": {"uf2", "openocd"},
}
# Of its module a snapshot may lack what is too large for it.
LARGE = {"nrf54l15dk/nrf54l15/cpuapp": ("hal_nordic", "nrfx/mdk/nrf54l15_types.h")}


def require(board: Board) -> None:
    """Skips where an image for a board cannot be built, or emulated where it should be."""
    try:
        PLUGIN.require(board, AOT.name)
        if board.qemu is not None:
            QEMU.require(board, west_builds=True)
    except ToolError as missing:
        pytest.skip(missing.message)
    module, file = LARGE.get(board.name, ("", ""))
    place = workspace.require().module(module) if module else None
    if place is not None and not (place / file).is_file():
        pytest.skip(f"the workspace's {module} lacks {file}")


def assert_sizes(report: FirmwareReport, folder: Path) -> None:
    """Sizes are what the ELF file's headers say, whatever symbols Zephyr has for them there."""
    with (folder / "firmware.elf").open("rb") as file:
        elf = ELFFile(file)
        segments = [one.header for one in elf.iter_segments("PT_LOAD")]
        # The last one is a mark behind the constants: in flash, whatever its flags say.
        sections = [one.header for one in elf.iter_sections() if one.name != ".last_section"]
    loaded = [(one.p_paddr, one.p_paddr + one.p_filesz) for one in segments if one.p_filesz]
    assert report.flash_bytes == max(end for _, end in loaded) - min(at for at, _ in loaded)
    flags = SH_FLAGS.SHF_WRITE | SH_FLAGS.SHF_ALLOC
    masked = flags | SH_FLAGS.SHF_TLS  # of which each thread has its own, on its stack
    written = [(one.sh_addr, one.sh_size) for one in sections if one.sh_flags & masked == flags]
    variables = max(at + size for at, size in written) - min(at for at, _ in written)
    # What is before them in their first page is no variable's.
    assert 0 <= variables - report.static_ram_bytes - report.stack_reserved_bytes < 4096


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


@pytest.mark.parametrize("name", CONTRACTS)
def test_some_have_a_contract_for_hardware(name: str) -> None:
    """One to start with, that only the board itself can meet."""
    contract = load(ROOT / "contracts" / f"{CONTRACTS[name]}.yaml", ROOT)
    assert contract.target.board == name
    assert contract.target.platform == "zephyr"
    assert contract.mode == "simulate-then-hardware"


@pytest.mark.slow
@pytest.mark.zephyr
@pytest.mark.parametrize(("name", "seed"), OTHER_CORES.items())
def test_other_cores_equal_the_oracle(name: str, seed: int, tmp_path: Path) -> None:
    """32 bits and 64, without unaligned words and with: not a byte of a random graph differs."""
    board = load_board(name)
    require(board)
    tflite = random_graph(seed)
    report = deploy_alone(tflite, board, AOT, tmp_path)
    assert answers(board, tflite, tmp_path, report.firmware_id)
    assert_sizes(report, tmp_path)


@pytest.mark.slow
@pytest.mark.zephyr
@pytest.mark.parametrize("seed", [1, 2])
def test_risc_v_equals_the_oracle(seed: int, tmp_path: Path) -> None:
    """Another architecture under the same kernel: not a byte of a random graph differs."""
    board = load_board("qemu_riscv32")
    require(board)
    tflite = random_graph(seed)
    report = deploy(tflite, board, AOT, tmp_path)
    assert answers(board, tflite, tmp_path, report.firmware_id)
    assert_sizes(report, tmp_path)


def test_tflm_on_risc_v_is_refused_before_anything_starts() -> None:
    """Its compiler has no C++ library; the error says what to choose instead."""
    with pytest.raises(ToolError, match="tflm") as caught:
        PLUGIN.require(load_board("qemu_riscv32"), "tflm")
    assert caught.value.hint == "engine: aot"
