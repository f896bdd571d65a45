"""Runs firmware on a board on the bench: flashes it, then talks to it over its serial port."""

from __future__ import annotations

import contextlib
import os
import re
import tty
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process, product
from mlforge_tasks.runners import Capabilities, _attached, _bench
from mlforge_tasks.runners._bench_lock import held
from mlforge_tasks.runners._board_session import TRANSCRIPT_FILE, SerialSession
from mlforge_tasks.runners._line import Line, Patience
from mlforge_tasks.runners._port import Port, Transcript
from mlforge_tasks.runners._power import board_power

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.records import SelfTest
    from mlforge_tasks.runners import Expected
    from mlforge_tasks.runners._bench_board import BenchBoard


@contextlib.contextmanager
def _console(on: BenchBoard, cwd: Path) -> Iterator[str]:
    """The URL of a board's console; runs its `serial_pty` program on a terminal of ours."""
    if on.serial_pty is None:
        yield str(on.serial)
        return
    ours, its = os.openpty()
    tty.setraw(its)
    running = None
    try:
        program = re.split("[, ]", on.serial_pty)
        running = process.start(program, cwd=cwd, stdin=ours, stdout=ours, stderr=ours)
        yield os.ttyname(its)
    finally:
        if running is not None:
            process.stop(running)
        os.close(ours)
        os.close(its)


def _names(board: Board) -> list[str]:
    return [board.name] if board.zephyr is None else [board.zephyr.target, board.name]


@dataclass(frozen=True)
class SerialRunner:
    """Boards on the bench as a runner.

    Attributes:
        patience: Time limits.
    """

    patience: Patience = field(default_factory=Patience)

    name = "serial"
    capabilities = Capabilities(source="hardware", counts_instructions=False)

    @contextlib.contextmanager
    def open(
        self, board: Board, firmware: Path, expected: Expected, *, evidence: Path | None = None
    ) -> Iterator[SerialSession]:
        """See `runners.Runner.open`.

        Args:
            board: What the image was built for; one of its kind is looked up in the hardware map.
            firmware: The ELF file, with its `.bin` beside it.
            expected: What it must say about itself.
            evidence: Folder for `transcript.txt` and what a meter recorded.

        Raises:
            CandidateFailure: `fault` or `hang`, here or in the block.
            ToolError: The bench has no such board, or something is wrong with it; says what.
            ContractError: The hardware map is not valid.
        """
        on, cwd = _bench.find(_names(board), root=product.project())
        transcript = Transcript(evidence / TRANSCRIPT_FILE if evidence else None)
        with (
            contextlib.closing(transcript),
            held(on, self.patience.lock_s),
            board_power(on, cwd, evidence) as power,
            _console(on, cwd) as url,
        ):
            port = Port(url, baud=on.baud, wait_s=self.patience.port_s, transcript=transcript)
            try:
                yield SerialSession(
                    board,
                    on,
                    firmware,
                    port=port,
                    line=Line(port, expected, self.patience),
                    patience=self.patience,
                    transcript=transcript,
                    cwd=cwd,
                    power=power,
                )
            finally:
                port.close()
                _tidy(on, cwd, transcript)

    def cycles(self, board: Board, firmware: Path, test: SelfTest) -> None:
        """See `runners.Runner.cycles`: the board's own clock tells."""

    def layer_cycles(self, board: Board, firmware: Path, test: SelfTest) -> None:
        """See `runners.Runner.layer_cycles`."""

    def tool_versions(self, board: Board) -> Mapping[str, str]:
        """See `runners.Runner.tool_versions`: the very board, so no other's results are taken."""
        on, _ = _bench.find(_names(board), root=product.project())
        return on.identity()

    def require(self, board: Board, *, west_builds: bool) -> None:
        """See `runners.Runner.require`: the port, and what flashes the board."""
        on, cwd = _bench.find(_names(board), root=product.project())
        _attached.require(board, on, cwd, west_builds=west_builds)


def _tidy(on: BenchBoard, cwd: Path, transcript: Transcript) -> None:
    """Runs `post_script`; what it comes to changes no result."""
    if on.post_script is None:
        return
    argv = [on.post_script, *on.script_param.post_script_arg]
    try:
        done = process.run(argv, timeout_s=on.script_param.post_script_s, cwd=cwd)
    except ToolError as error:
        transcript.note(error.message)
    else:
        transcript.note(f"{on.post_script} {done.how()}\n{done.output}")


PLUGIN = SerialRunner()
