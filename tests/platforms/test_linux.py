"""Programs for Linux: the same application, the same bytes, its faults told, on each processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlforge_tasks.build_report import ProgramReport, read_build_report
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.platforms.baremetal import PLUGIN as BAREMETAL
from mlforge_tasks.platforms.linux import PLUGIN
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.runners import Expected
from tests.helpers import tiny_model
from tests.helpers.graphs import random_graph
from tests.helpers.linux_programs import board_or_skip, runner
from tests.helpers.zephyr_images import request_of

if TYPE_CHECKING:
    from pathlib import Path

BOARDS = ("linux_x86_64", "raspberry_pi_4", "linux_armv7")
# An input's first byte says what the model does.
WRONG = """\
if (input[0] == 1) { *nowhere = 1; }
if (input[0] == 2) { __builtin_trap(); }
"""
HANG = "while (*(volatile int8_t *)input == 3) { }"
NOWHERE = "volatile int *volatile nowhere;"


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


@pytest.mark.slow
def test_a_hang_is_told_by_the_processors_time(tmp_path: Path) -> None:
    """The device's own watchdog ends it, and says where it was."""
    board = board_or_skip("raspberry_pi_4")
    limit = "#define MLFORGE_WATCHDOG_SECONDS 1"
    model = tiny_model.write_model(tmp_path / "model", invoke=HANG, decide=limit)
    PLUGIN.build(tiny_model.request(board, model), tmp_path)
    with (
        pytest.raises(CandidateFailure) as caught,
        runner(board).open(board, tmp_path / "firmware.elf", tiny_model.EXPECTED) as session,
    ):
        session.infer(b"\x03\x00\x00")
    assert caught.value.reason.code == "hang"
    assert "exceeded the device's watchdog, pc 0x" in caught.value.reason.message


@pytest.mark.slow
def test_one_model_gives_the_same_bytes_on_every_core(tmp_path: Path) -> None:
    """Kernels for a Cortex-M4F in QEMU, portable ones on Arm's larger cores, and the oracle."""
    pytest.importorskip("tflite_micro")
    tflite = random_graph(1)
    oracle = Oracle(tflite)
    shape = (5, *oracle.input_shape[1:])
    inputs = np.random.default_rng(1).integers(-128, 128, shape, np.int8)
    found = {"oracle": oracle.run(inputs).tobytes()}
    boards = ("mps2/an386", "raspberry_pi_4", "linux_armv7")
    for board in map(load_board, boards):
        platform = BAREMETAL if board.linux is None else PLUGIN
        folder = tmp_path / board.name.replace("/", "_")
        if board.linux is not None:
            board_or_skip(board.name)
        report = platform.build(request_of(tflite, board, AOT, folder), folder)
        expected = Expected(report.firmware_id, sha256_bytes(tflite))
        with runner(board).open(board, folder / "firmware.elf", expected) as session:
            answers = (session.infer(one.tobytes()).output for one in inputs)
            found[board.name] = b"".join(answers)
    assert len(set(found["oracle"])) > 100
    assert set(found.values()) == {found["oracle"]}, found
    assert len(found) == 1 + len(boards)


def test_a_board_without_linux_is_refused() -> None:
    """Before anything is built."""
    with pytest.raises(ToolError, match="mps2/an385 runs no Linux"):
        PLUGIN.require(load_board("mps2/an385"), "aot")
    with pytest.raises(ToolError, match="GCC alone"):
        PLUGIN.require(board_or_skip("linux_x86_64"), "aot", "llvm")
