"""A session with a board: finds out what it runs, asks it, and mends what can be mended.

Every loop is bounded: a request is sent, the line looked at, the port opened and the image flashed
again only so many times. Only what the board itself reports, and an inference that silences it
twice, is the candidate's fault; all else is the bench's and is never recorded as a result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.records import Reason
from mlforge_tasks.runners import Beside
from mlforge_tasks.runners._fault import STAGE
from mlforge_tasks.runners._flash import flash
from mlforge_tasks.runners._link import NoAnswerError, TransportClosedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.records import SelfTest
    from mlforge_tasks.runners import InferenceResult, Way
    from mlforge_tasks.runners._bench_board import BenchBoard
    from mlforge_tasks.runners._hello import Hello, Marked
    from mlforge_tasks.runners._line import Line, Patience
    from mlforge_tasks.runners._port import Port, Transcript
    from mlforge_tasks.runners._power import BoardPower

_Answer = TypeVar("_Answer")

TRANSCRIPT_FILE = "transcript.txt"
# How often a request is started anew after the line, the port or the board was mended.
ROUNDS = 4
# How often an image is flashed before its not coming up is told.
START_ATTEMPTS = 2


class SerialSession:
    """See `runners.Session`.

    Args:
        board: What the image was built for.
        on: Where it runs.
        firmware: The ELF file.
        port: The board's console.
        line: The protocol on it.
        patience: Time limits.
        transcript: The evidence.
        cwd: Folder that the map's commands start in.
        power: The board's meter.
    """

    def __init__(
        self,
        board: Board,
        on: BenchBoard,
        firmware: Path,
        *,
        port: Port,
        line: Line,
        patience: Patience,
        transcript: Transcript,
        cwd: Path,
        power: BoardPower,
    ) -> None:
        self._board = board
        self._on = on
        self._firmware = firmware
        self._port = port
        self._line = line
        self._patience = patience
        self._transcript = transcript
        self._cwd = cwd
        self._power = power
        self._rounds = ROUNDS
        self._hello = self._start()

    @property
    def self_test(self) -> SelfTest:
        """What the board measured when it was last asked."""
        return self._hello.self_test

    @property
    def console(self) -> bytes:
        """Every byte that came from the port."""
        return self._port.received

    @property
    def inputs_through(self) -> Way:
        """See `runners.Session.inputs_through`."""
        return "line"

    @property
    def beside(self) -> Beside:
        """See `runners.Session.beside`: what a meter says, of an image that works for one."""
        return self._power.measured(self) if self._hello.marker else Beside()

    @property
    def transcript(self) -> str:
        """Every byte in both directions, and what was done to the board."""
        return self._transcript.text()

    def begin(self) -> None:
        """See `runners.Session.begin`.

        From then on nothing is mended: a board that was reset has forgotten the stream.
        """
        self._rounds = 1
        try:
            self._line.begin()
        except (NoAnswerError, TransportClosedError) as error:
            raise self._given_up(error, 0) from None

    def infer(self, data: bytes) -> InferenceResult:
        """See `runners.Session.infer`."""
        return self._mending(lambda: self._line.ask(data, self._hello))

    def mark(self) -> tuple[Marked, bool]:
        """Has the board make windows of inferences for a meter.

        Returns:
            What it made; whether it was in the middle of more when it was reset, or asked anew.

        Raises:
            As `infer`.
        """
        self._rounds = ROUNDS  # a stream that has begun is over
        times, resets = 0, self._line.resets

        def ask() -> Marked:
            nonlocal times
            times += 1
            return self._line.ask_for_windows(self._hello)

        marked = self._mending(ask)
        return marked, times > 1 or self._line.resets != resets

    def _mending(self, ask: Callable[[], _Answer]) -> _Answer:
        """Makes a request, anew where something on the way to the board was mended."""
        resets = self._line.resets
        restarted = False
        trouble: NoAnswerError | TransportClosedError | None = None
        for _ in range(self._rounds):
            try:
                if trouble is not None:
                    restarted = self._mend(trouble, restarted=restarted)
                return ask()
            except (NoAnswerError, TransportClosedError) as error:
                trouble = error
        raise self._given_up(trouble, self._line.resets - resets)

    def seconds_for(self, input_bytes: int, output_bytes: int) -> float:
        """See `runners.Session.seconds_for`."""
        return self._line.seconds_for(input_bytes + output_bytes, self._hello)

    def _mend(self, trouble: NoAnswerError | TransportClosedError, *, restarted: bool) -> bool:
        """Brings the board back to where it answers.

        Args:
            trouble: What happened.
            restarted: Whether this request has already silenced the board.

        Returns:
            Whether it had to be flashed again, now or before.
        """
        if isinstance(trouble, TransportClosedError):
            self._come_back()
        try:
            self._port.drain()
            self._hello = self._line.identify(self._patience.silence_s)
        except NoAnswerError:
            if restarted:
                text = "an inference silenced the board, and again after it was flashed anew"
                raise CandidateFailure(Reason(code="hang", stage=STAGE, message=text)) from None
            self._transcript.note("the board is silent: flashing it again")
            self._hello = self._start()
            return True
        return restarted

    def _come_back(self) -> None:
        try:
            self._port.reopen()
        except ToolError as error:
            raise ToolError(
                f"{self._name()} went away in the middle of a run: {error.message}",
                hint="was its cable pulled, or its power lost? Plug it in and run again",
            ) from error

    def _start(self) -> Hello:
        """Flashes the image and waits until it answers; once more if it does not.

        Raises:
            CandidateFailure: The image reports a fault.
            ToolError: It cannot be flashed, does not answer, or another one does.
        """
        for _ in range(START_ATTEMPTS - 1):
            self._flash()
            try:
                return self._meet()
            except ToolError as error:
                self._transcript.note(f"{error.message}: flashing again")
        self._flash()
        try:
            return self._meet()
        except NoAnswerError as error:
            raise self._silent(error) from None

    def _flash(self) -> None:
        on = self._on
        times = on.script_param
        self._script(on.pre_script, times.pre_script_arg, times.pre_script_s)
        if on.flash_before:
            self._port.close()
        else:
            self._port.open()  # before the image boots, so that none of its bytes are lost
        flash(self._board, on, self._firmware, cwd=self._cwd, note=self._transcript.note)
        self._script(on.post_flash_script, times.post_flash_script_arg, times.post_flash_s)

    def _meet(self) -> Hello:
        for _ in range(ROUNDS):
            try:
                self._port.open()
                self._port.drain()
                return self._line.identify(self._patience.boot_s)
            except TransportClosedError:  # a probe's port may come and go when it flashes
                self._port.close()
        raise ToolError(f"{self._port.url} of {self._name()} vanishes whenever it is opened")

    def _script(self, script: str | None, words: tuple[str, ...], timeout_s: float) -> None:
        if script is not None:
            output = process.check([script, *words], timeout_s=timeout_s, cwd=self._cwd)
            self._transcript.note(f"{script}\n{output}")

    def _name(self) -> str:
        return f"{self._board.name} (probe {self._on.probe or 'unknown'})"

    def _silent(self, error: NoAnswerError) -> ToolError:
        count = len(self._port.received)
        where = f"{self._name()} on {self._port.url} at {self._port.baud} baud"
        if count == 0:
            return ToolError(
                f"{where} says nothing after it was flashed ({error.message})",
                hint="see whether 'serial' in the hardware map is the port of the console (some "
                "boards have several), and whether the board starts when its reset is pressed",
            )
        return ToolError(
            f"{where} does not answer after it was flashed: {count} bytes came, none of them "
            f"an answer ({error.message})",
            hint="see whether 'baud' in the hardware map is the console's, and whether the image "
            f"comes up; the bytes are in {TRANSCRIPT_FILE}",
        )

    def _given_up(
        self, trouble: NoAnswerError | TransportClosedError | None, resets: int
    ) -> ToolError:
        if isinstance(trouble, TransportClosedError):
            return ToolError(
                f"{self._port.url} of {self._name()} vanished {ROUNDS} times during one request",
                hint="see whether cable and hub are sound",
            )
        if resets >= ROUNDS:
            return ToolError(
                f"{self._name()} was reset {resets} times during one request",
                hint="see whether its power supply and reset line are sound",
            )
        return ToolError(
            f"{self._name()} says what it is but does not answer an inference: the line loses "
            f"bytes ({trouble})",
            hint="see whether the cable is sound; a lower 'baud' in the hardware map and the "
            "board's overlay may help",
        )
