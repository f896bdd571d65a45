"""Boards as data: every file is valid, and a wrong name or file is explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract import board as boards
from mlforge_tasks.contract.board import Board, board_file, board_names, load_board
from mlforge_tasks.errors import ContractError, MlforgeError
from mlforge_tasks.runners import NS_PER_S
from mlforge_tasks.yaml_file import read_model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", board_names())
def test_board_file_is_named_after_the_board(name: str) -> None:
    """A board is found under the name that its file has."""
    assert load_board(name) == read_model(board_file(name), Board)
    assert load_board(name).name == name


def test_every_core_of_the_issue_has_a_board() -> None:
    """M3, M4, M7, M33 and M55 can be built for."""
    cores = {load_board(name).cpu for name in board_names()}
    assert cores >= {"cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"}


@pytest.mark.parametrize("name", board_names())
def test_a_tick_is_shorter_than_an_instruction(name: str) -> None:
    """Else instructions could not be told from ticks."""
    board = load_board(name)
    assert board.qemu is None or board.systick_hz << board.qemu.icount_shift >= NS_PER_S


@pytest.mark.parametrize("name", board_names())
def test_board_survives_its_json(name: str, tmp_path: Path) -> None:
    """A board can be handed to a stage as JSON."""
    load_board(name).write(tmp_path / "board.json")
    assert Board.read(tmp_path / "board.json") == load_board(name)


def test_unknown_board_is_explained() -> None:
    """The error names the boards there are and the likely one."""
    with pytest.raises(MlforgeError, match=r"no board 'mps2/an38'") as caught:
        load_board("mps2/an38")
    assert caught.value.hint is not None
    assert "did you mean 'mps2/an38" in caught.value.hint
    assert all(name in caught.value.hint for name in board_names())


def test_a_name_with_no_likely_board_still_lists_them() -> None:
    """A suggestion is only made where one is likely."""
    with pytest.raises(MlforgeError) as caught:
        load_board("z")
    assert caught.value.hint is not None
    assert "did you mean" not in caught.value.hint
    assert "`doit board name=z`" in caught.value.hint
    assert "The boards are" in caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("name: mps2/an385", "name: ../../etc/passwd", 3, "name"),
        ("length: 4 MiB}   #", "length: 4}   #", 9, "flash.length"),
        ("cpu: cortex-m3", "cpus: cortex-m3", 4, "cpus"),
        ("[-mcpu=cortex-m3, -mthumb]", "[-mcpu=cortex-m3, 'x; rm -rf /']", 5, "gcc_flags.1"),
        ("uart: {kind: cmsdk", "uart: {kind: cmsdc", 14, "uart.kind"),
        ("icount_shift: 6", "icount_shift: 60", 16, "qemu.icount_shift"),
    ],
)
def test_mistake_in_a_board_file_has_a_place(
    tmp_path: Path, old: str, new: str, line: int, field: str
) -> None:
    """A broken board file is reported with file, line and field."""
    text = board_file("mps2/an385").read_text()
    assert old in text
    path = tmp_path / "broken.yaml"
    path.write_text(text.replace(old, new))
    with pytest.raises(ContractError) as caught:
        read_model(path, Board)
    (problem,) = caught.value.problems
    assert (problem.where, problem.field) == (f"{path}:{line}", field)


def test_a_board_without_an_emulator_is_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real board needs no `qemu` section, and adding a file is all it takes."""
    text = board_file("mps2/an385").read_text().replace("mps2/an385", "acme/one")
    without = "\n".join(line for line in text.splitlines() if not line.startswith("qemu:"))
    (tmp_path / "acme_one.yaml").write_text(without)
    monkeypatch.setattr(boards, "BOARDS", tmp_path)
    assert board_names() == ("acme/one",)
    assert load_board("acme/one").qemu is None


def test_a_board_is_found_in_a_file_of_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is the name in the file, also where a file of the usual name is another's."""
    text = board_file("mps2/an385").read_text()
    (tmp_path / "ours.yaml").write_text(text.replace("mps2/an385", "acme/one"))
    (tmp_path / "acme_one.yaml").write_text(text.replace("mps2/an385", "acme/two"))
    monkeypatch.setattr(boards, "BOARDS", tmp_path)
    assert [load_board(name).name for name in board_names()] == ["acme/one", "acme/two"]


POWERED = [name for name in board_names() if load_board(name).power is not None]


def test_some_boards_have_their_data_sheet_s_figures() -> None:
    """Only real ones: an emulated board draws nothing."""
    assert {"nucleo_f446re", "nrf52840dk/nrf52840", "nrf54l15dk/nrf54l15/cpuapp"} == {*POWERED}
    assert all(load_board(name).qemu is None for name in POWERED)


def test_stages_that_build_do_not_know_what_a_board_draws() -> None:
    """A figure of a data sheet that is mended rebuilds nothing."""
    board = load_board("nucleo_f446re")
    assert not {"power", "thermal"} & {*board.as_built()}
    assert Board.from_dump(board.as_built()) == board.model_copy(
        update={"power": None, "thermal": None}
    )


@pytest.mark.parametrize(
    ("old", "new", "field", "words"),
    [
        ("current: 48.2 mA", "current: 8.2 mA", "power.active.most.0.current", "at least the"),
        ("up_to: 105 °C, current: 70.8", "up_to: 60 °C, current: 70.8", "most.2.up_to", "higher"),
        ("supply: 3.3 V", "supply: 3.3", "power.supply", "the unit is missing"),
        ("theta_ja: 46 K/W", "theta_ja: 46 W/K", "thermal.theta_ja", "K/W"),
    ],
)
def test_mistake_in_a_board_s_power_has_a_place(
    tmp_path: Path, old: str, new: str, field: str, words: str
) -> None:
    """With file, line and field, and what is wanted."""
    text = board_file("nucleo_f446re").read_text()
    assert old in text
    path = tmp_path / "board.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ContractError) as caught:
        read_model(path, Board)
    (problem,) = caught.value.problems
    assert problem.field.endswith(field)
    assert words in str(problem)
    line = text[: text.index(old)].count("\n") + 1
    assert problem.where == f"{path}:{line}"
