"""A library of engine `tflm` in plain CMake, with TensorFlow Lite Micro from its sources."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.engines.tflm import PLUGIN as TFLM
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.platforms._zephyr import workspace
from mlforge_tasks.platforms.zephyr import TFLM_MODULES
from tests.helpers.cores import run, toolchain_or_skip
from tests.helpers.libraries import TIMEOUT_S, cmake, make

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("cmake") and shutil.which("ninja")), reason="no cmake, or no ninja"
    ),
    pytest.mark.skipif(
        shutil.which("ccache") is None, reason="no ccache: TFLM would take minutes to compile"
    ),
]
APP = """\
cmake_minimum_required(VERSION 3.16)
project(app LANGUAGES C CXX)
add_executable(app main.c)
foreach(name pump blower level)
  add_subdirectory({}/${{name}} ${{name}})
  target_link_libraries(app PRIVATE mlforge::${{name}})
endforeach()

# So that the test takes less time: of the kernels those that are used.
get_target_property(all tflite-micro SOURCES)
list(FILTER all EXCLUDE REGEX "/micro/kernels/")
get_target_property(kernels tflite-micro SOURCES)
list(FILTER kernels INCLUDE REGEX
  "/kernels/(cmsis_nn/)?(activations|fully_connected|kernel_util|micro_utils|reduce)")
list(FILTER all EXCLUDE REGEX "/Source/")
get_target_property(dense tflite-micro SOURCES)
list(FILTER dense INCLUDE REGEX
  "/Source/(FullyConnected|NNSupport)|/arm_convolve_(1x1_s8_fast|get_buffer_sizes_s8)")
set_target_properties(tflite-micro PROPERTIES SOURCES "${{all}};${{kernels}};${{dense}}")
"""
MAIN = """\
#include <stdio.h>
#include "blower.h"
#include "level.h"
#include "pump.h"

int main(void)
{
    printf("pump %d %d\\n", pump_init(), pump_self_test());
    printf("blower %d %d\\n", blower_init(), blower_self_test());
    printf("level %d %d\\n", level_init(), level_self_test());
    return 0;
}
"""


def test_models_of_two_engines_run_on_bare_metal(tmp_path: Path) -> None:
    """With CMSIS-NN; two models share the interpreter, all give the reference's bytes."""
    try:
        modules = workspace.require().modules(TFLM_MODULES)
    except ToolError as missing:
        pytest.skip(missing.message)
    sources = {path.name: path for path in modules}
    if shutil.which("arm-none-eabi-g++") is None:
        pytest.skip("no C++ for Arm")
    toolchain = toolchain_or_skip("cortex-m4", tmp_path)
    for name, task, engine in (
        ("pump", "anomaly", TFLM),
        ("blower", "anomaly", TFLM),
        ("level", "regression", AOT),
    ):
        make(tmp_path / name, name, task, engine=engine)
    app, build = tmp_path / "app", tmp_path / "build"
    app.mkdir()
    (app / "CMakeLists.txt").write_text(APP.format(tmp_path))
    (app / "main.c").write_text(MAIN)
    options = [f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", "-DMLFORGE_OPTIMISATION=-Os"]
    told = process.run(["cmake", "-S", str(app), "-B", str(build), *options], timeout_s=TIMEOUT_S)
    assert "name its sources in" in told.output
    shutil.rmtree(build)
    options += [f"-DMLFORGE_TFLM_DIR={sources['tflite-micro']}"]
    options += [f"-DMLFORGE_CMSIS_NN_DIR={sources['cmsis-nn']}"]
    options += [f"-DCMAKE_{language}_COMPILER_LAUNCHER=ccache" for language in ("C", "CXX")]
    cmake(app, build, *options)
    assert run("cortex-m4", build / "app", TIMEOUT_S) == "pump 0 0\nblower 0 0\nlevel 0 0\n"
