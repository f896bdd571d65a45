"""A board on the bench, stood in for by QEMU: measured over a bad line, and every way to fail."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import socket
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.platforms.baremetal import PLUGIN as BAREMETAL
from mlforge_tasks.runners._bench import MAP_VARIABLE
from mlforge_tasks.runners._board_session import ROUNDS
from mlforge_tasks.runners._line import ATTEMPTS, Patience
from mlforge_tasks.runners.serial import PLUGIN, SerialRunner
from tests.helpers import tiny_model
from tests.helpers.standin import PROBE, Noise, StandIn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlforge_tasks.runners._board_session import SerialSession

M3 = load_board("mps2/an385")
INFER = b",I,"
# Long enough on a busy machine that a request is seldom sent twice for nothing.
PATIENT = Patience(lock_s=0, port_s=10, boot_s=60, answer_s=0.3, silence_s=60)
# For what is known to stay silent.
HASTY = Patience(lock_s=0, port_s=0.2, boot_s=0.5, answer_s=0.05, silence_s=0.5)
# For a board that is silent at times, and answers at others.
ALIVE = replace(HASTY, boot_s=60, port_s=10)

# The self-test's first input byte is 0, so this boots.
TROUBLE = """
    switch (input[0]) {
    case 1: *(volatile int *)0x90000000 = 1; break;
    case 2: __asm__ volatile("cpsid i"); for (;;) { }
    case 3: return 8;
    }
"""

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Images:
    """Firmware for the stand-in.

    Attributes:
        tiny: The tiny model; some inputs make trouble.
        other: The same, with another firmware id.
    """

    tiny: Path
    other: Path


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Builds the images."""
    folder = tmp_path_factory.mktemp("images")
    model = tiny_model.write_model(folder / "model", invoke=TROUBLE)
    request = tiny_model.request(M3, model)
    for name, firmware_id in (("tiny", tiny_model.FIRMWARE_ID), ("other", "00" * 32)):
        (folder / name).mkdir()
        BAREMETAL.build(replace(request, firmware_id=firmware_id), folder / name)
    return Images(folder / "tiny" / "firmware.elf", folder / "other" / "firmware.elf")


@pytest.fixture
def board() -> Iterator[StandIn]:
    """A board on the bench, plugged in; in a folder with a name short enough for sockets."""
    with tempfile.TemporaryDirectory() as folder, StandIn(M3, Path(folder)) as board:
        board.plug()
        yield board


@dataclass
class Bench:
    """The board and what the runner is told about it."""

    board: StandIn
    images: Images
    folder: Path

    def describe(self, **changes: object) -> None:
        """Writes the hardware map."""
        entry = self.board.map_entry(**changes)
        (self.folder / "hardware-map.yaml").write_text(json.dumps([entry]))

    def open(self, patience: Patience = PATIENT) -> Any:
        """Flashes the tiny model."""
        runner = SerialRunner(patience=patience)
        return runner.open(M3, self.images.tiny, tiny_model.EXPECTED, evidence=self.folder)

    @property
    def evidence(self) -> str:
        """The transcript on disk."""
        return (self.folder / "transcript.txt").read_text()


@pytest.fixture
def bench(board: StandIn, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The bench, with its map where the runner looks for it."""
    monkeypatch.setenv(MAP_VARIABLE, str(tmp_path / "hardware-map.yaml"))
    found = Bench(board, images, tmp_path)
    found.describe()
    return found


def on_request(act: Callable[[int, bytes], bytes]) -> Callable[[bytes], bytes]:
    """A line that does something to inference requests, which it counts from 1."""
    count = 0

    def line(data: bytes) -> bytes:
        nonlocal count
        if INFER not in data:
            return data
        count += 1
        return act(count, data)

    return line


def ask(session: SerialSession, number: int) -> None:
    """One inference, whose answer must be right."""
    sample = bytes([number % 256, number // 256, 100])
    sample = b"\x04" + sample[1:] if sample[0] in {1, 2, 3} else sample
    assert session.infer(sample).output == tiny_model.add(sample)


# ---- What must work ----


def test_a_board_is_flashed_and_measured(bench: Bench) -> None:
    """The image is on the board, it told its figures, and every byte is on record."""
    with bench.open() as session:
        assert bench.board.flashed == [bench.images.tiny]
        assert session.self_test.firmware_id == tiny_model.FIRMWARE_ID
        assert len(session.self_test.ticks) == 500
        assert session.self_test.tick_hz == M3.systick_hz
        for number in range(20):
            ask(session, number)
        assert session.transcript == bench.evidence
        said = [
            line.split(" ", 2)[2].encode().decode("unicode_escape").encode("latin-1")
            for line in bench.evidence.splitlines()
            if " < " in line
        ]
        assert b"".join(said) == session.console
    assert bench.evidence.count(INFER.decode()) >= 20
    assert "standin.py" in bench.evidence
    assert PLUGIN.capabilities.source == "hardware"


def test_results_belong_to_one_board(bench: Bench) -> None:
    """Another board on the same port has another identity; the same on another port has not."""
    first = PLUGIN.tool_versions(M3)
    assert PROBE in first.values()
    bench.describe(serial="/dev/elsewhere", notes="moved")
    assert PLUGIN.tool_versions(M3) == first
    bench.describe(id="another")
    assert PLUGIN.tool_versions(M3) != first


def test_a_thousand_inferences_on_a_bad_line(bench: Bench) -> None:
    """One bad frame in a hundred, each way: every answer is there and right."""
    with bench.open() as session:
        ways = bench.board.to_device, bench.board.to_host = Noise(1, 0.01), Noise(2, 0.01)
        for number in range(1000):
            ask(session, number)
    damage = ways[0].done + ways[1].done
    assert set(damage) == set(Noise.KINDS)
    assert damage.total() >= 10


def test_rows_that_are_asked_for_on_a_bad_line(bench: Bench, tmp_path: Path) -> None:
    """Of a model whose input comes by rows, with one bad frame in twenty, each way."""
    model = tiny_model.write_streamed_model(tmp_path / "model", rows=4, row_bytes=2, read=3)
    BAREMETAL.build(tiny_model.request(M3, model), tmp_path)
    bench.images = replace(bench.images, tiny=tmp_path / "firmware.elf")
    with bench.open() as session:
        ways = bench.board.to_device, bench.board.to_host = Noise(5, 0.05), Noise(6, 0.05)
        for number in range(30):
            sample = bytes([number, 2 * number, 100, 0, 0, 0, 0, 0])
            assert session.infer(sample).output == tiny_model.add(sample)
    assert ways[0].done
    assert ways[1].done


def test_a_board_found_over_a_bad_line(bench: Bench) -> None:
    """A quarter of all frames bad from the start: the session still begins and answers."""
    bench.board.to_device, bench.board.to_host = Noise(3, 0.25), Noise(4, 0.25)
    with bench.open() as session:
        for number in range(10):
            ask(session, number)


def test_a_burst_of_bad_frames_is_outlived(bench: Bench) -> None:
    """More garbage than a request has attempts is taken in, then the request is made anew."""
    bursts = [b"$1,O,AAAA*00000000\n" * 600] * 3
    with bench.open() as session:
        bench.board.to_host = lambda line: (bursts.pop() if bursts else b"") + line
        for number in range(10):
            ask(session, number)
    assert not bursts


def test_a_hundred_resets_are_outlived(bench: Bench) -> None:
    """Before the request arrives, while it is worked on, and in the middle of the answer."""
    resets = 0

    def press(line: bytes, count: int) -> bytes:
        nonlocal resets
        if resets == 100:
            return line
        resets += 1
        bench.board.reset()
        return line if count % 2 else b""

    answers = 0

    def on_answer(line: bytes) -> bytes:
        nonlocal answers
        if b",O," not in line:
            return line
        answers += 1
        return press(line[: len(line) // 2], 1) if answers % 4 == 0 else line

    with bench.open() as session:
        bench.board.to_host = on_answer
        bench.board.to_device = on_request(
            lambda count, line: press(line, count // 3) if count % 3 == 0 else line
        )
        number = 0
        while resets < 100:
            ask(session, number)
            number += 1
        ask(session, number)
    assert len(bench.board.flashed) == 1


def test_a_cable_that_is_plugged_in_again(bench: Bench) -> None:
    """The port is opened anew, the board is asked what it is, and the request is made again."""

    def pull(count: int, line: bytes) -> bytes:
        if count % 3 == 0:
            bench.board.pull()
            bench.board.plug()
            return b""
        return line

    with bench.open() as session:
        bench.board.to_device = on_request(pull)
        for number in range(6):
            ask(session, number)
    assert bench.evidence.count("vanished") >= 2
    assert len(bench.board.flashed) == 1


def test_a_board_that_falls_silent_once_is_flashed_again(bench: Bench) -> None:
    """A board that a reset brings back is not given up."""
    muted = True

    def mute(line: bytes) -> bytes:
        nonlocal muted
        muted = muted and len(bench.board.flashed) == 1
        return b"" if muted else line

    with bench.open(ALIVE) as session:
        ask(session, 0)
        bench.board.to_host = mute
        ask(session, 7)
    assert len(bench.board.flashed) == 2


def test_scripts_run_in_order_and_a_port_may_come_with_the_image(bench: Bench) -> None:
    """pre_script, flash, post_flash_script, post_script; the port is there after flashing only."""
    bench.board.port.rename(bench.folder / "hidden")
    for name in ("before", "after", "end"):
        script = bench.folder / f"{name}.sh"
        script.write_text(f"#!/bin/sh\necho {name}$* >> order\necho told-by-{name}\n")
        script.chmod(0o755)
    flash = shlex.join(bench.board.flash_command)
    script = bench.folder / "flash.sh"
    script.write_text(f'#!/bin/sh\necho flash >> order\nmv hidden "$2"\nexec {flash} "$1"')
    script.chmod(0o755)
    bench.describe(
        flash_before=True,
        flash_command=["./flash.sh", "{elf}", "{serial}"],
        pre_script="./before.sh",
        post_flash_script="./after.sh",
        post_script="./end.sh",
        script_param={"pre_script_arg": ["--on"], "post_script_arg": ["--off", "2"]},
    )
    with bench.open() as session:
        ask(session, 9)
    ran = (bench.folder / "order").read_text().splitlines()
    assert ran == ["before--on", "flash", "after", "end--off 2"]
    for name in ("before", "after", "end"):
        assert f"told-by-{name}" in bench.evidence


def test_a_port_that_comes_and_goes_when_flashing(bench: Bench) -> None:
    """The port that was open before is opened again."""
    bench.board.replugs = True
    with bench.open() as session:
        ask(session, 5)
    assert bench.evidence.count("opened") == 2


def test_a_program_may_carry_the_console(bench: Bench) -> None:
    """Twister's `serial_pty`: a program whose stdin and stdout are the board's console."""
    script = bench.folder / "carry.sh"
    script.write_text('#!/bin/sh\ncat < "$1" &\nexec cat > "$1"\n')
    script.chmod(0o755)
    bench.describe(serial=None, serial_pty=f"{script} {bench.board.port}")
    with bench.open() as session:
        for number in range(5):
            ask(session, number)


# ---- What must be told ----


def trouble(bench: Bench, patience: Patience = HASTY, sample: bytes = b"\x00\x00\x00") -> str:
    """What a session that goes wrong says."""
    with pytest.raises(ToolError) as caught, bench.open(patience) as session:
        session.infer(sample)
    return str(caught.value)


def test_a_missing_port(bench: Bench) -> None:
    """The port that the map names is not there: told after a deadline, the board not flashed."""
    bench.board.port.unlink()
    assert f"the port {bench.board.port} did not appear within 0.2 s" in trouble(bench)
    bench.board.port.touch()
    assert not bench.board.flashed


def test_a_busy_port(bench: Bench) -> None:
    """Another program has it."""
    other = os.open(bench.board.port, os.O_RDWR | os.O_NOCTTY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert "is busy and was not freed" in trouble(bench)
    finally:
        os.close(other)


def test_a_board_that_another_run_uses(bench: Bench) -> None:
    """Two runs never flash over each other."""
    with bench.open() as session:
        assert f"another run has used the board {PROBE} for 0 s" in trouble(bench)
        ask(session, 5)
    assert len(bench.board.flashed) == 1


def test_the_wrong_image(bench: Bench) -> None:
    """A flash tool that does nothing is noticed, and asked a second time."""
    bench.board.instead = bench.images.other
    assert "the device runs another firmware: '0000" in trouble(bench, PATIENT)
    assert len(bench.board.flashed) == 2


def test_what_the_board_said_before_it_was_flashed_does_not_count(bench: Bench) -> None:
    """The hello of the image before, still on its way, is not taken for the new image's."""
    bench.board.instead = bench.images.other
    trouble(bench, PATIENT)
    bench.board.instead = None
    hello = next(line for line in bench.evidence.splitlines() if " < " in line and "$0,H," in line)
    late = ("$" + hello.partition("$")[2]).encode().replace(b"\\n", b"\n")
    bench.board.to_host = lambda line: late + line
    with bench.open() as session:
        bench.board.to_host = lambda line: line
        ask(session, 6)
    assert bench.evidence.count(hello.partition("$")[2]) >= 2


def test_a_silent_board(bench: Bench) -> None:
    """Flashed twice, and not a byte: told with port and speed."""
    bench.board.to_host = lambda _: b""
    said = trouble(bench)
    assert f"{bench.board.port} at 115200 baud says nothing after it was flashed" in said
    assert "the port of the console" in said
    assert len(bench.board.flashed) == 2


def test_a_board_at_another_speed(bench: Bench) -> None:
    """Bytes that are no frames: told apart from silence."""
    bench.board.to_host = lambda line: bytes(byte ^ 0x15 for byte in line)
    said = trouble(bench)
    assert "does not answer after it was flashed" in said
    assert "bytes came, none of them an answer" in said
    assert "'baud'" in said


def test_a_cable_that_stays_out(bench: Bench) -> None:
    """The port is waited for, with a deadline."""

    def pull(_: int, line: bytes) -> bytes:
        bench.board.pull()
        return line

    bench.board.to_device = on_request(pull)
    said = trouble(bench, replace(PATIENT, port_s=0.2))
    assert f"mps2/an385 (probe {PROBE}) went away in the middle of a run" in said
    assert "cable" in said


def test_a_cable_that_is_loose(bench: Bench) -> None:
    """A port that vanishes at every request is given up after so many."""

    def pull(_: int, line: bytes) -> bytes:
        bench.board.pull()
        bench.board.plug()
        return line

    bench.board.to_device = on_request(pull)
    assert f"vanished {ROUNDS} times during one request" in trouble(bench, PATIENT)


def test_a_board_that_is_reset_at_every_request(bench: Bench) -> None:
    """It is asked again only so often, and the number of resets is told."""

    def press(_: int, line: bytes) -> bytes:
        bench.board.reset()
        return b""

    bench.board.to_device = on_request(press)
    said = trouble(bench, PATIENT)
    assert "was reset" in said
    assert int(said.partition("was reset ")[2].partition(" ")[0]) in range(
        ROUNDS, 2 * ROUNDS * ATTEMPTS
    )


def test_a_line_that_loses_every_request(bench: Bench) -> None:
    """A board that says what it is, but never gets a whole request, is no hang."""
    bench.board.to_device = on_request(lambda _, line: line[:-9])
    assert "the line loses bytes" in trouble(bench, ALIVE)


def failure(bench: Bench, patience: Patience, sample: bytes) -> CandidateFailure:
    """How an inference ends."""
    with pytest.raises(CandidateFailure) as caught, bench.open(patience) as session:
        session.infer(sample)
    return caught.value


def test_a_fault_is_the_candidates(bench: Bench) -> None:
    """The board's own report is a result, with its cause and place."""
    reason = failure(bench, PATIENT, b"\x01\x00\x00").reason
    assert (reason.code, reason.stage) == ("fault", "run")
    assert "PRECISERR) at address 0x90000000" in reason.message


def test_a_fault_report_that_was_lost_is_had_again(bench: Bench) -> None:
    """A board that is silent because it has said its last words is flashed and asked again."""
    lost = [b",F,"]

    def lose(line: bytes) -> bytes:
        if lost and lost[0] in line:
            lost.clear()
            return b""
        return line

    bench.board.to_host = lose
    assert "PRECISERR" in failure(bench, ALIVE, b"\x01\x00\x00").reason.message
    assert len(bench.board.flashed) == 2


def test_an_inference_that_silences_the_board_twice_is_a_hang(bench: Bench) -> None:
    """The line is good, for the board answers whenever it is flashed: it is the candidate."""
    reason = failure(bench, ALIVE, b"\x02\x00\x00").reason
    assert (reason.code, reason.stage) == ("hang", "run")
    assert len(bench.board.flashed) == 2


def test_a_model_that_gives_up_is_a_broken_tool(bench: Bench) -> None:
    """An engine's own error status is not a measurement."""
    assert "model_invoke returned 8" in trouble(bench, PATIENT, b"\x03\x00\x00")


def test_a_flasher_that_fails(bench: Bench) -> None:
    """Tried twice; then its own last words are shown."""
    bench.describe(flash_command=["sh", "-c", "echo tried >> tries; echo no probe; exit 3"])
    said = trouble(bench)
    assert f"flashing mps2/an385 (probe {PROBE})" in said
    assert "ended with 3\nno probe" in said
    assert (bench.folder / "tries").read_text() == "tried\n" * 2
    assert "no probe" in bench.evidence
    bench.describe(flash_command=["sh", "-c", "echo no end; kill -9 $$"])
    assert "was ended by SIGKILL from outside\nno end" in trouble(bench)


def test_a_flasher_that_fails_once(bench: Bench) -> None:
    """A second try may help, and then nothing is wrong."""
    once = 'test -e once || { touch once; exit 1; }; exec "$@"'
    command = ["sh", "-c", once, "flash", *bench.board.flash_command, "{elf}"]
    bench.describe(flash_command=command)
    with bench.open() as session:
        ask(session, 8)


def test_a_board_outlives_a_flasher_that_is_killed(bench: Bench) -> None:
    """Whoever flashes it next finds it in order."""
    words = (f"{bench.images.other}\n", f"{bench.images.other}\n", str(bench.images.other)[:9], "")
    for said in words:
        with socket.socket(socket.AF_UNIX) as killed:
            killed.connect(bench.board.flash_command[-1])
            killed.sendall(said.encode())
    with bench.open() as session:
        ask(session, 1)
    assert bench.board.flashed == [bench.images.other] * 2 + [bench.images.tiny]


def test_a_flasher_that_hangs(bench: Bench) -> None:
    """`flash_timeout` ends it, children and all."""
    bench.describe(flash_command=["sh", "-c", "sleep 600; true"], flash_timeout=0.2)
    assert "took more than 0.2 s" in trouble(bench)


def test_a_script_that_fails(bench: Bench) -> None:
    """A board whose power could not be switched on is not flashed."""
    bench.describe(pre_script="/bin/false")
    assert "`/bin/false` ended with 1" in trouble(bench)
    assert not bench.board.flashed


def test_a_script_afterwards_changes_nothing(bench: Bench) -> None:
    """`post_script` may fail or be missing; the measurement is made."""
    for script in ("/bin/false", "/no/such/script"):
        bench.describe(post_script=script)
        with bench.open() as session:
            ask(session, 4)
        assert script in bench.evidence
