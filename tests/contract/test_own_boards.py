"""Boards of the user's own, beside the contract, and what a contract adds to a board on Zephyr."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.board import board_file, find_board, load_board
from mlforge_tasks.contract.contract import Contract
from mlforge_tasks.contract.loader import load
from mlforge_tasks.errors import ContractError
from tests.helpers.builds import doit, edited
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

TARGET = "target: {board: mps2/an385, platform: baremetal, engine: aot}"
OWN = "target: {board: acme/pump, platform: baremetal, engine: aot}"


def add_board(folder: Path, name: str = "acme/pump", *changes: tuple[str, str]) -> Path:
    """A board that is `mps2/an385` under another name, beside a contract in the folder."""
    text = board_file("mps2/an385").read_text().replace("name: mps2/an385", f"name: {name}")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = board_file(name, folder / "boards")
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def read(folder: Path, *changes: tuple[str, str]) -> Contract:
    """The small contract with changes, read from a folder."""
    return load(edited(TANK, folder, *changes), ROOT)


def mistake(folder: Path, *changes: tuple[str, str]) -> str:
    """The one mistake in it."""
    with pytest.raises(ContractError) as caught:
        read(folder, *changes)
    (problem,) = caught.value.problems
    return str(problem)


def test_a_board_beside_the_contract_is_used(tmp_path: Path) -> None:
    """It goes before one of MLForge's of the same name, and is as good as any."""
    add_board(tmp_path)
    board = read(tmp_path, (TARGET, OWN)).target.on_board
    assert (board.name, board.cpu) == ("acme/pump", "cortex-m3")
    add_board(tmp_path, "mps2/an385", ("clock_hz: 25_000_000", "clock_hz: 50_000_000"))
    assert read(tmp_path).target.on_board.clock_hz == 50_000_000
    assert load_board("mps2/an385").clock_hz == 25_000_000


def test_it_stays_with_the_contract(tmp_path: Path) -> None:
    """What was read is kept whole: neither its JSON nor another process asks for the file."""
    path = add_board(tmp_path)
    contract = read(tmp_path, (TARGET, OWN))
    path.unlink()
    again = Contract.from_dump(contract.model_dump(mode="json"))
    assert again.target.on_board == contract.target.on_board
    assert again.target.on_board.name == "acme/pump"


def test_a_key_for_it_is_none_of_a_contract(tmp_path: Path) -> None:
    """Only a file makes a board."""
    assert "own_board" in mistake(tmp_path, (TARGET, f"{TARGET[:-1]}, own_board: {{name: x}}}}"))


def test_an_unknown_board_is_told_with_how_to_add_one(tmp_path: Path) -> None:
    """Names of both folders are known; where none is likely, there is a command for another."""
    add_board(tmp_path)
    said = mistake(tmp_path, (TARGET, OWN.replace("acme/pump", "acme/pumb")))
    assert "did you mean 'acme/pump'?" in said
    said = mistake(tmp_path, (TARGET, OWN.replace("acme/pump", "zzz_devkit")))
    assert "`doit board name=zzz_devkit`" in said
    assert "acme/pump" in said


def test_a_broken_board_file_is_its_own_error(tmp_path: Path) -> None:
    """It is told in its own file and line, and by contracts that use it alone."""
    broken = add_board(tmp_path, "acme/pump", ("cpu: cortex-m3", "cpus: cortex-m3"))
    assert read(tmp_path).target.on_board.name == "mps2/an385"
    contract = edited(TANK, tmp_path, (TARGET, OWN))
    run = doit(build=tmp_path / "build", contract=contract)
    assert run.code == 3
    assert f"in {broken}:" in run.err
    assert f"mistakes in {contract}" not in run.err
    assert f"{broken}:4: cpus" in run.err


def test_two_files_of_one_name_are_told(tmp_path: Path) -> None:
    """Neither is chosen by how it is called; one that is called as its board is."""
    path = add_board(tmp_path)
    twins = [path.with_name(name) for name in ("a.yaml", "z.yaml")]
    for twin in twins:
        twin.write_text(path.read_text())
    assert read(tmp_path, (TARGET, OWN)).target.on_board.name == "acme/pump"
    path.unlink()
    told = mistake(tmp_path, (TARGET, OWN))
    assert all(str(twin) in told for twin in twins)


def test_a_run_on_a_board_of_ones_own(tmp_path: Path) -> None:
    """The firmware of a stage's process is for it."""
    add_board(tmp_path, "acme/pump", ("length: 4 MiB}     #", "length: 64 KiB}   #"))
    run = doit("floor", build=tmp_path / "build", contract=edited(TANK, tmp_path, (TARGET, OWN)))
    assert run.code == 0, run.out + run.err
    linked = (tmp_path / "build" / "tank" / "floor" / "firmware.map").read_text()
    assert re.search(r"^RAM +0x0*20000000 +0x0*10000 ", linked, re.MULTILINE)


def test_zephyrs_own_names_and_revisions() -> None:
    """Of one board there is one file, whatever it is called."""
    assert find_board("mps3/corstone300/an547") == load_board("mps3/an547")
    plain = load_board("nrf54l15dk/nrf54l15/cpuapp")
    revised = load_board("nrf54l15dk@0.9.0/nrf54l15/cpuapp")
    assert revised.zephyr is not None
    assert plain.zephyr is not None
    assert revised.zephyr.target == "nrf54l15dk@0.9.0/nrf54l15/cpuapp"
    assert revised.model_copy(update={"zephyr": plain.zephyr}) == plain
    assert find_board("mps2@1/an385x") is None


def test_a_contract_adds_to_its_board(tmp_path: Path) -> None:
    """Shields, overlays, options and modules come behind those of the board's file."""
    added = "zephyr: {shield: [ssd1306_128x64], modules: [hal_nxp], overlay: [pyproject.toml]}"
    changed = f"target: {{board: nucleo_f446re, platform: zephyr, engine: aot, {added}}}"
    known = read(tmp_path, (TARGET, changed)).target.on_board.zephyr
    assert known is not None
    assert known.shields == ("ssd1306_128x64",)
    assert known.modules == ("hal_stm32", "hal_nxp")
    assert known.overlays == ("pyproject.toml",)


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("{overlay: [hw/none.overlay]}", "a file of the project (there is none at this path)"),
        ("{overlay: [../out.overlay]}", "a path inside the project"),
        ("{board_root: hw}", "a folder of the project (there is none at this path)"),
        ("{shields: [x]}", "did you mean 'shield'?"),
        ("{shield: ['x;y']}", "target.zephyr.shield"),
        ("{modules: ['-DX=1 ']}", "target.zephyr.modules"),
        ("{modules: [../sensor]}", "a folder below the project's root"),
    ],
)
def test_mistakes_in_what_is_added_have_a_place(tmp_path: Path, added: str, said: str) -> None:
    """Nothing that is written there can become another argument of the build."""
    changed = f"target: {{board: nucleo_f446re, platform: zephyr, engine: aot, zephyr: {added}}}"
    assert said in mistake(tmp_path, (TARGET, changed))


def test_bare_metal_has_no_shields(tmp_path: Path) -> None:
    """The key is told as one of another platform."""
    changed = f"{TARGET[:-1]}, zephyr: {{shield: [x]}}}}"
    assert "it is for `platform: zephyr`" in mistake(tmp_path, (TARGET, changed))
