"""The layer for Yocto: linted, its files there, built and installed as its classes would."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.graph import process
from mlforge_tasks.library.yocto import package_name
from tests.helpers.libraries import TIMEOUT_S, make

pytestmark = pytest.mark.slow
GCC = "aarch64-linux-gnu-gcc"
EMULATOR = "qemu-aarch64"
# What cmake.bbclass (oe-core 5.0) writes and calls that decides what is built and where it goes.
TOOLCHAIN = f"""\
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER {GCC})
set(CMAKE_C_FLAGS "-O2 -pipe -Wformat -Werror=format-security -static" CACHE STRING "CFLAGS")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
"""
OPTIONS = (
    "-DCMAKE_INSTALL_PREFIX:PATH=/usr",
    "-DCMAKE_INSTALL_BINDIR:PATH=bin",
    "-DCMAKE_INSTALL_LIBDIR:PATH=lib",
    "-DCMAKE_INSTALL_INCLUDEDIR:PATH=include",
    "-DCMAKE_INSTALL_SO_NO_EXE=0",
    "-DCMAKE_NO_SYSTEM_FROM_IMPORTED=1",
    "-DFETCHCONTENT_FULLY_DISCONNECTED=ON",
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library for Linux."""
    folder = tmp_path_factory.mktemp("yocto") / "library"
    return make(folder, "Level_2", "regression", linux=True).folder


@pytest.fixture(scope="module")
def layer(library: Path) -> Path:
    """Its layer."""
    return library / "yocto" / "meta-mlforge-level-2"


@pytest.fixture(scope="module")
def recipe(layer: Path) -> Path:
    """Its recipe."""
    return layer / "recipes-mlforge" / "level-2" / "level-2_1.2.3.bb"


def test_other_libraries_have_none(tmp_path: Path) -> None:
    """A microcontroller's build has no use for it, nor for rules that install files."""
    folder = make(tmp_path / "library", "level", "regression").folder
    assert not (folder / "yocto").exists()
    assert "install(" not in (folder / "CMakeLists.txt").read_text()


@pytest.mark.parametrize(("prefix", "name"), [("Level_2", "level-2"), ("a__b_", "a--b")])
def test_a_name_is_one_that_a_version_may_follow(prefix: str, name: str) -> None:
    """After `_` BitBake reads a version."""
    assert package_name(prefix) == name


def test_the_recipe_names_what_is_there(library: Path, recipe: Path) -> None:
    """Each file of SRC_URI is found where FILESPATH looks, each licence has its digest."""
    text = recipe.read_text()
    above = re.search(r'FILESEXTRAPATHS:prepend := "\$\{THISDIR\}/(.+):"', text)
    assert above is not None
    assert (recipe.parent / above[1]).resolve() == library.resolve()
    for name in re.findall(r"file://([\w.-]+);subdir", text):
        assert (library / name).exists() or (recipe.parent / "files" / name).exists(), name
    digests = re.findall(r"file://(LICENSES/\S+);md5=(\w+)", text)
    assert len(digests) == len(list((library / "LICENSES").iterdir())) == 3
    for name, digest in digests:
        content = (library / name).read_bytes()
        assert hashlib.md5(content, usedforsecurity=False).hexdigest() == digest


@pytest.mark.skipif(not importlib.util.find_spec("oelint_adv"), reason="no oelint-adv")
def test_its_linter_has_nothing_to_say(layer: Path, recipe: Path) -> None:
    """Errors and warnings, but for whether the home page can be reached: there is no network."""
    argv = [sys.executable, "-m", "oelint_adv", "--quiet", "--hide", "info", "--jobs", "1"]
    argv += ["--suppress", "oelint.vars.homepageping", "--release", "scarthgap"]
    done = process.run([*argv, str(recipe), str(layer / "conf" / "layer.conf")], timeout_s=120)
    assert (done.returncode, done.output.strip()) == (0, "")


@pytest.mark.skipif(
    not all(map(shutil.which, ("cmake", "ninja", GCC, EMULATOR))),
    reason=f"needs cmake, ninja, {GCC} and {EMULATOR}",
)
def test_it_is_built_and_installed_as_bitbake_does(
    library: Path, recipe: Path, tmp_path: Path
) -> None:
    """Library, header and a program that passes its self-test; and nothing else."""
    build, image = tmp_path / "build", tmp_path / "image"
    (tmp_path / "toolchain.cmake").write_text(TOOLCHAIN)
    toolchain = f"-DCMAKE_TOOLCHAIN_FILE:FILEPATH={tmp_path / 'toolchain.cmake'}"
    argv = ["cmake", "-G", "Ninja", "-S", str(library), "-B", str(build), *OPTIONS, toolchain]
    process.check(argv, timeout_s=TIMEOUT_S)
    argv = ["cmake", "--build", str(build), "--target"]
    process.check([*argv, "all"], timeout_s=TIMEOUT_S)
    process.check([*argv, "install"], timeout_s=TIMEOUT_S, env={"DESTDIR": str(image)})
    installed = {str(path.relative_to(image)) for path in image.rglob("*") if path.is_file()}
    program = "usr/bin/Level_2_sample"
    libraries = {"usr/lib/libmlforge_Level_2.a", "usr/lib/libmlforge_kernels.a"}
    assert installed == {program, "usr/include/Level_2.h", *libraries}
    said = process.check([EMULATOR, str(image / program)], timeout_s=TIMEOUT_S)
    assert said.startswith("Level_2 1.2.3: self-test passed, ")
    _check_unit(recipe.parent / "files" / "level-2-demo.service", image / program, tmp_path)


def _check_unit(unit: Path, program: Path, folder: Path) -> None:
    """The unit is read by systemd without a word, of a program that is there."""
    if shutil.which("systemd-analyze") is None:
        return
    copy = folder / unit.name
    text = unit.read_text()
    assert "ExecStart=/usr/bin/Level_2_sample\n" in text
    copy.write_text(text.replace("/usr/bin/Level_2_sample", str(program)))
    done = process.run(["systemd-analyze", "verify", "--man=no", str(copy)], timeout_s=TIMEOUT_S)
    assert (done.returncode, done.output.strip()) == (0, "")
