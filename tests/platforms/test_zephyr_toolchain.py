"""Finding a compiler for Zephyr, and what its build system must be told about it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.platforms._zephyr import cross, toolchain

SDK_GCC = "arm-zephyr-eabi/bin/arm-zephyr-eabi-gcc"


def make_compiler(path: Path, *, picolibc: bool) -> Path:
    """A stand-in for GCC that knows where its files are, or does not."""
    path.parent.mkdir(parents=True)
    answer = "/lib/picolibc.specs" if picolibc else "picolibc.specs"
    path.write_text(f"#!/bin/sh\ncase $1 in --version) echo gcc 14.3;; *) echo {answer};; esac\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    """A folder that looks like a Zephyr SDK."""
    make_compiler(tmp_path / "sdk" / SDK_GCC, picolibc=True)
    return tmp_path / "sdk"


def gnu(tmp_path: Path, *, picolibc: bool) -> dict[str, str]:
    """An environment that names a GNU Arm toolchain."""
    make_compiler(tmp_path / "gnu" / "bin" / toolchain.GNU_ARM_GCC, picolibc=picolibc)
    return {"GNUARMEMB_TOOLCHAIN_PATH": str(tmp_path / "gnu")}


def test_the_sdk_comes_first(tmp_path: Path, sdk: Path) -> None:
    """Zephyr's own toolchain needs no special treatment, so it is taken where there is one."""
    both = gnu(tmp_path, picolibc=True) | {"ZEPHYR_SDK_INSTALL_DIR": str(sdk)}
    found = toolchain.find(both)
    assert found is not None
    assert (found.variant, found.cmake_args) == ("zephyr", ())
    assert found.environment["ZEPHYR_SDK_INSTALL_DIR"] == str(sdk)
    assert found.version() == "gcc 14.3"
    assert found.tool("nm").endswith("arm-zephyr-eabi-nm")


def test_a_named_variant_is_taken(tmp_path: Path, sdk: Path) -> None:
    """Who names a variant gets that one."""
    both = gnu(tmp_path, picolibc=True) | {"ZEPHYR_SDK_INSTALL_DIR": str(sdk)}
    found = toolchain.find(both | {"ZEPHYR_TOOLCHAIN_VARIANT": "gnuarmemb"})
    assert found is not None
    assert found.variant == "gnuarmemb"
    assert found.tool("size") == str(tmp_path / "gnu" / "bin" / "arm-none-eabi-size")


def test_picolibc_is_announced_to_zephyr(tmp_path: Path) -> None:
    """Zephyr cannot know that a GNU Arm toolchain has picolibc, or thread-local storage."""
    named = gnu(tmp_path, picolibc=True) | {"ZEPHYR_TOOLCHAIN_VARIANT": "gnuarmemb"}
    found = toolchain.find(named)
    assert found is not None
    assert found.environment["ZEPHYR_TOOLCHAIN_SUPPORTS_THREAD_LOCAL_STORAGE"] == "y"
    assert found.cmake_args == ("-DTOOLCHAIN_HAS_PICOLIBC=ON", "-DCONFIG_PICOLIBC=y")


def test_a_toolchain_without_picolibc_is_left_to_zephyr(tmp_path: Path) -> None:
    """Arm's own has newlib only, which Zephyr knows how to use."""
    named = gnu(tmp_path, picolibc=False) | {"ZEPHYR_TOOLCHAIN_VARIANT": "gnuarmemb"}
    found = toolchain.find(named)
    assert found is not None
    assert found.cmake_args == ()
    assert "ZEPHYR_TOOLCHAIN_SUPPORTS_THREAD_LOCAL_STORAGE" not in found.environment


def test_no_toolchain_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what was wanted and how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ZEPHYR_TOOLCHAIN_VARIANT", "gnuarmemb")
    monkeypatch.delenv("GNUARMEMB_TOOLCHAIN_PATH", raising=False)
    toolchain.require.cache_clear()
    with pytest.raises(ToolError, match="wanted: gnuarmemb") as caught:
        toolchain.require()
    assert caught.value.hint is not None
    assert "apt-get install" in caught.value.hint


def test_risc_v_gets_the_library_of_its_core() -> None:
    """GCC's own choice for what Zephyr asks for would be the library for 64 bits."""
    if shutil.which(cross.ARCHES["riscv"].gcc) is None:
        pytest.skip(f"{cross.ARCHES['riscv'].gcc} is not installed (./bootstrap --dev)")
    found = toolchain.find(
        {"ZEPHYR_TOOLCHAIN_VARIANT": "gnuarmemb"},
        arch="riscv",
        flags=("-march=rv32imac", "-mabi=ilp32"),
    )
    assert found is not None
    assert found.variant == found.environment["ZEPHYR_TOOLCHAIN_VARIANT"] == "cross-compile"
    assert found.environment["CROSS_COMPILE"].endswith("/riscv64-unknown-elf-")
    linked = next(each for each in found.cmake_args if "LINKER_FLAGS" in each)
    assert linked.endswith("/rv32imac/ilp32")


def test_a_missing_compiler_for_risc_v_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever there is for Arm."""
    monkeypatch.setenv("PATH", str(tmp_path))
    toolchain.require.cache_clear()
    with pytest.raises(ToolError, match="no riscv64-unknown-elf-gcc") as caught:
        toolchain.require("riscv")
    assert caught.value.hint == cross.ARCHES["riscv"].hint
