"""What is delivered of a Zephyr image builds it again, with west alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.build_report import COMPILATION, Compilation
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.graph import process
from mlforge_tasks.platforms._zephyr import rebuild, workspace
from tests.helpers import zephyr_images
from tests.helpers.graphs import random_graph

BOARD = load_board("mps2/an386")


@pytest.mark.slow
@pytest.mark.zephyr
@zephyr_images.NEEDS_ZEPHYR
def test_the_script_makes_the_same_bytes(tmp_path: Path) -> None:
    """Elsewhere, in a folder of its own, without MLForge."""
    made = tmp_path / "made"
    zephyr_images.deploy(random_graph(3), BOARD, AOT, made)
    delivered = tmp_path / "delivered"
    made.rename(delivered)
    script = delivered / rebuild.FOLDER / "rebuild.sh"
    assert str(tmp_path) not in script.read_text()
    environment = {
        # `west` is installed beside this Python.
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ZEPHYR_BASE": str(workspace.require().zephyr_base),
    }
    argv = [str(script), str(tmp_path / "build")]
    said = process.check(argv, timeout_s=600, cwd=tmp_path, env=environment)
    assert said.splitlines()[-1] == "the same bytes as ../firmware.bin"

    how = Compilation.read(delivered / COMPILATION)
    assert how.compiler.startswith("arm-none-eabi-gcc ")
    assert how.model_flags[-1] == "-O2"
    assert "-Os" in how.application_flags
    assert {"-mcpu=cortex-m4", "-mthumb"} < {*how.model_flags} & {*how.application_flags}
    settings = (delivered / rebuild.CONFIG).read_text()
    assert "\nCONFIG_MLFORGE_MODEL_C=y\n" in settings
    assert str(workspace.require().topdir) not in settings
