"""The library as a Zephyr module: several models and engines in one image, on several boards."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.engines.tflm import PLUGIN as TFLM
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.platforms._zephyr import needs, toolchain, workspace
from mlforge_tasks.platforms._zephyr.build_folder import _COMPILER_CACHE
from mlforge_tasks.platforms.zephyr import CORE_MODULES, TFLM_MODULES
from tests.helpers.libraries import Library, boot, make
from tests.helpers.zephyr_images import MARKS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.contract.board import Board

pytestmark = MARKS
TIMEOUT_S = 900.0
FOUR = """\
cmake_minimum_required(VERSION 3.20.0)
list(APPEND EXTRA_ZEPHYR_MODULES {})
find_package(Zephyr REQUIRED HINTS $ENV{{ZEPHYR_BASE}})
project(four)
target_sources(app PRIVATE main.c)

# So that the test takes less time: of TensorFlow Lite Micro's kernels those that are used.
get_target_property(all modules__tflite-micro SOURCES)
foreach(source IN LISTS all)
  if(NOT source MATCHES "/(python|signal)/|/micro/(test_help|fake_micro|mock_micro)"
     AND (NOT source MATCHES "/micro/kernels/"
          OR source MATCHES "/(activations|fully_connected|kernel_util|micro_utils|reduce)"))
    list(APPEND used ${{source}})
  endif()
endforeach()
set_target_properties(modules__tflite-micro PROPERTIES SOURCES "${{used}}")
"""
MAIN = """\
#include <stdio.h>
{}
int main(void)
{{
{}
    printf("all told\\n");
    return 0;
}}
"""
ONE = '    printf("{0} %d %d\\n", {0}_init(), {0}_self_test());\n'


def west(source: Path, board: Board, build: Path, modules: tuple[str, ...]) -> Path:
    """Builds an application with west alone; returns its image."""
    assert board.zephyr is not None
    found, compiler = workspace.require(), toolchain.require(board.zephyr.arch, board.gcc_flags)
    paths = ";".join(str(path) for path in found.modules(modules))
    argv = [*workspace.WEST, "build", "-p", "never", "-d", str(build)]
    argv += ["-b", board.zephyr.target, str(source), "--", f"-DZEPHYR_MODULES={paths}"]
    environment = {
        **compiler.environment,
        **_COMPILER_CACHE,
        "CCACHE_BASEDIR": str(build.parent),
        "ZEPHYR_BASE": str(found.zephyr_base),
    }
    argv += ["-DBUILD_VERSION=mlforge", *compiler.cmake_args]
    process.check(argv, timeout_s=TIMEOUT_S, cwd=found.topdir, env=environment)
    return build / "zephyr" / "zephyr.elf"


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Library]:
    """Four models of two engines, one of several inputs and outputs."""
    folder = tmp_path_factory.mktemp("libraries")
    return {
        "level": make(folder / "level", "level", "regression", engine=AOT),
        "gesture": make(folder / "gesture", "gesture", "detection", engine=AOT),
        "pump": make(folder / "pump", "pump", "anomaly", engine=TFLM),
        "several": make(folder / "several", "several", "several", engine=TFLM),
    }


def test_models_of_two_engines_run_in_one_image(
    libraries: Mapping[str, Library], tmp_path: Path
) -> None:
    """Each gives the reference's bytes; kernels are there once."""
    app = tmp_path / "app"
    app.mkdir()
    modules = " ".join(str(one.folder) for one in libraries.values())
    (app / "CMakeLists.txt").write_text(FOUR.format(modules))
    options = "".join(f"CONFIG_MLFORGE_{name.upper()}=y\n" for name in libraries)
    (app / "prj.conf").write_text(f"{options}CONFIG_MAIN_STACK_SIZE=4096\n")
    includes = "".join(f'#include "{name}.h"\n' for name in libraries)
    calls = "".join(ONE.format(name) for name in libraries)
    (app / "main.c").write_text(MAIN.format(includes, calls))
    board = load_board("mps2/an386")
    elf = west(app, board, tmp_path / "build", (*CORE_MODULES, *TFLM_MODULES))
    said = boot(board, elf, "all told")
    assert said == "level 0 0\ngesture 0 0\npump 0 0\nseveral 0 0\nall told"


@pytest.mark.parametrize("name", ["mps3/an547", "qemu_riscv32"])
def test_the_sample_runs_on_a_board(
    name: str, libraries: Mapping[str, Library], tmp_path: Path
) -> None:
    """As it is delivered, with kernels of whatever core it is built for; twister runs a third."""
    board = load_board(name)
    assert board.zephyr is not None
    modules = CORE_MODULES if board.zephyr.arch == "arm" else ()
    try:
        needs.require(modules, board.zephyr.arch, flags=board.gcc_flags, bare=True)
    except ToolError as missing:
        pytest.skip(missing.message)
    source = libraries["level"].folder / "samples" / "zephyr"
    elf = west(source, board, tmp_path / "build", modules)
    assert "level 1.2.3: self-test passed, 32 examples" in boot(board, elf, "output 2 in mg/dL")


def test_twister_passes(libraries: Mapping[str, Library], tmp_path: Path) -> None:
    """Zephyr's own test runner reads the sample's description."""
    pytest.importorskip("junitparser")
    compiler, found = toolchain.require(), workspace.require()
    out, folder = tmp_path / "twister", libraries["gesture"].folder / "samples" / "zephyr"
    argv = [*workspace.WEST, "twister", "-T", str(folder), "-p", "mps2/an385", "-O", str(out)]
    argv += [f"-x={arg.removeprefix('-D')}" for arg in compiler.cmake_args]
    environment = {**compiler.environment, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    done = process.run(argv, timeout_s=TIMEOUT_S, cwd=found.topdir, env=environment)
    assert done.returncode == 0, done.output
    suites = json.loads((out / "twister.json").read_text())["testsuites"]
    (case,) = [case for suite in suites for case in suite["testcases"]]
    assert (case["identifier"], case["status"]) == ("mlforge.gesture", "passed")
