"""A machine that is logged in to: OpenSSH's own server, here; and every way that it can fail."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import CandidateFailure, MlforgeError, ToolError
from mlforge_tasks.runners import Circumstances, _ssh_login
from mlforge_tasks.runners._bench import MAP_VARIABLE
from mlforge_tasks.runners.ssh import PLUGIN
from tests.helpers.desk import Desk, ask, build, wait_until_tidy
from tests.helpers.sshd import MISSING, SSHD, Sshd

if TYPE_CHECKING:
    from collections.abc import Iterator


HERE = "linux_x86_64"
ELSEWHERE = "raspberry_pi_4"
EMULATOR = "qemu-aarch64"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(SSHD is None, reason=MISSING),
    pytest.mark.skipif(not importlib.util.find_spec("asyncssh"), reason="no asyncssh"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="runs programs of x86-64"),
]


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
        ask(session, 30)
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
    wait_until_tidy(desk.machine)


def test_a_machine_that_is_gone_is_noticed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says nothing and closes nothing: a cable that was pulled, a power cut."""
    monkeypatch.setattr(_ssh_login, "KEEPALIVE_S", 0.2)
    with pytest.raises(ToolError, match="was lost in the midst of a run"):
        desk.interrupted(lambda: desk.machine.cut(signal.SIGSTOP))
    desk.machine.cut()
    wait_until_tidy(desk.machine)


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
        ask(session, 8)
        assert dict(session.beside.where)["machine_arch"] == "aarch64"
    assert desk.machine.left() == []


def devices(folder: Path, **files: str) -> str:
    """What a machine shows of itself in /sys, by the path with `__` for `/`."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return str(folder)


def test_what_runs_beside_and_how_the_machine_is(desk: Desk, tmp_path: Path) -> None:
    """Load, the hottest zone of the die, the governor, what the firmware throttles; and memory."""
    sysfs = devices(
        tmp_path / "sys",
        class__thermal__thermal_zone0__type="cpu-thermal",
        class__thermal__thermal_zone0__temp="48312",
        class__thermal__thermal_zone1__type="battery",
        class__thermal__thermal_zone1__temp="61000",
        devices__system__cpu__cpu0__cpufreq__scaling_governor="powersave",
    )
    throttled = Path(sysfs) / "devices" / "platform" / "soc" / "soc:firmware" / "get_throttled"
    throttled.parent.mkdir(parents=True)
    throttled.write_text("50005\n")
    under = Circumstances(load_cpus=1, asked=("pss_bytes", "junction_temperature_c"))
    with desk.open(under, sysfs) as session:
        ask(session, 2)
        beside = session.beside
    figures = {one.metric: one for one in beside.measurements}
    assert figures["junction_temperature_c"].value == 48.312
    assert 50_000 < figures["pss_bytes"].value < 2 << 20
    assert {one.source for one in figures.values()} == {"hardware"}
    where = dict(beside.where)
    assert where["machine_governor"] == "powersave"
    assert where["machine_throttled"] == "under-voltage, throttled"
    assert where["machine_load"] in {"stress-ng --cpu 1", "1 shell loops"}
    assert beside.not_measured == ()
    assert desk.machine.left() == []


def test_what_a_machine_does_not_tell_is_unknown(desk: Desk, tmp_path: Path) -> None:
    """With the reason, where it was asked for; a zone of something else stands for nothing."""
    sysfs = devices(
        tmp_path / "sys",
        class__thermal__thermal_zone0__type="battery",
        class__thermal__thermal_zone0__temp="61000",
    )
    desk.machine.act(replace=[["command -v cyclictest", "false"]])
    asked = ("junction_temperature_c", "wakeup_latency_us")
    with desk.open(Circumstances(wakeup_period_us=1000, asked=asked), sysfs) as session:
        beside = session.beside
    why = dict(beside.not_measured)
    assert why["junction_temperature_c"].endswith(
        "no thermal zone of its processor, but of battery"
    )
    assert "cyclictest is not installed" in why["wakeup_latency_us"]
    assert {one.metric for one in beside.measurements} == {"pss_bytes"}


def test_a_program_is_held_to_its_memory(desk: Desk) -> None:
    """The kernel ends it where it takes more, which is a result; within it, all is well."""
    under = Circumstances(memory_max_bytes=24 << 20)
    with desk.open(under) as session:
        ask(session, 1)
        held = dict(session.beside.where)["machine_memory_max"]
    if held.startswith("not enforced"):
        pytest.skip("no control group can be had here")
    assert int(held) == under.memory_max_bytes
    with pytest.raises(CandidateFailure) as failure, desk.open(under) as session:
        session.infer(bytes([4, 0, 0]))
    reason = failure.value.reason
    assert (reason.code, reason.metric, reason.limit) == ("does_not_fit", "ram_bytes", 24 << 20)
    with desk.open() as session:
        assert session.infer(bytes([4, 0, 0])).output == bytes([4])
    assert not list(Path("/sys/fs/cgroup").glob("**/mlforge-*"))


@pytest.mark.skipif(shutil.which("cyclictest") is None, reason="no cyclictest (rt-tests)")
def test_wake_ups_beside_inference_are_measured(desk: Desk) -> None:
    """By cyclictest where it may; where it may not, it is said in its words."""
    under = Circumstances(wakeup_period_us=1000, asked=("wakeup_latency_us",))
    with desk.open(under) as session:
        ask(session, 2)
        beside = session.beside
    figures = {one.metric: one.value for one in beside.measurements}
    if "wakeup_latency_us" not in figures:
        assert "cyclictest says: " in dict(beside.not_measured)["wakeup_latency_us"]
    else:
        assert figures["wakeup_latency_us"] > 0
