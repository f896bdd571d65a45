"""Firmware in QEMU: every board serves, every way to fail has its own outcome, nothing is left."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks import plugins, runners
from mlforge_tasks.contract.board import Board, board_names, load_board
from mlforge_tasks.cycles.record import Cycles
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.platforms._image import APPLICATION, link_image
from mlforge_tasks.platforms.baremetal import PLUGIN as BAREMETAL
from mlforge_tasks.records import SelfTest
from mlforge_tasks.runners import (
    Expected,
    Runner,
    Session,
    _program,
    instruction_count,
    instruction_counts,
    measured_latencies_us,
)
from mlforge_tasks.runners._debugger import PIECE_BYTES
from mlforge_tasks.runners._link import Link
from mlforge_tasks.runners._link_session import LinkSession
from mlforge_tasks.runners._program import Ended, Program
from mlforge_tasks.runners.qemu import PLUGIN, _ended, command, run_to_end
from tests.helpers import tiny_model

if TYPE_CHECKING:
    from collections.abc import Iterator

EMULATED = [name for name in board_names() if (b := load_board(name)).qemu and b.uart]
M3 = load_board("mps2/an385")
M55 = load_board("mps3/an547")


def build(
    board: Board,
    folder: Path,
    *,
    invoke: str = "",
    globals_: str = "",
    decide: str = "",
    input_bytes: int = 3,
) -> Path:
    """Builds the tiny model, changed, and returns the ELF."""
    folder.mkdir(parents=True, exist_ok=True)
    model = tiny_model.write_model(
        folder / "model",
        invoke=invoke,
        globals_=globals_,
        decide=decide,
        input_bytes=input_bytes,
    )
    BAREMETAL.build(tiny_model.request(board, model), folder)
    return folder / "firmware.elf"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's image for the M3."""
    return build(M3, tmp_path_factory.mktemp("tiny"))


def failure_of(board: Board, elf: Path, *, limit_s: float = 60) -> CandidateFailure:
    """How an image that does not come up fails."""
    with (
        pytest.raises(CandidateFailure) as caught,
        PLUGIN.open(board, elf, tiny_model.EXPECTED, limit_s=limit_s),
    ):
        pass
    assert caught.value.reason.stage == "run"
    return caught.value


def test_runners_are_found() -> None:
    """A runner is found by its name; helpers are no runners."""
    assert "qemu" in plugins.installed("runners")
    for name in plugins.installed("runners"):
        runner: Runner = plugins.load("runners", name)
        assert runner.name == name
    assert PLUGIN.capabilities.source == "emulated"


@pytest.mark.parametrize("tick_hz", [20_000_000, 25_000_000, 32_000_000])
@pytest.mark.parametrize("instructions", [0, 1, 2, 999, 10**6 + 1, 2**33 + 5])
def test_instructions_come_back_from_ticks(tick_hz: int, instructions: int) -> None:
    """A clock that is read at any phase gives the count to one instruction."""
    exact = instructions * 2**6 * tick_hz // runners.NS_PER_S
    for ticks in (exact, exact + 1):
        assert abs(instruction_count(ticks, tick_hz, 6) - instructions) <= 1
    assert instruction_count(25, 25_000_000, 3) == 125


def test_latency_follows_clock_and_cycles() -> None:
    """Emulated latency is instructions x cycles of one / clock, by the upper bound unless asked."""
    counted = Cycles(
        method="by hand",
        tool=None,
        cpu="cortex-m3",
        clock_hz=50_000_000,
        instructions=1000,
        lower=1500,
        upper=2000,
        left_out=0,
        refill_lower=1,
        refill_upper=3,
        wait_states=M3.wait_states,
    )
    assert counted.latency_us(25_000) == pytest.approx(1000.0)
    assert counted.latency_us(25_000, "lower") == pytest.approx(750.0)


def test_a_clock_that_stands_still_tells_no_latency() -> None:
    """A board whose cycle counter was never started must not meet every limit."""
    found = SelfTest(
        ticks=(64, 128),
        tick_hz=64_000_000,
        stacks=(),
        arena_bytes=1,
        model_digest="",
        firmware_id="",
    )
    assert measured_latencies_us(found) == (1.0, 2.0)
    with pytest.raises(ToolError, match="clock did not advance"):
        measured_latencies_us(found.model_copy(update={"ticks": (64, 0)}))


@contextlib.contextmanager
def over_the_line(board: Board, elf: Path) -> Iterator[LinkSession]:
    """The same image as on a board, whose inputs come over its line."""
    with _program.running(Program(command(board, elf)), _ended) as console:
        link = Link(console, tiny_model.EXPECTED, timeout_s=60, attempts=1, clock=console.clock)
        yield LinkSession(link, link.wait_for_boot().self_test, lambda *_: 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", EMULATED)
def test_every_board_boots_and_serves(name: str, tmp_path: Path) -> None:
    """Two boots give the same bytes up to ready; inferences are right; figures are plausible.

    It makes no difference that inputs are written to the memory and do not come over the line.
    """
    board = load_board(name)
    elf = build(board, tmp_path)
    boots = []
    for way in ("memory", "line"):
        placing = PLUGIN.open(board, elf, tiny_model.EXPECTED)
        with placing if way == "memory" else over_the_line(board, elf) as session:
            assert session.inputs_through == way
            boots.append(session.console)
            for sample in (b"\x01\x02\x03", b"\x7f\x7f\x7f", b"\x80\x80\xff"):
                result = session.infer(sample)
                assert result.output == tiny_model.add(sample)
                assert 0 < result.ticks < 200
            test = session.self_test
            assert session.console.startswith(boots[0])
    assert boots[0] == boots[1]
    assert test.firmware_id == tiny_model.FIRMWARE_ID
    assert test.model_digest == tiny_model.MODEL_DIGEST
    assert test.tick_hz == board.systick_hz
    assert test.arena_bytes == tiny_model.ARENA_BYTES
    assert 64 <= test.stack_used_bytes <= 512
    assert len(test.ticks) == 500
    assert [(one.name, one.reserved_bytes) for one in test.stacks] == [("main", board.stack_bytes)]
    assert all(8 <= count <= 20 for count in instruction_counts(board, test))


@pytest.mark.slow
def test_a_large_input_is_placed_in_pieces(tmp_path: Path) -> None:
    """Every byte is where the device takes the checksum of it, one inference after another."""
    size = 2 * PIECE_BYTES + 5
    elf = build(M55, tmp_path, input_bytes=size, invoke="memset(input + 9, 0, 9);")
    with PLUGIN.open(M55, elf, tiny_model.EXPECTED) as session:
        for seed in range(3):
            data = random.Random(seed).randbytes(size)  # noqa: S311 - an input, no secret
            assert session.infer(data).output == tiny_model.add(data)


@pytest.mark.slow
def test_memory_that_is_not_there_is_a_broken_tool(tiny: Path) -> None:
    """What the emulator says to it is told: here the stack's guard forbids it."""
    assert M3.ram is not None
    with PLUGIN._program(M3, tiny) as what, _program.running(what, _ended) as console:
        Link(console, tiny_model.EXPECTED, timeout_s=60, attempts=1).wait_for_boot()
        assert what.memory is not None
        with pytest.raises(ToolError, match=r"did not let 3 bytes be written at 0x1ffff.*'E"):
            what.memory.write(M3.ram.origin - 16, b"abc")


DECIDE = """#include <stdint.h>
#define MODEL_DECISION_BYTES 2
static inline void model_decide(const int8_t *output, uint8_t *decision)
{
    decision[0] = output[0] >= 6;
    decision[1] = output[0] < 0;
}"""


@pytest.mark.slow
def test_a_device_decides(tmp_path: Path) -> None:
    """What `model_data.h` makes of an output comes behind it, a byte for each decision."""
    elf = build(M3, tmp_path, decide=DECIDE)
    with PLUGIN.open(M3, elf, tiny_model.EXPECTED) as session:
        for sample, wanted in ((b"\1\2\3", b"\1\0"), (b"\1\1\3", b"\0\0"), (b"\x80\0\0", b"\0\1")):
            assert session.infer(sample).output == tiny_model.add(sample) + wanted


@pytest.mark.slow
@pytest.mark.parametrize("board", [M3, M55], ids=["m3", "m55"])
def test_instructions_are_counted_to_one(board: Board, tmp_path: Path) -> None:
    """The tick count gives back a known number of instructions, past the 24-bit clock's wrap."""
    counts = {}
    for rounds in (1000, 4_000_000):
        code = f"ldr r0, =#{rounds}\\n 1: nop\\n subs r0, #1\\n bne 1b"
        loop = f'__asm__ volatile("{code}" ::: "r0", "cc");'
        elf = build(board, tmp_path / str(rounds), invoke=loop)
        with PLUGIN.open(board, elf, tiny_model.EXPECTED) as session:
            counts[rounds] = instruction_counts(board, session.self_test)
    assert (len(counts[1000]), len(counts[4_000_000])) == (500, 5)  # by how long the first took
    for many in counts[4_000_000]:
        interrupts = many - counts[1000][0] - 3 * (4_000_000 - 1000)
        assert 0 <= interrupts <= 60  # the clock's wraps: a dozen instructions each


def session_of(board: Board, folder: Path, invoke: str) -> tuple[Path, SelfTest]:
    """An image and what it measured."""
    elf = build(board, folder, invoke=invoke)
    with PLUGIN.open(board, elf, tiny_model.EXPECTED) as session:
        return elf, session.self_test


@pytest.mark.slow
@pytest.mark.parametrize("name", EMULATED)
def test_counted_blocks_are_the_measured_instructions(name: str, tmp_path: Path) -> None:
    """On every board, to the tick, interrupts and blocks cut short included; lower <= upper."""
    board = load_board(name)
    loop = "ldr r0, =70000\\n 1: nop\\n subs r0, #1\\n bne 1b"
    elf, test = session_of(board, tmp_path, f'__asm__ volatile("{loop}" ::: "r0", "cc");')
    found = PLUGIN.cycles(board, elf, test)  # raises where they are not
    assert found is not None
    assert abs(found.instructions - instruction_counts(board, test)[0]) <= 60  # an interrupt
    assert 0.3 < found.lower / found.instructions <= found.upper / found.instructions < 3
    assert found.left_out < 0.01
    assert (found.cpu, found.clock_hz) == (board.cpu, board.clock_hz)


@pytest.mark.slow
def test_a_known_loop_takes_what_the_manual_says(tmp_path: Path) -> None:
    """Cortex-M3: NOP 1, SUBS 1, BNE 1 and, taken, 1 to 3 for the refill."""
    taken = {}
    for rounds in (1000, 3000):
        loop = f"ldr r0, ={rounds}\\n 1: nop\\n subs r0, #1\\n bne 1b"
        asm = f'__asm__ volatile("{loop}" ::: "r0", "cc");'
        taken[rounds] = PLUGIN.cycles(M3, *session_of(M3, tmp_path / str(rounds), asm))
    few, many = taken[1000], taken[3000]
    assert few is not None
    assert many is not None
    assert many.lower - few.lower == 2000 * 4
    assert many.upper - few.upper == 2000 * 6
    assert many.instructions - few.instructions == 2000 * 3


@pytest.mark.slow
def test_another_log_than_the_measured_one_is_noticed(tmp_path: Path) -> None:
    """What was counted must be what was measured, or nothing is told."""
    elf, test = session_of(M3, tmp_path, "")
    other = test.model_copy(update={"ticks": tuple(ticks + 5 for ticks in test.ticks)})
    with pytest.raises(ToolError, match=r"blocks that QEMU executed have \d+ instructions"):
        PLUGIN.cycles(M3, elf, other)


@pytest.mark.slow
@pytest.mark.parametrize("board", [M3, M55], ids=["m3", "m55"])
def test_stack_high_water_mark_sees_the_deepest_use(board: Board, tmp_path: Path) -> None:
    """A kilobyte more on the stack is a kilobyte more in the report."""
    used = []
    for size in (256, 1280):
        body = f"volatile int8_t row[{size}]; row[0] = input[0]; "
        body += f"for (int i = 1; i < {size}; i++) row[i] = row[i - 1];"
        elf = build(board, tmp_path / str(size), invoke=body)
        with PLUGIN.open(board, elf, tiny_model.EXPECTED) as session:
            used.append(session.self_test.stack_used_bytes)
    assert used[1] - used[0] == pytest.approx(1024, abs=16)


# The self-test's first input byte is 0, so all of these boot.
RESET = "*(volatile unsigned *)0xE000ED0C = 0x05FA0004; for (;;) { }"
TROUBLE = f"""
    switch (input[0]) {{
    case 1: *(volatile int *)0x90000000 = 1; break;
    case 2: __asm__ volatile("udf #0"); break;
    case 3: return 5 / (int)input[1];
    case 4: ((void (*)(void))0x20000)(); break;
    case 5: *(volatile unsigned *)0xE000ED08 = 0x90000000; __asm__ volatile("udf #0"); break;
    case 6: {RESET}
    case 7: return 8;
    }}
"""


@pytest.fixture(scope="module")
def trouble(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image that boots well and then fails in the way the input asks for."""
    return build(M3, tmp_path_factory.mktemp("trouble"), invoke=TROUBLE)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "code", "what"),
    [
        (1, "fault", "bus fault: precise data bus error (PRECISERR) at address 0x90000000; pc 0x"),
        (2, "fault", "usage fault: undefined instruction (UNDEFINSTR); pc 0x"),
        (3, "fault", "usage fault: division by zero (DIVBYZERO); pc 0x"),
        (4, "fault", "usage fault: jump to Arm state (INVSTATE); pc 0x00020000"),
        (5, "fault", "the core faulted in its fault handler"),
        (6, "truncated_console", "the console ended after"),
    ],
)
def test_trouble_in_an_inference_is_its_result(
    trouble: Path, first: int, code: str, what: str
) -> None:
    """Each way to fail has its code; a fault has its cause, its address and its place."""
    with (
        pytest.raises(CandidateFailure) as caught,
        PLUGIN.open(M3, trouble, tiny_model.EXPECTED) as session,
    ):
        session.infer(bytes([first, 0, 0]))
    assert caught.value.reason.code == code
    assert what in caught.value.reason.message


@pytest.mark.slow
def test_a_model_that_gives_up_is_a_broken_tool(trouble: Path) -> None:
    """An engine's own error status is not a measurement."""
    with (
        pytest.raises(ToolError, match="model_invoke returned 8"),
        PLUGIN.open(M3, trouble, tiny_model.EXPECTED) as session,
    ):
        session.infer(b"\x07\x00\x00")


@pytest.mark.slow
@pytest.mark.parametrize("name", EMULATED)
def test_a_stack_overflow_is_a_fault(name: str, tmp_path: Path) -> None:
    """Endless recursion hits the end of the reserved stack, and nothing else is overwritten."""
    recursion = "int deeper(int n); int deeper(int n) { volatile int a[50]; a[0] = n; "
    recursion += "return a[0] < 0 ? 0 : deeper(a[0] + 1) + a[0]; }"
    board = load_board(name)
    elf = build(board, tmp_path, globals_=recursion, invoke="output[0] = (int8_t)deeper(1);")
    failure = failure_of(board, elf)
    assert failure.reason.code == "fault"
    assert "stack overflow" in failure.reason.message


@pytest.mark.slow
def test_an_endless_inference_is_a_hang(tmp_path: Path) -> None:
    """The device's own watchdog ends it and says where, without a limit in wall time."""
    model = tiny_model.write_model(tmp_path, invoke="for (;;) { }")
    defines = {"MLFORGE_ENGINE": "tiny", "MLFORGE_FIRMWARE_ID": tiny_model.FIRMWARE_ID}
    image = link_image(
        M3,
        [*APPLICATION, model / "model.c"],
        tmp_path,
        include_dirs=[model],
        defines={**defines, "MLFORGE_WATCHDOG_SECONDS": 2},
    )
    failure = failure_of(M3, image.elf)
    assert failure.reason.code == "hang"
    assert "watchdog, pc 0x" in failure.reason.message


@pytest.mark.slow
def test_a_deaf_device_is_a_hang(tmp_path: Path) -> None:
    """A core that hangs beyond its watchdog is ended by the host's limit."""
    elf = build(M3, tmp_path, invoke='__asm__ volatile("cpsid i"); for (;;) { }')
    failure = failure_of(M3, elf, limit_s=1.0)
    assert failure.reason.code == "hang"
    assert "not ready after 1 s" in failure.reason.message


@pytest.mark.slow
def test_a_console_that_ends_in_the_boot_is_truncated(tmp_path: Path) -> None:
    """A device that resets ends the emulator before it was ready."""
    assert failure_of(M3, build(M3, tmp_path, invoke=RESET)).reason.code == "truncated_console"


@pytest.mark.slow
def test_the_wrong_image_is_refused(tiny: Path) -> None:
    """An image with another id is a broken tool, not a measurement."""
    with (
        pytest.raises(ToolError, match="another firmware"),
        PLUGIN.open(M3, tiny, Expected("0", "0")),
    ):
        pass


def test_missing_qemu_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without QEMU the error says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="apt-get install qemu-system-arm"):
        command(M3, tmp_path / "firmware.elf")


@pytest.mark.slow
def test_qemu_that_does_not_start_is_a_broken_tool(tiny: Path) -> None:
    """QEMU's own words are shown."""
    assert M3.qemu is not None
    strange = M3.qemu.model_copy(update={"machine": "mps2-an999"})
    with (
        pytest.raises(ToolError, match=r"did not start.*\n.*unsupported machine type"),
        PLUGIN.open(M3.model_copy(update={"qemu": strange}), tiny, tiny_model.EXPECTED),
    ):
        pass


def test_a_board_without_qemu_is_refused(tmp_path: Path) -> None:
    """The error names the missing section."""
    with pytest.raises(ToolError, match="no 'qemu' section"):
        command(M3.model_copy(update={"qemu": None}), tmp_path)


def kill_then_infer(session: Session, elf: Path, sent: signal.Signals) -> None:
    """Kills the emulator under a session."""
    (pid,) = running(elf)
    os.kill(pid, sent)
    for _ in range(10_000):  # it may take a while to end
        session.infer(b"\x01\x02\x03")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "said"),
    [(signal.SIGKILL, "ended by SIGKILL"), (signal.SIGTERM, "ended from outside .*signal 15")],
)
def test_qemu_killed_from_outside_is_no_result(sent: signal.Signals, said: str, tiny: Path) -> None:
    """Someone's kill says nothing about the candidate, also where QEMU then ends well."""
    with (
        pytest.raises(ToolError, match=f"(?s){said}"),
        PLUGIN.open(M3, tiny, tiny_model.EXPECTED) as session,
    ):
        kill_then_infer(session, tiny, sent)


def test_only_what_the_image_does_is_its_result() -> None:
    """A reset or a lock-up is the image's; QEMU that ends with an error of its own is a tool."""
    gone = Ended(code=1, said="qemu: cannot allocate memory", seen=40, tail=b"")
    assert isinstance(_ended(gone), ToolError)
    assert isinstance(_ended(dataclasses.replace(gone, code=-6)), ToolError)
    for code, said in ((-6, "qemu: fatal: Lockup: can't escalate 3 to HardFault"), (0, "")):
        assert isinstance(_ended(dataclasses.replace(gone, code=code, said=said)), CandidateFailure)


@pytest.mark.slow
def test_qemu_that_was_stopped_is_no_hang(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own time stands still with it, so no limit of that runs out; one on the wall does."""
    monkeypatch.setattr(_program, "STANDSTILL_LIMIT_S", 0.5)
    with (
        pytest.raises(ToolError, match=r"silent for 0.5 s and is not busy"),
        PLUGIN.open(M3, tiny, tiny_model.EXPECTED) as session,
    ):
        stop_then_infer(session, tiny)
    assert not running(tiny)


def stop_then_infer(session: Session, elf: Path) -> None:
    """Stops the emulator under a session."""
    (pid,) = running(elf)
    os.kill(pid, signal.SIGSTOP)
    session.infer(b"\x01\x02\x03")


def running(elf: Path) -> list[int]:
    """Processes of QEMU that run an image."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"qemu" in arguments[0] and str(elf).encode() in arguments:
            found.append(int(path.parent.name))
    return found


def fail_beside(elf: Path) -> None:
    """Fails while the emulator runs."""
    assert len(running(elf)) == 1
    raise ZeroDivisionError


@pytest.mark.slow
def test_no_emulator_survives_an_error(tiny: Path) -> None:
    """QEMU ends with the block, also when the block raises."""
    with pytest.raises(ZeroDivisionError), PLUGIN.open(M3, tiny, tiny_model.EXPECTED):
        fail_beside(tiny)
    assert not running(tiny)


@pytest.mark.slow
def test_no_emulator_survives_our_kill(tiny: Path) -> None:
    """SIGKILL of the process that started QEMU leaves no orphan."""
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from mlforge_tasks.contract.board import load_board\n"
        "from mlforge_tasks.runners import Expected\n"
        "from mlforge_tasks.runners.qemu import PLUGIN\n"
        "expected = Expected(sys.argv[2], sys.argv[3])\n"
        "with PLUGIN.open(load_board('mps2/an385'), Path(sys.argv[1]), expected):\n"
        "    print('up', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    expected = tiny_model.EXPECTED
    argv = [sys.executable, "-c", script, str(tiny), expected.firmware_id, expected.model_digest]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        assert len(running(tiny)) == 1
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + 10
        while running(tiny) and time.monotonic() < deadline:
            os.sched_yield()
    assert not running(tiny)


@pytest.mark.slow
def test_any_main_can_be_run_to_its_end(tmp_path: Path) -> None:
    """Kernel tests link their own `main()` and read what it printed."""
    (tmp_path / "main.c").write_text(
        "#include \"hal.h\"\nint main(void) { hal_put('A' + LETTER); return 0; }\n"
    )
    image = link_image(M3, [tmp_path / "main.c"], tmp_path, defines={"LETTER": 2}, name="letters")
    assert run_to_end(M3, image.elf, limit_s=30) == b"C"
    (tmp_path / "main.c").write_text('int main(void) { __asm__ volatile("udf #0"); return 0; }\n')
    image = link_image(M3, [tmp_path / "main.c"], tmp_path)
    with pytest.raises(CandidateFailure, match="UNDEFINSTR"):
        run_to_end(M3, image.elf, limit_s=30)
