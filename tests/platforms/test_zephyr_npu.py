"""A model compiled for an Ethos-U in a Zephyr image: TFLite Micro's kernel and Arm's driver."""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

pytest.importorskip("tflite_micro")

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines.ethos_u import MODEL, PLUGIN
from mlforge_tasks.errors import ToolError
from mlforge_tasks.platforms._zephyr import npu, workspace
from mlforge_tasks.platforms.zephyr import PLUGIN as ZEPHYR
from tests.helpers import small_models
from tests.helpers.zephyr_images import NEEDS_ZEPHYR, deploy

if TYPE_CHECKING:
    from pathlib import Path

BOARD = load_board("mps3/corstone300/fvp")


def missing() -> str:
    """Why no image with an NPU's driver can be built here; empty where it can."""
    found = workspace.find()
    absent = [] if found is None else [one for one in npu.MODULES if not found.module(one)]
    if absent:
        return f"the Zephyr workspace lacks {', '.join(absent)}"
    return "" if importlib.util.find_spec("ethosu") else "ethos-u-vela is not installed"


NEEDS_NPU = pytest.mark.skipif(bool(missing()), reason=missing() or "it is here")


@pytest.mark.slow
@pytest.mark.zephyr
@NEEDS_ZEPHYR
@NEEDS_NPU
def test_an_image_has_kernel_driver_and_compiled_model(tmp_path: Path) -> None:
    """Its arena is what TFLite Micro starts the model in, a little more than the NPU takes of it.

    On the emulated board with the same core, which is also where the arena is looked for: one
    build of the interpreter.
    """
    board = load_board("mps3/an547").model_copy(update={"npu": BOARD.npu})
    assert board.npu is not None
    tflite = small_models.conv()
    engine = PLUGIN.on(board.npu, None)
    made = engine.generate(tflite, board.cpu)
    report = deploy(tflite, board, engine, tmp_path)
    assert report.arena_reserved_bytes is not None
    assert made.arena_bytes < report.arena_reserved_bytes < made.arena_bytes + 1024
    image = (tmp_path / "firmware.bin").read_bytes()
    assert made.beside[MODEL] in image
    assert tflite not in image
    with (tmp_path / "firmware.elf").open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        names = {one.name for one in table.iter_symbols()}
    assert {"ethosu_invoke_v3", "ethosu_init"} <= names
    assert report.heap_bytes >= 512


def test_the_driver_has_to_know_the_accelerator() -> None:
    """Zephyr's choice lacks the smallest; nothing is asked for where no NPU runs the model."""
    assert BOARD.npu is not None
    files = {npu.COMPILED: b""}
    assert npu.options(BOARD, files)[1] == "CONFIG_ETHOS_U55_128=y"
    assert npu.options(BOARD, {}) == ()
    small = BOARD.npu.model_copy(update={"accelerator": "ethos-u55-32"})
    with pytest.raises(ToolError, match="no configuration 'ethos-u55-32'"):
        npu.options(BOARD.model_copy(update={"npu": small}), files)


def test_an_npu_is_taken_only_where_it_is_asked_for() -> None:
    """`engine: auto` compares what can be measured."""
    assert "ethos_u" in ZEPHYR.engines
    assert "ethos_u" not in ZEPHYR.engines_for(BOARD)


@pytest.mark.zephyr
@NEEDS_ZEPHYR
def test_the_boards_memories_are_zephyrs() -> None:
    """The image is linked for the two SRAMs, at the addresses and sizes of its device tree."""
    tree = workspace.require().zephyr_base / "boards/arm/mps3/mps3_corstone300_fvp.dts"
    found = re.findall(r"(\w+): sram@(\w+) \{.*?DT_SIZE_M\((\d+)\)", tree.read_text(), re.DOTALL)
    regions = {name: (int(origin, 16), int(size) << 20) for name, origin, size in found}
    flash, ram = BOARD.memories()
    assert (flash.origin, flash.length_bytes) == regions["sram"]
    assert (ram.origin, ram.length_bytes) == regions["isram"]
