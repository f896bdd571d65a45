"""Programs for Linux: the same application, the same bytes, its faults told, on each processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks import plugins
from mlforge_tasks.build_report import ProgramReport, read_build_report
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.pipeline import places
from mlforge_tasks.platforms.linux import PLUGIN
from tests.helpers import tiny_model

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.runners import Runner

BOARDS = ("linux_x86_64", "raspberry_pi_4", "linux_armv7")
# An input's first byte says what the model does.
WRONG = """\
if (input[0] == 1) { *nowhere = 1; }
if (input[0] == 2) { __builtin_trap(); }
while (input[0] == 3) { }
"""
NOWHERE = "volatile int *volatile nowhere;"


def board_or_skip(name: str) -> Board:
    """A board whose compiler and emulator are here."""
    board = load_board(name)
    try:
        PLUGIN.require(board, "aot")
        runner(board).require(board, west_builds=False)
    except ToolError as missing:
        pytest.skip(f"{missing.message} ({missing.hint})")
    return board


def runner(board: Board) -> Runner:
    """What runs its programs here."""
    found: Runner = plugins.load("runners", places.simulator(board))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_it_answers_and_tells_its_faults(name: str, tmp_path: Path) -> None:
    """Outputs are the model's; neither time nor memory is told; signals are results."""
    board = board_or_skip(name)
    model = tiny_model.write_model(tmp_path / "model", globals_=NOWHERE, invoke=WRONG)
    report = PLUGIN.build(tiny_model.request(board, model), tmp_path)
    image = tmp_path / "firmware.elf"
    with runner(board).open(board, image, tiny_model.EXPECTED) as session:
        assert session.infer(b"\x20\x02\x03").output == tiny_model.add(b"\x20\x02\x03")
        test = session.self_test
    assert (test.ticks, test.stacks, test.peak_memory_bytes) == ((), (), None)
    assert test.arena_bytes == tiny_model.ARENA_BYTES
    for first, told in ((1, "SIGSEGV at address 0x0; pc 0x"), (2, "; pc 0x")):
        with (
            pytest.raises(CandidateFailure) as caught,
            runner(board).open(board, image, tiny_model.EXPECTED) as session,
        ):
            session.infer(bytes([first, 0, 0]))
        assert caught.value.reason.code == "fault"
        assert told in caught.value.reason.message
    report.write(tmp_path / "firmware.json")
    assert read_build_report(tmp_path / "firmware.json") == report
    assert isinstance(report, ProgramReport)
    assert report.flash_bytes == (tmp_path / "firmware.bin").stat().st_size
    assert 0 < report.static_ram_bytes < report.flash_bytes < image.stat().st_size


@pytest.mark.slow
def test_a_program_is_the_same_in_any_folder(tmp_path: Path) -> None:
    """With symbols and without, and the map; nothing in it says where it was made."""
    board = board_or_skip("raspberry_pi_4")
    made = []
    for folder in (tmp_path / "a", tmp_path / "some where" / "else"):
        model = tiny_model.write_model(
            folder / "model",
            globals_="const char *volatile where = __FILE__;",
            invoke="if (*where == input[0]) return 1;",
        )
        PLUGIN.build(tiny_model.request(board, model), folder)
        made.append({path.name: path.read_bytes() for path in folder.glob("firmware.*")})
    assert made[0] == made[1]
    assert sorted(made[0]) == ["firmware.bin", "firmware.elf", "firmware.map"]
    assert not [name for name, data in made[0].items() if str(tmp_path).encode() in data]


def test_a_board_without_linux_is_refused() -> None:
    """Before anything is built."""
    with pytest.raises(ToolError, match="mps2/an385 runs no Linux"):
        PLUGIN.require(load_board("mps2/an385"), "aot")
    with pytest.raises(ToolError, match="GCC alone"):
        PLUGIN.require(board_or_skip("linux_x86_64"), "aot", "llvm")
