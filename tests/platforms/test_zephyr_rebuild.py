"""What is delivered of a Zephyr image builds it again, with west alone."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.build_report import COMPILATION, Compilation
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.contract.zephyr_options import ZephyrOptions
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process, product
from mlforge_tasks.platforms._zephyr import rebuild, workspace
from mlforge_tasks.platforms.zephyr import PLUGIN
from tests.helpers import zephyr_images
from tests.helpers.graphs import random_graph

BOARD = load_board("mps2/an386")
# What a contract adds to its board: an overlay of two files, options, a module.
OWN = {
    "hw/board/own.overlay": '#include "../common/led.dtsi"\n/ { model = "own"; };\n',
    "hw/common/led.dtsi": "/ { zephyr,user { led-count = <3>; }; };\n",
    "hw/own.conf": "CONFIG_MAIN_STACK_SIZE=5120\nCONFIG_OWN_MODULE=y\n",
    "hw/module/zephyr/module.yml": "name: own\nbuild: {cmake: ., kconfig: Kconfig}\n",
    "hw/module/Kconfig": 'config OWN_MODULE\n\tbool "own"\n',
    "hw/module/CMakeLists.txt": "zephyr_library()\nzephyr_library_sources(own.c)\n",
    "hw/module/own.c": "#include <zephyr/init.h>\n#include <zephyr/devicetree.h>\n"
    "volatile int own_leds;\n"
    "static int own(void) { own_leds = DT_PROP(DT_PATH(zephyr_user), led_count); return 0; }\n"
    "SYS_INIT(own, APPLICATION, 0);\n",
}


def rebuilt(delivered: Path, build: Path) -> list[str]:
    """What the script says, without MLForge."""
    environment = {
        # `west` is installed beside this Python.
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ZEPHYR_BASE": str(workspace.require().zephyr_base),
    }
    argv = [str(delivered / rebuild.FOLDER / "rebuild.sh"), str(build)]
    return process.check(argv, timeout_s=600, cwd=build.parent, env=environment).splitlines()


@pytest.mark.slow
@pytest.mark.zephyr
@zephyr_images.NEEDS_ZEPHYR
def test_the_script_makes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere, in a folder of its own, without MLForge and the project, whose files it has."""
    project = tmp_path / "project"
    for name, text in OWN.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    monkeypatch.setenv(product.VARIABLE, str(project))
    asked = ZephyrOptions(
        overlay=("hw/board/own.overlay",), extra_conf=("hw/own.conf",), modules=("hw/module",)
    )
    made = tmp_path / "made"
    zephyr_images.deploy_alone(random_graph(3), asked.added_to(BOARD), AOT, made, again=True)
    delivered = tmp_path / "delivered"
    made.rename(delivered)
    shutil.rmtree(project)
    assert str(tmp_path) not in (delivered / rebuild.FOLDER / "rebuild.sh").read_text()
    said = rebuilt(delivered, tmp_path / "build")
    assert said[-1] == "the same bytes as ../firmware.bin"
    assert b"own_leds" in (delivered / "firmware.elf").read_bytes()

    how = Compilation.read(delivered / COMPILATION)
    assert how.compiler.startswith("arm-none-eabi-gcc ")
    assert how.model_flags[-1] == "-O2"
    assert "-Os" in how.application_flags
    assert {"-mcpu=cortex-m4", "-mthumb"} < {*how.model_flags} & {*how.application_flags}
    settings = (delivered / rebuild.CONFIG).read_text()
    assert "\nCONFIG_MLFORGE_MODEL_C=y\n" in settings
    assert str(workspace.require().topdir) not in settings
    assert "\nCONFIG_MAIN_STACK_SIZE=5120\n" in settings


@pytest.mark.slow
@pytest.mark.zephyr
@zephyr_images.NEEDS_ZEPHYR
def test_it_does_for_a_core_without_modules(tmp_path: Path) -> None:
    """Debian's compilers for Linux have a header elsewhere than Zephyr looks for it."""
    board = load_board("qemu_x86")
    try:
        PLUGIN.require(board, AOT.name)
    except ToolError as missing:
        pytest.skip(missing.message)
    zephyr_images.deploy_alone(random_graph(3), board, AOT, tmp_path / "made", again=True)
    said = rebuilt(tmp_path / "made", tmp_path / "build")
    assert said[-1] == "the same bytes as ../firmware.bin"
    # Not one of the workspace's is in it, whose edits would be in no key.
    assert (tmp_path / "build" / "zephyr_modules.txt").read_text() == ""
