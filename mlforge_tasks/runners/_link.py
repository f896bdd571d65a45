"""The host's side of the serial protocol, over any byte transport.

One request is outstanding at a time. A request that is answered by a NAK, by a broken frame or not
at all is sent again; requests are idempotent and answers carry their number, so a late or double
answer is recognised and dropped.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mlforge_tasks.errors import ToolError
from mlforge_tasks.records import SelfTest, StackUse
from mlforge_tasks.runners import InferenceResult
from mlforge_tasks.runners._fault import failure
from mlforge_tasks.runners._frames import BadFrame, Frame, FrameReader, FrameType, Log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mlforge_tasks.runners import Expected

PROTOCOL_VERSION = 2
TICKS_BYTES = 8
BOOT_SEQ = 0


class TransportClosedError(Exception):
    """The other end is gone: the emulator ended, the cable was pulled."""


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


@dataclass(frozen=True)
class Hello:
    """What the device says about itself.

    Attributes:
        self_test: Its own measurements, with the ids of firmware and model.
        engine: The engine the model was made with.
        input_bytes: Size of the model's input.
        output_bytes: Size of the model's output.
    """

    self_test: SelfTest
    engine: str
    input_bytes: int
    output_bytes: int

    @classmethod
    def parse(cls, payload: bytes) -> Hello:
        """Reads a hello frame's payload: `name=value` lines, numbers in hex.

        `stack=used/size name` comes once a thread, `ticks=value*times` once a value,
        ascending, and `layer=index*ticks` once a layer in a profile image.

        Raises:
            ToolError: It is of another protocol version, or not complete.
        """
        pairs = [line.partition("=") for line in payload.decode(errors="replace").splitlines()]
        fields = {name: value for name, _, value in pairs}
        try:
            stacks = tuple(_stack(value) for name, _, value in pairs if name == "stack")
            version = int(fields["protocol"], 16)
            if version != PROTOCOL_VERSION:
                raise ToolError(f"the device speaks protocol {version}, not {PROTOCOL_VERSION}")
            return cls(
                self_test=SelfTest(
                    ticks=_ticks(fields, [value for name, _, value in pairs if name == "ticks"]),
                    tick_hz=int(fields["tick_hz"], 16),
                    stacks=stacks,
                    arena_bytes=int(fields["arena_bytes"], 16),
                    model_digest=fields["model"],
                    firmware_id=fields["firmware"],
                    laps=_laps(fields, [value for name, _, value in pairs if name == "layer"]),
                ),
                engine=fields["engine"],
                input_bytes=int(fields["input_bytes"], 16),
                output_bytes=int(fields["output_bytes"], 16),
            )
        except (KeyError, ValueError) as error:
            raise ToolError(f"the device's hello is not complete: {error}") from error


def _ticks(fields: Mapping[str, str], values: Iterable[str]) -> tuple[int, ...]:
    """Every inference's ticks; the least one is told apart, for it may be lost among others."""
    ticks: list[int] = []
    for value in values:
        each, _, times = value.partition("*")
        ticks += [int(each, 16)] * int(times, 16)
    if not ticks:
        raise ValueError("no ticks")
    return (int(fields["least_ticks"], 16), *ticks[1:])


def _laps(fields: Mapping[str, str], values: Iterable[str]) -> tuple[tuple[int, int], ...]:
    """Every layer's ticks, once for each turn, without what it takes to measure nothing."""
    empty = int(fields.get("no_layer", "0*0").partition("*")[2], 16)
    pairs = (value.partition("*") for value in values)
    return tuple((int(index, 16), max(int(ticks, 16) - empty, 0)) for index, _, ticks in pairs)


def _stack(value: str) -> StackUse:
    sizes, _, name = value.partition(" ")
    used, _, reserved = sizes.partition("/")
    return StackUse(name=name, used_bytes=int(used, 16), reserved_bytes=int(reserved, 16))


class Link:
    """Talks to one device.

    Args:
        transport: The byte stream.
        expected: What the device must say about itself whenever it says hello.
        timeout_s: How long to wait for an answer before the request is sent again.
        attempts: How often to send a request.
        clock: Seconds, in which limits are counted.
    """

    def __init__(
        self,
        transport: Transport,
        expected: Expected,
        *,
        timeout_s: float,
        attempts: int,
        clock: Callable[[], float] = time.monotonic,
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

    @property
    def console(self) -> bytes:
        """Every byte that came."""
        return bytes(self._console)

    @property
    def logs(self) -> tuple[str, ...]:
        """Every line that was no frame."""
        return tuple(self._logs)

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
        return self._hello(self._request(FrameType.HELLO, b"", FrameType.HELLO))

    def infer(self, data: bytes) -> InferenceResult:
        """Runs the model on one input.

        Raises:
            NoAnswerError: No good answer came to any attempt.
            ToolError: The device refuses the request, or turned into another image.
            CandidateFailure: It faults or hangs.
            TransportClosedError: It goes away.
        """
        payload = self._request(FrameType.INFER, data, FrameType.OUTPUT).payload
        ticks = int.from_bytes(payload[:TICKS_BYTES], "little")
        return InferenceResult(output=payload[TICKS_BYTES:], ticks=ticks)

    def _request(self, kind: FrameType, payload: bytes, wanted: FrameType) -> Frame:
        self._seq += 1
        request = Frame(self._seq, kind, payload).encode()
        for _ in range(self._attempts):
            self._transport.write(request)
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
            if event.seq == self._seq:
                return event
            if event.type == FrameType.NAK:
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
        return hello


def _text(frame: Frame) -> str:
    return frame.payload.decode(errors="replace")
