"""The line to a board: the framed protocol where bytes get lost and the board may be reset."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mlforge_tasks.errors import ToolError
from mlforge_tasks.runners._frames import Frame, FrameType, wire_bytes
from mlforge_tasks.runners._hello import Hello
from mlforge_tasks.runners._link import BOOT_SEQ, Link, Transport
from mlforge_tasks.runners._port import BITS_A_BYTE

if TYPE_CHECKING:
    from mlforge_tasks.runners import Expected, InferenceResult
    from mlforge_tasks.runners._frames import BadFrame, Log
    from mlforge_tasks.runners._hello import Marked

# Sends of one request before the line is looked at.
ATTEMPTS = 10
HELLO_BYTES = 1024
# What a device takes for a meter (`MARKED_WINDOWS…` in app.c), each with a pause as long.
MARKED_WINDOWS = 12
MARKED_WINDOW_S = 0.1


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


class Wire(Transport, Protocol):
    """A byte stream of some speed."""

    @property
    def baud(self) -> int:
        """Ten of these bits carry a byte."""


class Line(Link):
    """A link to a board that may have been saying things before we came, and may be reset.

    Args:
        port: The line's bytes.
        expected: What the image must say about itself.
        patience: Time limits.
    """

    def __init__(self, port: Wire, expected: Expected, patience: Patience) -> None:
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
        expected_s = self.seconds_for(hello.input_bytes + hello.output_bytes, hello)
        self._timeout_s = self._patience.answer_s + 2 * expected_s
        self._attempts = ATTEMPTS
        return self.infer(data)

    def ask_for_windows(self, hello: Hello) -> Marked:
        """Has it make windows of inferences for a meter.

        Raises:
            As `Link.mark`.
        """
        test = hello.self_test
        window_s = MARKED_WINDOW_S + max(test.ticks) / test.tick_hz
        self._timeout_s = self._patience.answer_s + 2 * 2 * MARKED_WINDOWS * window_s
        self._attempts = ATTEMPTS
        return self.mark()

    def seconds_for(self, data_bytes: int, hello: Hello) -> float:
        """See `runners.Session.seconds_for`."""
        test = hello.self_test
        return max(test.ticks) / test.tick_hz + self._line_s(data_bytes, 1 + hello.pieces)

    def _line_s(self, payload_bytes: int, exchanges: int = 1) -> float:
        return wire_bytes(payload_bytes, exchanges) * BITS_A_BYTE / self._baud

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
