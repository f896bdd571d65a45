"""What a build on Zephyr needs is asked for before anything is started; none of this needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import product
from mlforge_tasks.platforms._zephyr import doctor, needs, toolchain
from tests.helpers import zephyr_images
from tests.helpers.builds import doit
from tests.helpers.paths import ROOT
from tests.platforms.test_zephyr_workspace import add_module, make_zephyr

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def topdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that looks like a workspace with `cmsis_6`, as ZEPHYR_BASE names it; a toolchain."""
    base = make_zephyr(tmp_path / "ws")
    add_module(tmp_path / "ws", "cmsis_6")
    gcc = tmp_path / "gnu" / "bin" / toolchain.GNU_ARM_GCC
    gcc.parent.mkdir(parents=True)
    gcc.write_text("#!/bin/sh\necho picolibc.specs\n")
    gcc.chmod(0o755)
    monkeypatch.setenv("ZEPHYR_BASE", str(base))
    monkeypatch.setenv("ZEPHYR_TOOLCHAIN_VARIANT", toolchain.GNU_ARM)
    monkeypatch.setenv("GNUARMEMB_TOOLCHAIN_PATH", str(gcc.parent.parent))
    monkeypatch.setattr(doctor, "PYTHON_NEEDS", {"yaml": "pyyaml"})
    monkeypatch.setattr(doctor, "PROGRAMS", {"sh": "dash"})
    monkeypatch.setenv(product.VARIABLE, str(tmp_path / "project"))
    monkeypatch.setattr(product, "path", tmp_path.joinpath)  # this clone's own may have a space
    toolchain.require.cache_clear()
    yield base.parent
    toolchain.require.cache_clear()


def message() -> str:
    """What is said, with its advice."""
    with pytest.raises(ToolError) as caught:
        needs.require(("cmsis_6",))
    return str(caught.value)


def test_what_is_complete_passes(topdir: Path) -> None:
    """Workspace, module, toolchain, packages and programs: no word."""
    needs.require(("cmsis_6",))


def test_no_workspace_says_how_to_get_one(
    topdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first message of a user who has no Zephyr names the command."""
    monkeypatch.delenv("ZEPHYR_BASE")
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    said = message()
    assert "platform 'zephyr' needs a Zephyr workspace" in said
    assert "doit workspace folder=~/zephyrproject" in said


def test_a_tree_outside_of_a_workspace_is_refused(topdir: Path) -> None:
    """West builds nothing there."""
    (topdir / ".west").rmdir()
    assert "west init -l zephyr" in message()


def test_a_path_with_a_space_is_refused(
    topdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zephyr's own CMake files would end it there, with a message about a file of half the name."""
    monkeypatch.setenv(product.VARIABLE, str(tmp_path / "my project"))
    said = message()
    assert "my project'" in said
    assert "move it" in said


def test_bare_metal_is_advised_for_boards_that_it_has(tmp_path: Path) -> None:
    """For others that platform's own advice is Zephyr."""
    for bare in (True, False):
        with pytest.raises(ToolError) as caught:
            needs.refuse_spaces(tmp_path / "my forge", bare=bare)
        assert ("baremetal" in str(caught.value)) == bare


def test_a_missing_module_is_named(topdir: Path) -> None:
    """Those that the engine does not use are not asked for."""
    (topdir / "modules/hal/cmsis_6/zephyr/module.yml").unlink()
    assert "lacks cmsis_6" in message()


def test_no_toolchain_says_what_to_install(
    topdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A named toolchain that is not there is not replaced by another."""
    monkeypatch.setenv("GNUARMEMB_TOOLCHAIN_PATH", str(tmp_path))
    said = message()
    assert "no toolchain for Zephyr" in said
    assert "apt-get install gcc-arm-none-eabi" in said


def test_missing_packages_and_programs_are_all_named(
    topdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One command installs them all."""
    monkeypatch.setattr(doctor, "PROGRAMS", {"no-a": "a-deb", "no-b": "b-deb", "sh": "dash"})
    said = message()
    assert "no-a, no-b" in said
    assert "sudo apt-get install a-deb b-deb" in said
    monkeypatch.setattr(doctor, "PYTHON_NEEDS", {"no_c": "c-dist", "yaml": "pyyaml"})
    assert "Python packages c-dist" in message()


def test_the_tests_of_images_skip_with_the_reason(
    topdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong ZEPHYR_BASE, no workspace, a missing module: none of them breaks the collection."""
    assert "lacks cmsis-dsp, cmsis-nn, tflite-micro" in zephyr_images.missing()
    monkeypatch.setenv("ZEPHYR_BASE", str(tmp_path))
    assert "ZEPHYR_BASE: found" in zephyr_images.missing()
    monkeypatch.delenv("ZEPHYR_BASE")
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    assert "no Zephyr workspace" in zephyr_images.missing()


def test_the_device_tree_compiler_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    """Zephyr's own build only uses it where it is found; its absence is told, not refused."""
    assert "dtc" not in doctor.PROGRAMS
    monkeypatch.setenv("PATH", "")
    (fact,) = [fact for fact in doctor.facts() if fact.name == "dtc"]
    assert fact.found is None
    assert "apt-get install device-tree-compiler (not needed" in fact.advice


def test_a_run_that_could_not_build_starts_nothing(
    topdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3 and what to run, before the data is even read."""
    monkeypatch.setenv("ZEPHYR_BASE", str(tmp_path))
    contract = ROOT / "contracts" / "glucose_zephyr.yaml"
    run = doit(build=tmp_path / "build", contract=contract)
    assert run.code == 3
    assert not run.out
    assert "doit workspace folder=~/zephyrproject" in run.err
    assert not (tmp_path / "build" / "glucose_zephyr" / "dataset").exists()
