"""Whether a board of the bench can be used is told before anything is flashed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import ToolError
from mlforge_tasks.runners import _attached
from mlforge_tasks.runners._bench_board import BenchBoard

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.board import Board

NRF = load_board("nrf52840dk/nrf52840")


def refusal(cwd: Path, board: Board = NRF, *, west_builds: bool = True, **fields: object) -> str:
    """What is said of an entry of the hardware map; empty where nothing is."""
    port = cwd / "tty"
    port.touch()
    entry = {"connected": True, "platforms": ("x",), "id": "77", "serial": str(port), **fields}
    try:
        _attached.require(board, BenchBoard.from_dump(entry), cwd, west_builds=west_builds)
    except ToolError as error:
        return str(error)
    return ""


def program(folder: Path, name: str) -> Path:
    """A program of that name."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH and a home with nothing in them."""
    (tmp_path / "tools").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "tools"


@pytest.mark.parametrize(
    ("runner", "called"),
    [("jlink", "JLinkExe"), ("openocd", "openocd"), ("nrfutil", "nrfutil"), ("pyocd", "pyocd")],
)
def test_a_flasher_that_is_not_installed_is_named(
    runner: str, called: str, tools: Path, tmp_path: Path
) -> None:
    """With the runner that needs it; once it is there, nothing is said."""
    said = refusal(tmp_path, runner=runner)
    assert f"the runner '{runner}'" in said
    assert f"'{called}'" in said
    assert "Things to try" in said
    program(tools, called)
    assert not refusal(tmp_path, runner=runner)


@pytest.mark.usefixtures("tools")
def test_what_cannot_be_known_is_not_refused(tmp_path: Path) -> None:
    """A runner whose program is unknown, or that is told of another one, is for west to judge."""
    assert not refusal(tmp_path, runner="rfp")
    assert not refusal(tmp_path, runner="openocd", runner_params=("--openocd=/opt/oo/openocd",))


@pytest.mark.usefixtures("tools")
def test_the_cube_programmer_is_found_where_west_finds_it(tmp_path: Path) -> None:
    """ST's installer puts it below the home folder, and not on PATH."""
    assert "STM32_Programmer_CLI" in refusal(tmp_path, runner="stm32cubeprogrammer")
    program(tmp_path, _attached._CUBE.removeprefix("~/"))
    assert not refusal(tmp_path, runner="stm32cubeprogrammer")


def test_a_port_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Where firmware makes the port, or it is no file, there is nothing to look for."""
    command = ("true",)
    assert not refusal(tmp_path, flash_command=command)
    said = refusal(tmp_path, flash_command=command, serial=str(tmp_path / "ttyACM9"))
    assert "ttyACM9 is not there (probe 77)" in said
    gone = str(tmp_path / "ttyACM9")
    assert not refusal(tmp_path, flash_command=command, serial=gone, flash_before=True)
    assert not refusal(tmp_path, flash_command=command, serial="socket://here:1")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open any port")
def test_a_port_that_may_not_be_opened_is_told(tmp_path: Path) -> None:
    """With the group to join."""
    (tmp_path / "tty").touch(mode=0o400)
    assert "dialout" in refusal(tmp_path, flash_command=("true",))


def test_programs_of_the_map_are_looked_for(tmp_path: Path) -> None:
    """Those with a path start at the map's folder."""
    said = refusal(tmp_path, flash_command=("no-such-flasher", "{elf}"))
    assert said.startswith("'no-such-flasher' was not found")
    assert "flash_command" in said
    own = ("tools/flash.sh", "{elf}")
    assert "'tools/flash.sh' was not found" in refusal(tmp_path, flash_command=own)
    program(tmp_path, "tools/flash.sh")
    assert not refusal(tmp_path, flash_command=own)
    assert "'on.sh'" in refusal(tmp_path, flash_command=own, pre_script="on.sh")


def test_a_meter_that_supplies_the_board_is_looked_for(tmp_path: Path) -> None:
    """Without it the board has no power; one that only measures is not always needed."""
    meter = {"kind": "ppk2", "port": str(tmp_path / "tty2"), "voltage_v": 3.0}
    said = refusal(tmp_path, flash_command=("true",), meter=meter)
    assert said.startswith(("the meter's port", "a meter of kind 'ppk2' needs its library"))
    assert not refusal(tmp_path, flash_command=("true",), meter=meter | {"supplies": False})


def test_west_flash_needs_a_build_of_zephyr(tools: Path, tmp_path: Path) -> None:
    """On another platform nothing on the way would make the folder that it reads."""
    program(tools, "JLinkExe")
    nobodys = NRF.model_copy(update={"name": "nobody/board", "zephyr": None})
    said = refusal(tmp_path, nobodys, runner="jlink", west_builds=False)
    assert "needs a Zephyr build folder for nobody/board" in said
    assert "flash_command" in said
