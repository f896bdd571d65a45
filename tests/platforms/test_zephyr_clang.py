"""`toolchain: llvm` on Zephyr: Clang's objects, GNU's linker and libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.errors import ToolError
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.platforms.zephyr import PLUGIN, ZephyrImage
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.runners import Expected
from mlforge_tasks.runners.qemu import PLUGIN as QEMU
from tests.helpers import zephyr_images
from tests.helpers.clang import clang_or_skip
from tests.helpers.graphs import random_graph

if TYPE_CHECKING:
    from pathlib import Path

BOARD = load_board("mps2/an386")


@pytest.mark.slow
@pytest.mark.zephyr
@zephyr_images.NEEDS_ZEPHYR
def test_an_image_of_clang_equals_the_oracle(tmp_path: Path) -> None:
    """It boots on Zephyr, its outputs are the reference's, and what was built says by whom."""
    clang_or_skip()
    tflite = random_graph(3)
    report = zephyr_images.deploy(tflite, BOARD, AOT, tmp_path, toolchain="llvm")
    assert "clang version" in ZephyrImage.read(tmp_path / "zephyr.json").toolchain
    oracle = Oracle(tflite)
    shape = (5, *oracle.input_shape[1:])
    inputs = np.random.default_rng(3).integers(-128, 128, shape, np.int8)
    expected = Expected(report.firmware_id, sha256_bytes(tflite))
    with QEMU.open(BOARD, tmp_path / "firmware.elf", expected) as session:
        outputs = b"".join(session.infer(one.tobytes()).output for one in inputs)
        assert 256 <= session.self_test.stack_used_bytes <= 4096
    assert outputs == oracle.run(inputs).tobytes()


@pytest.mark.parametrize(
    ("name", "engine", "why", "hint"),
    [
        ("mps3/an547", "aot", "-mfpu=auto", "toolchain: gcc, or `platform: baremetal`"),
        ("qemu_riscv32", "aot", "for Arm alone", "toolchain: gcc"),
        ("mps2/an385", "tflm", "C\\+\\+", "toolchain: gcc"),
    ],
)
def test_what_zephyr_does_not_build_with_clang_is_told(
    name: str, engine: str, why: str, hint: str
) -> None:
    """Before anything starts, with what to write instead."""
    with pytest.raises(ToolError, match=why) as caught:
        PLUGIN.require(load_board(name), engine, "llvm")
    assert caught.value.hint == hint
