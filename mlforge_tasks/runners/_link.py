"""The host's side of the serial protocol, over any byte transport.

One request is outstanding at a time. A request that is answered by a NAK, by a broken frame or not
at all is sent again; requests are idempotent and answers carry their number, so a late or double
answer is recognised and dropped.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from mlforge_tasks.errors import ToolError
from mlforge_tasks.runners import InferenceResult
from mlforge_tasks.runners._fault import failure
from mlforge_tasks.runners._frames import BadFrame, Frame, FrameReader, FrameType, Log
from mlforge_tasks.runners._hello import Hello, Marked
from mlforge_tasks.runners._inputs import Inputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlforge_tasks.runners import Expected
    from mlforge_tasks.runners._inputs import Memory

TICKS_BYTES = 8
BOOT_SEQ = 0


class TransportClosedError(Exception):
    """The other end is gone: the emulator ended, the cable was pulled."""


class TransportStillError(Exception):
    """The other end has said nothing for so long that it cannot be at work."""


class NoAnswerError(ToolError):
    """The device did not answer a request in time, however often it was sent."""


class Transport(Protocol):
    """A byte stream to a device."""

    def read(self, timeout_s: float) -> bytes:
        """What has come, as soon as there is any; empty if nothing comes in time, or for a while.

        Raises:
            TransportClosedError: Nothing will ever come again.
        """

    def write(self, data: bytes) -> None:
        """Sends bytes.

        Raises:
            TransportClosedError: Nobody will ever read them.
        """


class Link:
    """Talks to one device.

    Args:
        transport: The byte stream.
        expected: What the device must say about itself whenever it says hello.
        timeout_s: How long to wait for an answer before the request is sent again.
        attempts: How often to send a request.
        clock: Seconds, in which limits are counted.
        memory: The device's, if inputs are to be written there.
    """

    def __init__(
        self,
        transport: Transport,
        expected: Expected,
        *,
        timeout_s: float,
        attempts: int,
        clock: Callable[[], float] = time.monotonic,
        memory: Memory | None = None,
    ) -> None:
        self._transport = transport
        self._expected = expected
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._clock = clock
        self._reader = FrameReader()
        self._events: list[Frame | BadFrame | Log] = []
        self._console = bytearray()
        self._logs: list[str] = []
        self._seq = BOOT_SEQ
        self._inputs = Inputs(memory)

    @property
    def console(self) -> bytes:
        """Every byte that came."""
        return bytes(self._console)

    @property
    def logs(self) -> tuple[str, ...]:
        """Every line that was no frame."""
        return tuple(self._logs)

    @property
    def inputs(self) -> Inputs:
        """How inputs come to the device."""
        return self._inputs

    def wait_for_boot(self) -> Hello:
        """Waits, without sending anything, until the device says that it is ready.

        Raises:
            NoAnswerError: It does not within the time limit.
            ToolError: It is another image, or the model refuses to start.
            CandidateFailure: It faults or hangs.
            TransportClosedError: It goes away.
        """
        deadline = self._clock() + self._timeout_s
        while (event := self._next(deadline)) is not None:
            if isinstance(event, Frame) and event.type == FrameType.HELLO:
                return self._hello(event)
            if isinstance(event, Frame) and event.type == FrameType.ERROR:
                raise ToolError(f"the firmware does not start: {_text(event)}")
        raise NoAnswerError(f"the device was not ready after {self._timeout_s:g} s")

    def hello(self) -> Hello:
        """Asks the device what it is.

        Raises:
            As `infer`.
        """
        self._seq += 1
        asked = Frame(self._seq, FrameType.HELLO, b"").encode()
        return self._hello(self._request(lambda: asked, FrameType.HELLO))

    def begin(self) -> None:
        """Has the next input begin a stream, of a model that keeps a state.

        Raises:
            As `infer`.
        """
        self._seq += 1
        asked = Frame(self._seq, FrameType.BEGIN, b"").encode()
        self._request(lambda: asked, FrameType.BEGIN)

    def mark(self) -> Marked:
        """Has the device make windows of inferences for a meter.

        Raises:
            As `infer`.
        """
        self._seq += 1
        asked = Frame(self._seq, FrameType.MARKED, b"").encode()
        return Marked.parse(self._request(lambda: asked, FrameType.MARKED).payload)

    def infer(self, data: bytes) -> InferenceResult:
        """Runs the model on one input.

        Raises:
            NoAnswerError: No good answer came to any attempt.
            ToolError: The device refuses the request, or turned into another image.
            CandidateFailure: It faults or hangs.
            TransportClosedError: It goes away.
        """
        self._seq += 1
        payload = self._request(
            lambda: self._inputs.request(self._seq, data), FrameType.OUTPUT
        ).payload
        ticks = int.from_bytes(payload[:TICKS_BYTES], "little")
        return InferenceResult(output=payload[TICKS_BYTES:], ticks=ticks)

    def _request(self, request: Callable[[], bytes], wanted: FrameType) -> Frame:
        for _ in range(self._attempts):
            self._transport.write(request())
            answer = self._answer()
            if answer is not None and answer.type == FrameType.ERROR:
                raise ToolError(f"the device refuses the request: {_text(answer)}")
            if answer is not None and answer.type == wanted:
                return answer
        tries = f"{self._attempts} attempts of {self._timeout_s:g} s"
        raise NoAnswerError(f"no good answer from the device in {tries}")

    def _answer(self) -> Frame | None:
        """The frame with the current number, or None if the request must be sent again."""
        deadline = self._clock() + self._timeout_s
        while (event := self._next(deadline)) is not None:
            if isinstance(event, BadFrame):
                return None
            if isinstance(event, Log):
                continue
            if (event.seq, event.type) == (self._seq, FrameType.WANTED):
                piece = self._inputs.piece(event.payload)
                if piece is None:
                    return None
                self._transport.write(piece)
                deadline = self._clock() + self._timeout_s
                continue
            if event.seq == self._seq:
                return event
            if event.type == FrameType.NAK:
                if self._inputs.way == "memory":  # no line loses anything here
                    raise self._inputs.other_input()
                return None
            if event.seq == BOOT_SEQ and event.type == FrameType.HELLO:
                self._hello(event)  # it was reset and has forgotten the request
                return None
        return None

    def _next(self, deadline: float) -> Frame | BadFrame | Log | None:
        """The next event, or None at the deadline. A fault never comes back from here."""
        while not self._events:
            left_s = deadline - self._clock()
            data = self._transport.read(max(left_s, 0.0))
            if not data and left_s <= 0:
                return None
            self._console += data
            self._events += self._reader.feed(data)
        event = self._events.pop(0)
        if isinstance(event, Log):
            self._logs.append(event.text)
        elif isinstance(event, Frame) and event.type == FrameType.FAULT:
            raise failure(event.payload)
        return event

    def _hello(self, frame: Frame) -> Hello:
        hello = Hello.parse(frame.payload)
        found = hello.self_test
        if found.firmware_id != self._expected.firmware_id:
            ids = f"'{found.firmware_id}', expected '{self._expected.firmware_id}'"
            raise ToolError(f"the device runs another firmware: {ids}")
        if found.model_digest != self._expected.model_digest:
            ids = f"'{found.model_digest}', expected '{self._expected.model_digest}'"
            raise ToolError(f"the device runs another model: {ids}")
        self._inputs.meet(hello)
        return hello


def _text(frame: Frame) -> str:
    return frame.payload.decode(errors="replace")
