"""The library builds by itself, on the host and on cores, and tells right from wrong."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.graph import process
from mlforge_tasks.platforms import _gnu
from tests.helpers.clang import clang_or_skip
from tests.helpers.cores import CORES, run, toolchain_or_skip
from tests.helpers.graphs import random_graph
from tests.helpers.libraries import (
    TASKS,
    TIMEOUT_S,
    WARNINGS,
    Library,
    cmake,
    defined,
    make,
    write,
)
from tests.helpers.linux_programs import board_or_skip

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("cmake") and shutil.which("ninja")), reason="no cmake, or no ninja"
    ),
]
# Further ones, by what is different of them.
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "lines": ("classification", {"streamed": True}),
    "torch": ("regression", {"channels_first": True}),
    "torch_pump": ("anomaly", {"channels_first": True}),
    "several": ("several", {}),
    "several_tags": ("several_tags", {}),
    "wide": ("regression", {"wide": True}),
    "wide_alarm": ("detection", {"wide": True}),
    "kept": ("regression", {"kept": True}),
    "kept_alarm": ("detection", {"kept": True, "changes": {"window": None}}),
    "picture": ("classification", {"changes": {"window": None}}),
}
ALL = """\
cmake_minimum_required(VERSION 3.16)
project(all LANGUAGES C)
{}
add_executable(app main.c)
target_link_libraries(app PRIVATE {})
"""
SEVERAL = """\
#include <stdio.h>
{}
int main(void)
{{
    int wrong = 0;
{}
    return wrong;
}}
"""
ONE = '    wrong += {0}_init() != 0 || {0}_self_test() != 0;\n    printf("{0} %d\\n", wrong);\n'


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Library]:
    """One of each task, and of what else makes a difference."""
    folder = tmp_path_factory.mktemp("libraries")
    made = {name: make(folder / name, name, task) for name, task in TASKS.items()}
    others = {name: make(folder / name, name, task, **how) for name, (task, how) in OTHERS.items()}
    return {**made, **others}


def project(folder: Path, libraries: Mapping[str, Library]) -> Path:
    """An application that takes libraries in and tests them all."""
    folder.mkdir()
    below = "\n".join(f"add_subdirectory({one.folder} {name})" for name, one in libraries.items())
    targets = " ".join(f"mlforge::{name}" for name in libraries)
    (folder / "CMakeLists.txt").write_text(ALL.format(below, targets))
    includes = "".join(f'#include "{name}.h"\n' for name in libraries)
    calls = "".join(ONE.format(name) for name in libraries)
    (folder / "main.c").write_text(SEVERAL.format(includes, calls))
    return folder


def all_right(libraries: Mapping[str, Library]) -> str:
    return "".join(f"{name} 0\n" for name in libraries)


def test_models_of_every_task_run_in_one_program(
    libraries: Mapping[str, Library], tmp_path: Path
) -> None:
    """On the host, without a warning; each gives the reference's bytes, shared kernels are once."""
    build = tmp_path / "build"
    cmake(project(tmp_path / "app", libraries), build, f"-DCMAKE_C_FLAGS={WARNINGS}")
    assert process.check([str(build / "app")], timeout_s=TIMEOUT_S) == all_right(libraries)
    archives = sorted(build.rglob("*.a"))
    names = defined("nm", archives)
    known = "|".join([*libraries, r"aot_[0-9a-f]{8}"])
    assert {one for one in names if not re.match(rf"({known})_", one)} == set()
    kernels = process.check(
        ["ar", "t", str(build / "level" / "libmlforge_kernels.a")], timeout_s=60
    )
    assert kernels.count("aot_math.c.o") == 3  # one for each kind of core


@pytest.mark.parametrize("core", CORES)
def test_clang_has_no_warning(libraries: Mapping[str, Library], core: str) -> None:
    """For any core, without an option that keeps it quiet."""
    _, flags = CORES[core]
    sources = [str(path) for one in libraries.values() for path in one.folder.glob("src/*/**/*.c")]
    folders = [f"-I{one.folder / 'src'}" for one in libraries.values()]
    target = ["--target=arm-none-eabi", *flags.split(), f"-isystem{_gnu.picolibc_headers()}"]
    argv = [clang_or_skip(), *target, *WARNINGS.split(), "-std=c11", "-O2", "-fsyntax-only"]
    process.check([*argv, *folders, *sources], timeout_s=TIMEOUT_S)


@pytest.mark.parametrize("core", CORES)
def test_models_of_every_task_run_on_a_core(
    libraries: Mapping[str, Library], core: str, tmp_path: Path
) -> None:
    """On bare metal, from a toolchain file alone; also where the compiler may fuse floats."""
    toolchain = toolchain_or_skip(core, tmp_path)
    build = tmp_path / "build"
    source = project(tmp_path / "app", libraries)
    cmake(source, build, f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", "-DCMAKE_BUILD_TYPE=MinSizeRel")
    assert run(core, build / "app", TIMEOUT_S) == all_right(libraries)


def test_the_example_runs_and_a_wrong_byte_is_told(
    libraries: Mapping[str, Library], tmp_path: Path
) -> None:
    """By itself the library builds its example; a constant that changed fails its self-test."""
    folder = tmp_path / "library"
    shutil.copytree(libraries["level"].folder, folder)
    cmake(folder, tmp_path / "build")
    program = str(tmp_path / "build" / "level_sample")
    said = process.check([program], timeout_s=TIMEOUT_S)
    assert re.match(
        r"level 1\.2\.3: self-test passed, 32 examples\n  output 0 in mg/dL: -?\d", said
    )

    (source,) = folder.glob("src/level/portable_*/level_aot.c")
    text = source.read_text()
    last = text.rindex("_weights[")
    spoilt = text[:last] + re.sub(r"-?\b\d+,", "100,", text[last:].partition("};")[0])
    spoilt += "};" + text[last:].partition("};")[2]
    source.write_text(spoilt)
    process.check(["ninja", "-C", str(tmp_path / "build")], timeout_s=TIMEOUT_S)
    done = process.run([program], timeout_s=TIMEOUT_S)
    assert done.returncode == 1
    assert re.match(r"level 1\.2\.3: self-test failed at \d+ of 32\n", done.output)


def test_the_example_runs_on_linux_elsewhere(
    libraries: Mapping[str, Library], tmp_path: Path
) -> None:
    """Built by CMake alone for another processor, with its NEON, its self-test passes there."""
    board_or_skip("raspberry_pi_4")
    told = {
        "CMAKE_SYSTEM_NAME": "Linux",
        "CMAKE_SYSTEM_PROCESSOR": "aarch64",
        "CMAKE_C_COMPILER": "aarch64-linux-gnu-gcc",
        "CMAKE_C_FLAGS": "-mcpu=cortex-a72",
        "CMAKE_EXE_LINKER_FLAGS": "-static",
    }
    options = (f"-D{name}={value}" for name, value in told.items())
    cmake(libraries["level"].folder, tmp_path / "build", *options)
    program = ["qemu-aarch64", "-cpu", "cortex-a72", str(tmp_path / "build" / "level_sample")]
    said = process.check(program, timeout_s=TIMEOUT_S)
    assert said.startswith("level 1.2.3: self-test passed, 32 examples\n")


COMPILERS = {
    "host": ("gcc",),
    "cortex-m4": ("arm-none-eabi-gcc", "--specs=picolibc.specs", "-mcpu=cortex-m4", "-mthumb"),
    "cortex-m55": (
        *("arm-none-eabi-gcc", "--specs=picolibc.specs"),
        *("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
    ),
}


@pytest.mark.parametrize("core", COMPILERS)
def test_what_random_models_define_has_their_prefix(core: str, tmp_path: Path) -> None:
    """Whatever kernels they take: no name of two models, or of two versions, meets another's."""
    compiler, *flags = COMPILERS[core]
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    for seed in (40, 42):
        sources = AOT.library(
            random_graph(seed), "cortex-m4", "mine", arena_limit_bytes=None, streamed=False
        )
        folder = tmp_path / str(seed)
        write(sources.files, folder)
        for kind in {Path(name).parent for name in sources.files if name.endswith(".c")}:
            c_files = sorted(path.name for path in (folder / kind).glob("*.c"))
            argv = [compiler, *flags, "-Os", "-c", *c_files]
            process.check(argv, timeout_s=TIMEOUT_S, cwd=folder / kind)
        names = defined(compiler.replace("gcc", "nm"), sorted(folder.rglob("*.o")))
        assert names
        assert {one for one in names if not re.match(r"mine_|aot_[0-9a-f]{8}_", one)} == set()
