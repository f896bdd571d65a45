"""A machine that is logged in to: OpenSSH's own server, here; and every way that it can fail."""

from __future__ import annotations

import importlib.util
import json
import platform
import shutil
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.board import Board, load_board
from mlforge_tasks.errors import CandidateFailure, MlforgeError, ToolError
from mlforge_tasks.platforms.linux import PLUGIN as LINUX
from mlforge_tasks.runners import _ssh_login
from mlforge_tasks.runners._bench import MAP_VARIABLE
from mlforge_tasks.runners._line import Patience
from mlforge_tasks.runners.ssh import PLUGIN, SshRunner
from tests.helpers import tiny_model
from tests.helpers.sshd import MISSING, SSHD, Sshd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlforge_tasks.runners._ssh_session import SshSession

HERE = "linux_x86_64"
ELSEWHERE = "raspberry_pi_4"
EMULATOR = "qemu-aarch64"
PATIENT = Patience(lock_s=0, boot_s=60, answer_s=0.3, silence_s=60)
# The self-test's first input byte is 0, so this boots.
TROUBLE = """
    switch (input[0]) {
    case 1: *(volatile int *)0 = 1; break;
    case 2: for (volatile int i = 0;; i++) { }
    case 3: return 8;
    }
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(SSHD is None, reason=MISSING),
    pytest.mark.skipif(not importlib.util.find_spec("asyncssh"), reason="no asyncssh"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="runs programs of x86-64"),
]


@dataclass
class Desk:
    """A machine, what the runner is told about it, and a program for it."""

    machine: Sshd
    folder: Path
    program: Path
    board: Board

    def describe(self, **changes: object) -> None:
        """Writes the hardware map."""
        entry = self.machine.entry(self.board.name, **changes)
        (self.folder / "hardware-map.yaml").write_text(json.dumps([entry]))

    @contextmanager
    def open(self, patience: Patience = PATIENT) -> Iterator[SshSession]:
        """Runs the program there."""
        runner = SshRunner(patience=patience)
        given = {"evidence": self.folder}
        with runner.open(self.board, self.program, tiny_model.EXPECTED, **given) as session:
            yield session

    def interrupted(self, by: Callable[[], None]) -> None:
        """Has something happen between two inferences."""
        with self.open() as session:
            ask(session, 1)
            by()
            ask(session, 1)

    def refused(self) -> str:
        """What is said where the program does not even start."""
        with pytest.raises(ToolError) as error, self.open():
            pass
        assert self.machine.left() == []
        return str(error.value)


def build(name: str, folder: Path) -> Path:
    """The tiny model as a program for a board; some inputs make trouble."""
    model = tiny_model.write_model(folder / "model", invoke=TROUBLE)
    (folder / "program").mkdir()
    LINUX.build(tiny_model.request(load_board(name), model), folder / "program")
    return folder / "program" / "firmware.elf"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program for this machine."""
    return build(HERE, tmp_path_factory.mktemp("here"))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A machine; each test finds it as it is, with nothing different."""
    with Sshd(tmp_path_factory.mktemp("machine")) as one:
        yield one


@pytest.fixture
def desk(
    machine: Sshd, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """The machine, with the map where the runner looks for it."""
    monkeypatch.setenv(MAP_VARIABLE, str(tmp_path / "hardware-map.yaml"))
    found = Desk(machine, tmp_path, program, load_board(HERE))
    found.describe()
    yield found
    machine.act()


def ask(session: SshSession, times: int) -> None:
    """Asks some inferences, all of which must be right."""
    for value in range(10, 10 + times):
        data = bytes([value & 127 | 64, 2, 250])
        assert session.infer(data).output == tiny_model.add(data)


def test_a_program_is_measured_and_leaves_nothing(desk: Desk) -> None:
    """Time and memory are the machine's own; what it is, is told, and its id only as a hash."""
    PLUGIN.require(desk.board, west_builds=False)
    with desk.open() as session:
        assert len(desk.machine.left()) == 1
        ask(session, 3)
        test, where = session.self_test, dict(session.beside.where)
    assert test.tick_hz == 10**9
    assert (test.peak_memory_bytes or 0) > 10_000
    assert where["machine_arch"] == "x86_64"
    assert platform.release() in where["machine_kernel"]
    assert "machine_id" not in where
    assert (desk.folder / "transcript.txt").read_text().count(" > $") >= 3
    assert desk.machine.left() == []
    assert PLUGIN.tool_versions(desk.board)["bench_id"] == "desk"


def test_a_bad_line_is_outlived(desk: Desk) -> None:
    """One line in twenty, either way, is lost, cut or damaged between network and program."""
    desk.machine.act(noise=0.05)
    with desk.open() as session:
        ask(session, 60)
    assert desk.machine.left() == []


def test_a_machine_whose_key_is_not_known_is_not_talked_to(desk: Desk) -> None:
    """Neither a new one nor one that changed; what is known stays as it was."""
    known = desk.machine.known_hosts
    known.write_text("")
    said = desk.refused()
    assert f"ssh-keyscan -p {desk.machine.port} 127.0.0.1 >> {known}" in said
    assert known.read_text() == ""
    desk.machine.trust(desk.machine.folder / "user_key.pub")
    assert "is not known, or not the one that is known" in desk.refused()
    known.unlink()
    assert "is not known" in desk.refused()
    desk.machine.trust(desk.machine.folder / "host_key.pub")


def test_a_login_that_fails_is_told(desk: Desk) -> None:
    """Another key, no key file, nobody listening: each with what to do, and no password asked."""
    desk.describe(key=str(desk.machine.folder / "stranger_key"))
    assert "lets nobody in with the keys" in desk.refused()
    desk.describe(key="nowhere")
    with pytest.raises(ToolError, match=r"no private key at .*nowhere"):
        PLUGIN.require(desk.board, west_builds=False)
    desk.describe(port=1)
    assert "cannot log in to 127.0.0.1:1" in desk.refused()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("uname -m", "echo riscv64", "a machine of kind 'riscv64', which runs no programs of"),
        ('cat > "$0"', "cat > /dev/full", "No space left on device"),
        ("cat /", "echo /", "is not what arrived"),
        ("chmod 0500", "chmod 0400", "does not execute the program"),
        ("mktemp -d", "mktemp -d /nowhere/x #", "no folder can be made in"),
        ("exec ./program", "kill -9 $$", "ended by SIGKILL from outside"),
    ],
)
def test_a_machine_that_will_not_do_is_told(desk: Desk, old: str, new: str, said: str) -> None:
    """Another processor, a full disk, a damaged copy, `noexec`, no folder, a kill."""
    desk.machine.act(replace=[[old, new]])
    assert said in desk.refused()


def test_a_connection_that_is_cut_is_no_result(desk: Desk) -> None:
    """It is told as what it is; the machine tidies up by itself."""
    with pytest.raises(ToolError, match="was lost in the midst of a run"):
        desk.interrupted(desk.machine.cut)
    _wait_until_tidy(desk.machine)


def test_a_machine_that_is_gone_is_noticed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says nothing and closes nothing: a cable that was pulled, a power cut."""
    monkeypatch.setattr(_ssh_login, "KEEPALIVE_S", 0.2)
    with pytest.raises(ToolError, match="was lost in the midst of a run"):
        desk.interrupted(lambda: desk.machine.cut(signal.SIGSTOP))
    desk.machine.cut()
    _wait_until_tidy(desk.machine)


def test_whoever_interrupts_leaves_nothing(desk: Desk) -> None:
    """Ctrl-C in the middle of a run."""
    with pytest.raises(KeyboardInterrupt):
        desk.interrupted(lambda: signal.raise_signal(signal.SIGINT))
    assert desk.machine.left() == []


def test_a_fault_is_the_candidates(desk: Desk) -> None:
    """What the program itself reports, from another machine as from this one."""
    with pytest.raises(CandidateFailure, match="SIGSEGV at address 0x0"), desk.open() as session:
        session.infer(bytes([1, 0, 0]))
    with pytest.raises(MlforgeError, match="refuses the request"), desk.open() as session:
        session.infer(bytes([3, 0, 0]))
    assert desk.machine.left() == []


@pytest.mark.skipif(shutil.which(EMULATOR) is None, reason=f"no {EMULATOR}")
def test_another_processor_answers_the_same(desk: Desk, tmp_path: Path) -> None:
    """A stand-in for a Raspberry Pi: this machine, which runs AArch64 by QEMU; with bad lines."""
    pi = Desk(desk.machine, desk.folder, build(ELSEWHERE, tmp_path), load_board(ELSEWHERE))
    pi.describe()
    assert "which runs no programs of raspberry_pi_4" in pi.refused()
    emulated = [["uname -m", "echo aarch64"], ["exec ./", f"exec {EMULATOR} ./"]]
    desk.machine.act(replace=emulated, noise=0.01)
    with pi.open() as session:
        ask(session, 20)
        assert dict(session.beside.where)["machine_arch"] == "aarch64"
    assert desk.machine.left() == []


def _wait_until_tidy(machine: Sshd) -> None:
    """Until what ran there has noticed."""
    deadline = time.monotonic() + 20
    while machine.left():
        assert time.monotonic() < deadline, machine.left()
        time.sleep(0.02)
