"""A session with a board: finds out what it runs, asks it, and mends what can be mended.

Every loop is bounded: a request is sent, the line looked at, the port opened and the image flashed
again only so many times. Only what the board itself reports, and an inference that silences it
twice, is the candidate's fault; all else is the bench's and is never recorded as a result.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.records import Reason
from mlforge_tasks.runners._fault import STAGE
from mlforge_tasks.runners._flash import flash
from mlforge_tasks.runners._frames import Frame, FrameType
from mlforge_tasks.runners._link import BOOT_SEQ, Hello, Link, NoAnswerError, TransportClosedError
from mlforge_tasks.runners._port import BITS_A_BYTE

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.records import SelfTest
    from mlforge_tasks.runners import Expected, InferenceResult
    from mlforge_tasks.runners._bench import BenchBoard
    from mlforge_tasks.runners._frames import BadFrame, Log
    from mlforge_tasks.runners._port import Port, Transcript

TRANSCRIPT_FILE = "transcript.txt"
# Sends of one request before the line is looked at.
ATTEMPTS = 10
# How often a request is started anew after the line, the port or the board was mended.
ROUNDS = 4
# How often an image is flashed before its not coming up is told.
START_ATTEMPTS = 2
FRAME_BYTES = 64  # of a frame, beside its payload
HELLO_BYTES = 1024


@dataclass(frozen=True)
class Patience:
    """How long to wait for what.

    Attributes:
        lock_s: For another run that uses the board.
        port_s: For a port that is not there, or busy.
        boot_s: For an image that was just flashed, with its self-test: half a second, or five
            inferences.
        answer_s: For an answer, beside what line and model take.
        silence_s: For a sign of life from a board that does not answer; longer than the device's
            own watchdog of 60 s, which tells more.
    """

    lock_s: float = 3600.0
    port_s: float = 30.0
    boot_s: float = 120.0
    answer_s: float = 2.0
    silence_s: float = 75.0


class Line(Link):
    """A link to a board that may have been saying things before we came, and may be reset.

    Args:
        port: The line.
        expected: What the image must say about itself.
        patience: Time limits.
    """

    def __init__(self, port: Port, expected: Expected, patience: Patience) -> None:
        super().__init__(port, expected, timeout_s=patience.answer_s, attempts=ATTEMPTS)
        # Not 1: an answer to an earlier session's request must not be taken for one to ours.
        self._seq = secrets.randbelow(1 << 31)
        self._patience = patience
        self._baud = port.baud
        self._known = False
        self.resets = 0

    def identify(self, limit_s: float) -> Hello:
        """Asks what the image is until it answers.

        Raises:
            As `Link.hello`.
        """
        self._timeout_s = self._patience.answer_s + self._line_s(HELLO_BYTES)
        self._attempts = max(round(limit_s / self._timeout_s), 1)
        hello = self.hello()
        self._known = True
        return hello

    def ask(self, data: bytes, hello: Hello) -> InferenceResult:
        """Runs the model on one input.

        Raises:
            As `Link.infer`.
        """
        model_s = max(hello.self_test.ticks) / hello.self_test.tick_hz
        transfer_s = self._line_s(hello.input_bytes + hello.output_bytes)
        self._timeout_s = self._patience.answer_s + 2 * (model_s + transfer_s)
        self._attempts = ATTEMPTS
        return self.infer(data)

    def _line_s(self, payload_bytes: int) -> float:
        return (payload_bytes * 4 / 3 + 2 * FRAME_BYTES) * BITS_A_BYTE / self._baud

    def _next(self, deadline: float) -> Frame | BadFrame | Log | None:
        event = super()._next(deadline)
        if isinstance(event, Frame) and (event.seq, event.type) == (BOOT_SEQ, FrameType.ERROR):
            text = event.payload.decode(errors="replace")
            raise ToolError(f"the firmware does not start: {text}")
        return event

    def _hello(self, frame: Frame) -> Hello:
        if frame.seq == BOOT_SEQ:
            self.resets += 1
            if not self._known:  # whatever ran before may have sent it
                return Hello.parse(frame.payload)
        return super()._hello(frame)


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
    ) -> None:
        self._board = board
        self._on = on
        self._firmware = firmware
        self._port = port
        self._line = line
        self._patience = patience
        self._transcript = transcript
        self._cwd = cwd
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
    def transcript(self) -> str:
        """Every byte in both directions, and what was done to the board."""
        return self._transcript.text()

    def infer(self, data: bytes) -> InferenceResult:
        """See `runners.Session.infer`."""
        resets = self._line.resets
        restarted = False
        trouble: NoAnswerError | TransportClosedError | None = None
        for _ in range(ROUNDS):
            try:
                if trouble is not None:
                    restarted = self._mend(trouble, restarted=restarted)
                return self._line.ask(data, self._hello)
            except (NoAnswerError, TransportClosedError) as error:
                trouble = error
        raise self._given_up(trouble, self._line.resets - resets)

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
        self._script(on.pre_script, on.script_param.pre_script_s)
        if on.flash_before:
            self._port.close()
        else:
            self._port.open()  # before the image boots, so that none of its bytes are lost
        flash(self._board, on, self._firmware, cwd=self._cwd, note=self._transcript.note)
        self._script(on.post_flash_script, on.script_param.post_flash_s)

    def _meet(self) -> Hello:
        for _ in range(ROUNDS):
            try:
                self._port.open()
                self._port.drain()
                return self._line.identify(self._patience.boot_s)
            except TransportClosedError:  # a probe's port may come and go when it flashes
                self._port.close()
        raise ToolError(f"{self._port.url} of {self._name()} vanishes whenever it is opened")

    def _script(self, script: str | None, timeout_s: float) -> None:
        if script is not None:
            output = process.check([script], timeout_s=timeout_s, cwd=self._cwd)
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
