"""Energy by a processor's counters, over ssh: a machine whose power is a known one."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.runners import Circumstances, _rapl
from mlforge_tasks.runners._bench import MAP_VARIABLE
from mlforge_tasks.runners._frames import Frame, FrameReader, FrameType
from mlforge_tasks.runners._hello import Marked
from mlforge_tasks.runners._rapl import Reading
from tests.helpers.desk import Desk, build
from tests.helpers.sshd import MISSING, SSHD, Sshd

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = "linux_x86_64"
IDLE_W, BUSY_W = 5.0, 20.0
# Where the counter begins again, as most of Intel's do.
MOST_UJ = 262_143_328_850
# About a millisecond, so that there are not millions of inferences in a window.
SLOW = "for (volatile int i = 0; i < 400000; i++) { }"
ASKED = Circumstances(asked=("energy_per_inference_uj", "latency_us"))


@pytest.mark.parametrize(
    ("before", "after", "spent"), [((9, 1), (29, 4), 23), ((95, 98), (5, 99), 11)]
)
def test_a_counter_that_began_again_is_followed(
    before: tuple[int, int], after: tuple[int, int], spent: int
) -> None:
    """Each of several packages for itself."""
    first, last = (
        Reading(at_s, tuple((100, one) for one in counts))
        for at_s, counts in ((1.0, before), (3.5, after))
    )
    assert first.until(last) == (2.5, spent)


def test_inferences_that_take_less_than_nothing_are_no_figure() -> None:
    """Else any limit would be kept; of a mean about zero the worse end stays."""
    with pytest.raises(_rapl.NoCounterError, match="no more during inferences than when left"):
        _rapl._energy([-2.0, -2.1, -1.9])
    found = _rapl._energy([-2.0, 1.0, 0.0])
    assert found.interval is not None
    assert found.value == found.interval.low == 0
    assert found.interval.high > 1


class Counter:
    """A RAPL counter whose count is made when it is read: of time, and of a program's own."""

    def __init__(self, sysfs: Path) -> None:
        package = sysfs / "class" / "powercap" / "intel-rapl:0"
        package.mkdir(parents=True)
        (package / "name").write_text("package-0\n")
        (package / "max_energy_range_uj").write_text(f"{MOST_UJ}\n")
        self._file = package / "energy_uj"
        os.mkfifo(self._file)
        self._over = threading.Event()
        self.pid = ""

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.pid = ""  # it has ended
        self._file.read_text()
        self._thread.join()

    def _answer(self) -> None:
        while not self._over.is_set():
            with self._file.open("w") as reader:
                joules = IDLE_W * time.monotonic() + BUSY_W * self.busy_s()
                reader.write(f"{int(joules * 1e6) % MOST_UJ}\n")
            self._let_go()

    def _let_go(self) -> None:
        """Until who read has closed the file: else it would be given a second count."""
        with contextlib.suppress(OSError):  # that nobody reads
            while True:
                os.close(os.open(self._file, os.O_WRONLY | os.O_NONBLOCK))
                time.sleep(0.001)

    def busy_s(self) -> float:
        """Processor's time of the program."""
        # What clock_getcpuclockid(3) gives for a process.
        return time.clock_gettime((~int(self.pid) << 3) | 2) if self.pid else 0.0


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A machine, and a program that works for a meter."""
    monkeypatch.setenv(MAP_VARIABLE, str(tmp_path / "hardware-map.yaml"))
    (tmp_path / "machine").mkdir()
    program = build(HERE, tmp_path, invoke=SLOW, marker=True)
    with Sshd(tmp_path / "machine") as machine:
        found = Desk(machine, tmp_path, program, load_board(HERE))
        found.describe()
        yield found


@pytest.mark.slow
@pytest.mark.skipif(SSHD is None, reason=MISSING)
@pytest.mark.skipif(not importlib.util.find_spec("asyncssh"), reason="no asyncssh")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="runs programs of x86-64")
def test_energy_is_that_above_idle(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An inference takes its time at the power that it adds; no counter is told as that."""
    monkeypatch.setattr(_rapl, "ROUNDS", 2)
    nothing, sysfs = desk.folder / "nothing", desk.folder / "sys"
    with desk.open(ASKED, str(nothing)) as session:
        assert "has no RAPL counter" in dict(session.beside.not_measured)[ASKED.asked[0]]
    with Counter(sysfs) as counter, desk.open(ASKED, str(sysfs)) as session:
        counter.pid = session.pid
        before_s = counter.busy_s()
        figures = {one.metric: one for one in session.beside.measurements}
        spent_uj = BUSY_W * (counter.busy_s() - before_s) * 1e6
        heard = FrameReader().feed(session.console)
    made = {  # by number: on a busy machine one may be answered twice
        one.seq: Marked.parse(one.payload)
        for one in heard
        if isinstance(one, Frame) and one.type == FrameType.MARKED
    }
    inferences = sum(one.windows * one.inferences for one in made.values())
    energy = figures["energy_per_inference_uj"]
    assert energy.value == pytest.approx(spent_uj / inferences, rel=0.1)
    assert (energy.source, energy.interval is not None) == ("hardware", True)
    assert figures["idle_power_uw"].value == pytest.approx(IDLE_W * 1e6, rel=0.05)
    assert figures["active_power_uw"].value > figures["idle_power_uw"].value
