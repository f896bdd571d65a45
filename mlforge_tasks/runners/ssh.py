"""Runs programs on a machine that is logged in to: a Raspberry Pi, or whatever runs Linux."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import litert, product
from mlforge_tasks.runners import Capabilities, Circumstances, _bench
from mlforge_tasks.runners._bench_lock import held
from mlforge_tasks.runners._board_session import TRANSCRIPT_FILE
from mlforge_tasks.runners._line import Patience
from mlforge_tasks.runners._machine import check_fits, look
from mlforge_tasks.runners._observed import Watch
from mlforge_tasks.runners._port import Transcript
from mlforge_tasks.runners._remote import launched
from mlforge_tasks.runners._ssh_login import logged_in, require
from mlforge_tasks.runners._ssh_session import SshSession

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.records import SelfTest
    from mlforge_tasks.runners import Expected
    from mlforge_tasks.runners._bench_board import BenchBoard
    from mlforge_tasks.runners._ssh_host import SshHost


def _find(board: Board) -> tuple[BenchBoard, SshHost, Path]:
    """The machine's entry in the hardware map, how to log in, and the map's folder.

    Raises:
        ToolError: There is none, or it is not logged in to.
        ContractError: The hardware map is not valid.
    """
    on, cwd = _bench.find([board.name], root=product.project())
    if on.ssh is None:
        raise ToolError(
            f"the hardware map does not say how to log in to the {board.name} ({on.called})",
            hint="give its entry `ssh: {host: …}`; see docs/linux.md",
        )
    return on, on.ssh, cwd


def _libraries(board: Board, program: Path) -> list[Path]:
    """What a program of engine `litert` needs beside it.

    Raises:
        ToolError: It is not here.
    """
    if board.linux is None or not litert.is_linked(program):
        return []
    return [litert.library(board.linux.arch)]


@dataclass(frozen=True)
class SshRunner:
    """Machines on the bench as a runner.

    Attributes:
        patience: Time limits.
        sysfs: Where a machine shows its devices.
        circumstances: What programs run beside and within.
    """

    patience: Patience = field(default_factory=Patience)
    sysfs: str = "/sys"
    circumstances: Circumstances = field(default_factory=Circumstances)

    name = "ssh"
    capabilities = Capabilities(source="hardware", counts_instructions=False)

    def under(self, circumstances: Circumstances) -> SshRunner:
        """The same, but for what programs run beside and within."""
        return replace(self, circumstances=circumstances)

    @contextlib.contextmanager
    def open(
        self, board: Board, firmware: Path, expected: Expected, *, evidence: Path | None = None
    ) -> Iterator[SshSession]:
        """See `runners.Runner.open`.

        Args:
            board: What the program was built for; a machine of its kind is looked up in the map.
            firmware: The program.
            expected: What it must say about itself.
            evidence: Folder for `transcript.txt`.

        Raises:
            CandidateFailure: `fault`, `hang` or `truncated_console`, here or in the block.
            ToolError: There is no such machine, it is of another kind, lets nobody in, has no room
                or goes away; says what.
            ContractError: The hardware map is not valid.
        """
        on, host, cwd = _find(board)
        transcript = Transcript(evidence / TRANSCRIPT_FILE if evidence else None)
        with (
            contextlib.closing(transcript),
            held(on, self.patience.lock_s),
            logged_in(host, cwd) as machine,
        ):
            facts = look(machine, self.sysfs)
            check_fits(board, facts, machine.name)
            beside = _libraries(board, firmware)
            with launched(machine, host.folder, firmware, self.circumstances, beside) as running:
                yield SshSession(
                    running,
                    expected,
                    patience=self.patience,
                    transcript=transcript,
                    watch=Watch(running, facts, self.sysfs),
                )

    def cycles(self, board: Board, firmware: Path, test: SelfTest) -> None:
        """See `runners.Runner.cycles`: the machine's own clock tells."""

    def layer_cycles(self, board: Board, firmware: Path, test: SelfTest) -> None:
        """See `runners.Runner.layer_cycles`."""

    def tool_versions(self, board: Board) -> Mapping[str, str]:
        """See `runners.Runner.tool_versions`: the very machine, so no other's results are taken."""
        return _find(board)[0].identity()

    def require(self, board: Board, *, west_builds: bool) -> None:  # noqa: ARG002 - the interface's
        """See `runners.Runner.require`: that it is there, lets us in, and is of the right kind."""
        _, host, cwd = _find(board)
        require(host, cwd)
        with logged_in(host, cwd) as machine:
            check_fits(board, look(machine, self.sysfs), machine.name)


PLUGIN = SshRunner()
