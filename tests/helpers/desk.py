"""A machine on the bench that is logged in to, what the runner is told of it, and a program."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.board import Board, load_board
from mlforge_tasks.errors import ToolError
from mlforge_tasks.platforms.linux import PLUGIN as LINUX
from mlforge_tasks.runners import Circumstances
from mlforge_tasks.runners._line import Patience
from mlforge_tasks.runners.ssh import SshRunner
from tests.helpers import tiny_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlforge_tasks.runners._ssh_session import SshSession
    from tests.helpers.sshd import Sshd

FREE = Circumstances()
LARGE_BYTES = 48 << 20
PATIENT = Patience(lock_s=0, boot_s=60, answer_s=0.3, silence_s=60)
# The self-test's first input byte is 0, so this boots.
TROUBLE = """
    switch (input[0]) {
    case 1: *(volatile int *)0 = 1; break;
    case 2: for (volatile int i = 0;; i++) { }
    case 3: return 8;
    case 4: memset((void *)large, 1, sizeof large); break;
    }
"""


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
    def open(self, under: Circumstances = FREE, sysfs: str = "/sys") -> Iterator[SshSession]:
        """Runs the program there."""
        runner = SshRunner(PATIENT, sysfs).under(under)
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


def build(name: str, folder: Path, *, invoke: str = TROUBLE, marker: bool = False) -> Path:
    """The tiny model as a program for a board; some inputs make trouble."""
    large = f"static volatile char large[{LARGE_BYTES}];"
    model = tiny_model.write_model(folder / "model", invoke=invoke, globals_=large)
    (folder / "program").mkdir()
    request = tiny_model.request(load_board(name), model)
    LINUX.build(replace(request, marker=marker), folder / "program")
    return folder / "program" / "firmware.elf"


def ask(session: SshSession, times: int) -> None:
    """Asks some inferences, all of which must be right."""
    for value in range(10, 10 + times):
        data = bytes([value & 127 | 64, 2, 250])
        assert session.infer(data).output == tiny_model.add(data)


def wait_until_tidy(machine: Sshd) -> None:
    """Until what ran there has noticed."""
    deadline = time.monotonic() + 20
    while machine.left():
        assert time.monotonic() < deadline, machine.left()
        time.sleep(0.02)
