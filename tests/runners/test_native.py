"""Firmware that is a process of this computer: what it tells, how it fails, what stays unknown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.build_report import FirmwareReport, ProcessReport, read_build_report
from mlforge_tasks.contract.board import Board, board_file, load_board
from mlforge_tasks.contract.loader import load
from mlforge_tasks.errors import CandidateFailure, ContractError, MlforgeError, ToolError
from mlforge_tasks.platforms.zephyr import PLUGIN as ZEPHYR
from mlforge_tasks.records import Measurement, SelfTest
from mlforge_tasks.runners import Expected, _program
from mlforge_tasks.runners.native import PLUGIN
from mlforge_tasks.stages._figures import measurements
from mlforge_tasks.verdict import clauses
from mlforge_tasks.verdict.constraints import judge
from mlforge_tasks.verdict.relaxation import explain
from mlforge_tasks.verdict.trials import holds
from mlforge_tasks.yaml_file import read_model
from tests.helpers import programs, tiny_model
from tests.helpers.builds import edited
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from mlforge_tasks.records import Verdict

BOARD = load_board("native_sim")
TARGET = "target: {board: mps2/an385, platform: baremetal, engine: aot}"
NATIVE = "target: {board: native_sim, platform: zephyr, engine: aot}"
NAMES = ("ram_bytes", "flash_bytes", "latency_us", "stack_bytes")
NOISE = 300_000

# Says hello as the firmware does; the first byte of an input says what it does then.
STAND_IN = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from mlforge_tasks.runners._frames import Frame, FrameReader, FrameType

def say(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()

HELLO = "protocol=3;model={tiny_model.MODEL_DIGEST};firmware={tiny_model.FIRMWARE_ID};engine=tiny;"
HELLO += "input_bytes=3;output_bytes=1;arena_bytes=5;tick_hz=f4240;least_ticks=0;ticks=0*5;"
HELLO += "stack=800/800 interrupts"
while "mute" in __file__:
    pass
if "asleep" in __file__:
    signal.pause()
say(Frame(0, FrameType.HELLO, HELLO.replace(";", chr(10)).encode()).encode())
reader = FrameReader()
while data := os.read(0, 1 << 16):
    for event in reader.feed(data):
        first = event.payload[0]
        if first < 32:
            os.kill(os.getpid(), first)
        if first == 99:
            say(b"x" * {NOISE} + b"the end")
            sys.exit(3)
        output = bytes([sum(event.payload) & 255])
        say(Frame(event.seq, FrameType.OUTPUT, bytes(8) + output).encode())
"""


def stand_in(folder: Path, name: str = "firmware.elf") -> Path:
    """The stand-in as it lies in the store: nobody may execute it."""
    path = folder / name
    programs.write(path, STAND_IN)
    path.chmod(0o444)
    return path


def processes(folder: str) -> list[str]:
    """Command lines of running programs that name a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if folder in line:
            found.append(line)
    return found


def test_it_serves_and_tells_no_times(tmp_path: Path) -> None:
    """Outputs come back; ticks and stacks, which mean nothing here, do not. Nothing is left."""
    with PLUGIN.open(BOARD, stand_in(tmp_path, "one-of-a-kind"), tiny_model.EXPECTED) as session:
        assert (session.self_test.ticks, session.self_test.stacks) == ((), ())
        assert session.self_test.arena_bytes == 5
        assert session.console.startswith(b"$0,H,")
        for sample in (b"\x20\x02\x03", b"\x7f\x7f\x7f"):
            assert session.infer(sample).output == tiny_model.add(sample)
        assert processes("one-of-a-kind")
    assert not processes("one-of-a-kind")
    assert PLUGIN.tool_versions(BOARD)["machine"]


@pytest.mark.parametrize(
    ("first", "code", "what"),
    [
        (11, "fault", "ended by SIGSEGV after"),
        (8, "fault", "ended by SIGFPE after"),
        (99, "truncated_console", "exit code 3): 'x"),
    ],
)
def test_a_dead_process_is_a_result(tmp_path: Path, first: int, code: str, what: str) -> None:
    """Each way to die has its code."""
    with (
        pytest.raises(CandidateFailure) as caught,
        PLUGIN.open(BOARD, stand_in(tmp_path), tiny_model.EXPECTED) as session,
    ):
        session.infer(bytes([first, 0, 0]))
    assert (caught.value.reason.code, caught.value.reason.stage) == (code, "run")
    assert what in caught.value.reason.message


def test_last_words_are_not_lost(tmp_path: Path) -> None:
    """All that was said before the end is read, however much it is."""
    with (
        pytest.raises(CandidateFailure) as caught,
        PLUGIN.open(BOARD, stand_in(tmp_path), tiny_model.EXPECTED) as session,
    ):
        session.infer(b"\x63\x00\x00")
    message = caught.value.reason.message
    seen = re.search(r"after (\d+) bytes", message)
    assert seen is not None
    assert int(seen[1]) > NOISE
    assert "the end" in message


def test_a_kill_from_outside_is_no_result(tmp_path: Path) -> None:
    """It says nothing about the candidate."""
    with (
        pytest.raises(ToolError, match="ended by SIGKILL"),
        PLUGIN.open(BOARD, stand_in(tmp_path), tiny_model.EXPECTED) as session,
    ):
        session.infer(b"\x09\x00\x00")


def test_a_silent_process_is_a_hang(tmp_path: Path) -> None:
    """The host's limit ends it."""
    mute = stand_in(tmp_path, "mute")
    with (
        pytest.raises(CandidateFailure) as caught,
        PLUGIN.open(BOARD, mute, tiny_model.EXPECTED, limit_s=0.5),
    ):
        pass
    assert caught.value.reason.code == "hang"
    assert not processes("/mute")


def test_one_that_stands_still_is_no_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was stopped says nothing of the candidate, and is not waited for without end."""
    monkeypatch.setattr(_program, "STANDSTILL_LIMIT_S", 0.5)
    asleep = stand_in(tmp_path, "asleep")
    with (
        pytest.raises(ToolError, match=r"silent for 0.5 s and is not busy.*\n.*was it stopped"),
        PLUGIN.open(BOARD, asleep, tiny_model.EXPECTED, limit_s=60),
    ):
        pass
    assert not processes("/asleep")


def test_what_is_no_program_is_a_broken_tool(tmp_path: Path) -> None:
    """Nobody waits for it."""
    image = tmp_path / "firmware.elf"
    image.write_bytes(b"\x7fELF of another machine")
    with pytest.raises(ToolError, match="start"), PLUGIN.open(BOARD, image, tiny_model.EXPECTED):
        pass


def test_another_image_or_board_is_refused(tmp_path: Path) -> None:
    """Neither is a measurement."""
    image = stand_in(tmp_path)
    with (
        pytest.raises(ToolError, match="another firmware"),
        PLUGIN.open(BOARD, image, Expected("0", "0")),
    ):
        pass
    with (
        pytest.raises(ToolError, match="no process"),
        PLUGIN.open(load_board("mps2/an385"), image, tiny_model.EXPECTED),
    ):
        pass


def test_the_board_has_neither_memories_nor_a_clock(tmp_path: Path) -> None:
    """And no other board may lack them."""
    assert (BOARD.flash, BOARD.ram, BOARD.clock_hz) == (None, None, None)
    with pytest.raises(MlforgeError, match="neither flash nor RAM"):
        BOARD.memories()
    text = board_file("mps2/an385").read_text()
    path = tmp_path / "without.yaml"
    path.write_text("".join(x for x in text.splitlines(keepends=True) if not x.startswith("ram:")))
    with pytest.raises(ContractError, match=r"ram: .*only a process"):
        read_model(path, Board)


def test_no_figure_is_made_up() -> None:
    """Of a run there is the model's own working memory, and nothing else."""
    told = SelfTest(ticks=(), tick_hz=1, stacks=(), arena_bytes=5, model_digest="", firmware_id="")
    image = ProcessReport(firmware_id="f1")
    (only,) = measurements(BOARD, (image, image), told, "emulated")
    assert (only.metric, only.value, only.source) == ("arena_bytes", 5, "emulated")


def test_a_report_is_read_as_what_it_is(tmp_path: Path) -> None:
    """Sizes are there or they are not; there is no report with some of them."""
    process = ProcessReport(firmware_id="f1")
    device = FirmwareReport(
        flash_bytes=1, static_ram_bytes=2, stack_reserved_bytes=3, heap_bytes=0, firmware_id="f1"
    )
    for report in (process, device):
        report.write(tmp_path / "firmware.json")
        assert read_build_report(tmp_path / "firmware.json") == report


def verdict_of(contract: Path, mse: float, *, test: float | None = None) -> Verdict:
    """The verdict of a candidate with some errors."""
    found = {"mse": mse} | ({} if test is None else {"mse_test": test})
    bounds = clauses.bounds(load(contract, ROOT))
    return judge(
        bounds,
        [
            Measurement(metric=metric, value=value, unit="(m)^2", source="emulated")
            for metric, value in found.items()
        ],
    )


def test_limits_stay_unknown_and_the_goal_decides(tmp_path: Path) -> None:
    """A contract is never met here; it can be kept as far as anything can be told."""
    contract = edited(TANK, tmp_path, (TARGET, NATIVE))
    good = verdict_of(contract, 0.01, test=0.01)
    assert [one.metric for one in good.clauses if one.status == "unknown"] == [*NAMES]
    assert not good.met
    assert holds(good)
    assert not holds(verdict_of(contract, 0.01, test=0.1))
    assert not holds(verdict_of(contract, 0.01))
    assert not holds(verdict_of(contract, 0.1))
    found = explain(clauses.bounds(load(contract, ROOT)), {}, {"1.0": verdict_of(contract, 0.1)})
    assert found.smallest is not None
    assert found.smallest.trained


def test_it_is_no_hardware(tmp_path: Path) -> None:
    """The contract says so before anything starts."""
    changes = ((TARGET, NATIVE), ("mode: simulate", "mode: hardware"))
    with pytest.raises(ContractError, match=r"mode: .*native_sim is a process"):
        load(edited(TANK, tmp_path, *changes), ROOT)


def test_tflm_is_refused_before_anything_starts() -> None:
    """There is no emulator to find its arena in."""
    with pytest.raises(ToolError, match="native_sim is none") as caught:
        ZEPHYR.require(BOARD, "tflm")
    assert caught.value.hint == "engine: aot"
