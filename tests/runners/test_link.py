"""Both halves of the serial protocol: the firmware's own code, natively built, and the host's."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.runners import Expected, InferenceResult
from mlforge_tasks.runners._frames import (
    BadFrame,
    Frame,
    FrameReader,
    FrameType,
    Log,
    placed,
)
from mlforge_tasks.runners._link import Link, NoAnswerError, TransportClosedError
from tests.helpers import native_app, tiny_model
from tests.helpers.native_app import answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HELLO_TEXT = (
    f"protocol=3\nmodel={tiny_model.MODEL_DIGEST}\nfirmware={tiny_model.FIRMWARE_ID}\n"
    "engine=tiny\ninput_bytes=3\noutput_bytes=1\narena_bytes=5\ntick_hz=3e8\n"
    "stack=4b/100 main\nstack=30/40 a b\n"
    "least_ticks=8\nticks=a*2\nticks=10000000b*1\n"
)


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application with the tiny model, built for this machine with sanitizers."""
    return native_app.build(tiny_model.write_model(tmp_path_factory.mktemp("app")))


class Peer:
    """A device in Python, as the protocol describes it, on a line that can be disturbed.

    Args:
        disturb: What the line makes of each message, in both directions.
        boot: What the device sends by itself.
    """

    def __init__(
        self, disturb: Callable[[bytes], bytes] = lambda data: data, boot: bytes | None = None
    ) -> None:
        hello = Frame(0, FrameType.HELLO, HELLO_TEXT.encode()).encode()
        self.pending = hello if boot is None else boot
        self.received: list[Frame] = []
        self.instead: list[bytes] = []  # sent in place of the next answers
        self._disturb = disturb
        self._reader = FrameReader()

    def read(self, timeout_s: float) -> bytes:
        """Gives all at once; a silent line runs into the time limit."""
        assert timeout_s >= 0
        data, self.pending = self.pending, b""
        return data

    def write(self, data: bytes) -> None:
        """Answers at once, so that the answers are there for the next read."""
        for event in self._reader.feed(self._disturb(data)):
            if isinstance(event, BadFrame):
                self._send(Frame(0, FrameType.NAK, b""))
            elif isinstance(event, Frame):
                self.received.append(event)
                if self.instead:
                    self.pending += self.instead.pop(0)
                else:
                    self._send(self._answer(event))

    def _answer(self, request: Frame) -> Frame:
        if request.type == FrameType.HELLO:
            return Frame(request.seq, FrameType.HELLO, HELLO_TEXT.encode())
        if request.type == FrameType.INFER and len(request.payload) == 3:
            payload = (77).to_bytes(8, "little") + tiny_model.add(request.payload)
            return Frame(request.seq, FrameType.OUTPUT, payload)
        return Frame(request.seq, FrameType.ERROR, b"no such thing")

    def _send(self, frame: Frame) -> None:
        self.pending += self._disturb(frame.encode())


def link(peer: Peer, *, attempts: int = 1, timeout_s: float = 0.0) -> Link:
    """A link that does not wait: the peer answers at once or never."""
    return Link(peer, tiny_model.EXPECTED, timeout_s=timeout_s, attempts=attempts)


# ---- The firmware's half ----


def test_boot_hello_holds_what_the_self_test_found(firmware: Path) -> None:
    """The firmware says hello by itself, and again, the same, when asked."""
    asked = Frame(7, FrameType.HELLO, b"").encode()
    done = subprocess.run([firmware], input=asked, capture_output=True, check=True, timeout=60)
    boot, again = FrameReader().feed(done.stdout)
    assert isinstance(boot, Frame)
    assert again == Frame(7, FrameType.HELLO, boot.payload)
    session = link(Peer(boot=done.stdout)).wait_for_boot()
    assert (session.engine, session.input_bytes, session.output_bytes) == ("tiny", 3, 1)
    found = session.self_test
    assert (found.tick_hz, found.stack_used_bytes, found.arena_bytes) == (1000, 123, 5)
    # This clock goes up by one a reading: an inference costs nothing but reading it.
    assert found.ticks == (0,) * 500
    assert [one.reserved_bytes for one in found.stacks] == [1000]


def test_a_layer_in_a_loop_takes_the_sum_of_its_turns() -> None:
    """A profile tells of it once for each turn, each with what it costs to tell."""
    told = "no_layer=0*2\nlayer=0*12\nlayer=1*5\nlayer=0*12\nlayer=1*1\n"
    boot = Frame(0, FrameType.HELLO, (HELLO_TEXT + told).encode()).encode()
    session = link(Peer(boot=boot)).wait_for_boot()
    assert [session.self_test.layer_ticks(layer) for layer in (0, 1)] == [32, 3]


@settings(max_examples=25)
@given(data=st.lists(st.tuples(st.integers(1, 2**32 - 1), st.binary(min_size=3, max_size=3))))
def test_firmware_answers_every_good_frame(firmware: Path, data: list[tuple[int, bytes]]) -> None:
    """Each request gets one answer with its number and the model's output."""
    wire = b"".join(Frame(seq, FrameType.INFER, sample).encode() for seq, sample in data)
    wanted = [Frame(seq, FrameType.OUTPUT, bytes(8) + tiny_model.add(x)) for seq, x in data]
    assert answers(firmware, wire) == wanted


@settings(max_examples=30)
@given(
    noise=st.lists(
        st.one_of(
            st.binary(max_size=80),
            st.text("$,*=I1Aaz09+/\n\r", max_size=80).map(str.encode),
        )
    ),
    sample=st.binary(min_size=3, max_size=3),
)
def test_firmware_is_there_after_any_noise(
    firmware: Path, noise: list[bytes], sample: bytes
) -> None:
    """No garbage crashes it, corrupts memory, or keeps it from answering the next good frame."""
    wire = b"".join(noise) + Frame(5, FrameType.INFER, sample).encode()
    *before, last = answers(firmware, wire)
    assert last == Frame(5, FrameType.OUTPUT, bytes(8) + tiny_model.add(sample))
    assert all(event == Frame(0, FrameType.NAK, b"") for event in before)


@settings(max_examples=30)
@given(position=st.integers(0), bit=st.integers(0, 7))
def test_firmware_never_runs_a_damaged_frame(firmware: Path, position: int, bit: int) -> None:
    """A flipped bit gets a NAK or silence, never an answer."""
    wire = bytearray(Frame(3, FrameType.INFER, b"\x10\x20\x30").encode())
    wire[position % (len(wire) - 1)] ^= 1 << bit
    assert set(answers(firmware, bytes(wire))) <= {Frame(0, FrameType.NAK, b"")}


@pytest.mark.parametrize(
    ("wire", "answer"),
    [
        (Frame(1, "I", b"\x01\x02"), Frame(1, "E", b"wrong input size")),
        (Frame(2, "I", b"\x01" * 4), Frame(2, "E", b"wrong input size")),
        (Frame(3, "I", b"\x01" * 5000), Frame(3, "E", b"wrong input size")),
        (Frame(4, "Q", b""), Frame(4, "E", b"unknown frame type")),
    ],
)
def test_firmware_refuses_what_it_does_not_know(firmware: Path, wire: Frame, answer: Frame) -> None:
    """Unknown types and wrong sizes are answered with an error, and nothing is overwritten."""
    assert answers(firmware, wire.encode()) == [answer]


def test_firmware_takes_the_input_that_lies_there(firmware: Path) -> None:
    """It is read for the checksum, which shows whether it is the one that was meant."""
    data = bytes(range(0, 21, 7))  # what the self-test left there
    wanted = Frame(8, FrameType.OUTPUT, bytes(8) + tiny_model.add(data))
    assert answers(firmware, placed(8, data)) == [wanted]
    sent = Frame(1, FrameType.INFER, b"\x05\x06\x07").encode()
    assert answers(firmware, sent + placed(8, data))[1:] == [Frame(0, FrameType.NAK, b"")]


def test_the_peer_behaves_like_the_firmware(firmware: Path) -> None:
    """The Python peer of the tests below stands for the real thing."""
    peer = Peer(boot=b"")
    wire = b"".join(
        [
            Frame(1, "I", b"\x7f\x01\x02").encode(),
            b"$1,I,fwEC*00000000\n",
            b"log\n$$$9,",
            Frame(2, "I", b"\xff\xfe\xfd").encode(),
        ]
    )
    peer.write(wire)

    def stripped(events: list[Frame | BadFrame | Log]) -> list[tuple[int, str, bytes]]:
        return [(e.seq, e.type, e.payload[8:]) for e in events if isinstance(e, Frame)]

    assert stripped(answers(firmware, wire)) == stripped(FrameReader().feed(peer.pending))


# ---- The host's half ----


def test_host_reads_the_hello() -> None:
    """All figures of the hello arrive, wider than 32 bits where needed."""
    hello = link(Peer()).wait_for_boot()
    assert hello.self_test.ticks == (8, 10, 0x10000000B)
    stacks = [(one.name, one.used_bytes, one.reserved_bytes) for one in hello.self_test.stacks]
    assert stacks == [("main", 75, 256), ("a b", 48, 64)]
    assert hello.self_test.model_digest == tiny_model.MODEL_DIGEST
    assert link(Peer(boot=b"")).hello() == hello


def test_host_keeps_logs_and_raw_bytes() -> None:
    """Log lines come apart from frames, and every byte is kept as evidence."""
    hello = Frame(0, FrameType.HELLO, HELLO_TEXT.encode()).encode()
    boot = b"*** booting\n" + hello
    device = link(Peer(boot=boot))
    device.wait_for_boot()
    assert device.logs == ("*** booting",)
    assert device.console == boot


def _disturbance(seed: int, rate: float) -> Callable[[bytes], bytes]:
    source = random.Random(seed)  # noqa: S311 - noise, not secrets

    def disturb(data: bytes) -> bytes:
        if source.random() >= rate:
            return data
        at = source.randrange(len(data))
        kind = source.randrange(4)
        if kind == 0:
            return data[:at] + bytes([data[at] ^ 1 << source.randrange(8)]) + data[at + 1 :]
        if kind == 1:
            return data[:at] + data[at + 1 + source.randrange(4) :]
        if kind == 2:
            return source.randbytes(9) + data
        return b"" if at % 2 else data + data

    return disturb


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), rate=st.sampled_from([0.01, 0.1, 0.4]))
def test_on_a_bad_line_every_answer_is_right_or_reported(seed: int, rate: float) -> None:
    """Flipped, lost, doubled and foreign bytes: no answer is ever wrong."""
    device = link(Peer(_disturbance(seed, rate)), attempts=6)
    source = random.Random(seed)  # noqa: S311 - noise, not secrets
    lost = 0
    for _ in range(20):
        sample = source.randbytes(3)
        try:
            result = device.infer(sample)
        except NoAnswerError:
            lost += 1
        else:
            assert result == InferenceResult(output=tiny_model.add(sample), ticks=77)
    assert lost == 0 or rate > 0.01


def test_a_nak_makes_the_host_send_again() -> None:
    """One damaged request costs one more attempt, nothing else."""
    peer = Peer(boot=b"")
    peer.instead = [Frame(0, FrameType.NAK, b"").encode()]
    assert link(peer, attempts=2).infer(b"\x01\x02\x03").output == b"\x06"
    assert [frame.seq for frame in peer.received] == [1, 1]


def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    """Answers to requests long given up are dropped by their number."""
    stale = Frame(1, FrameType.OUTPUT, bytes(8) + b"\x63").encode()
    peer = Peer(boot=b"")
    device = link(peer)
    device.infer(b"\x00\x00\x01")
    peer.pending = stale
    assert device.infer(b"\x00\x00\x02").output == b"\x02"


def test_a_reset_in_the_middle_is_survived() -> None:
    """A device that says hello in the middle has forgotten the request: it is sent again."""
    hello = Frame(0, FrameType.HELLO, HELLO_TEXT.encode()).encode()
    peer = Peer(boot=b"")
    peer.instead = [hello, hello]
    assert link(peer, attempts=3).infer(b"\x01\x01\x01").output == b"\x03"
    assert len(peer.received) == 3


def test_another_image_after_a_reset_is_noticed() -> None:
    """A board that comes back with another image is not measured on."""
    other = HELLO_TEXT.replace(tiny_model.FIRMWARE_ID, "00")
    peer = Peer(boot=b"")
    peer.instead = [Frame(0, FrameType.HELLO, other.encode()).encode()]
    with pytest.raises(ToolError, match="another firmware"):
        link(peer, attempts=3).infer(b"\x01\x01\x01")


def test_silence_is_reported() -> None:
    """A device that never answers is an error that says how long was waited."""
    with pytest.raises(NoAnswerError, match="3 attempts of 0 s"):
        link(Peer(lambda _: b"", boot=b""), attempts=3).infer(b"\x01\x01\x01")
    with pytest.raises(NoAnswerError, match="not ready after 0 s"):
        link(Peer(boot=b"*** booting\n")).wait_for_boot()


class _Placed(Peer):
    """One whose input is written to its memory, so that what is sent has no payload."""

    def write(self, data: bytes) -> None:
        assert len(data) < len("$4294967295,P,*00000000\n")
        self.pending += self.instead.pop(0)


class _Memory:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[tuple[int, bytes]] = []

    def write(self, address: int, data: bytes) -> None:
        self.written.append((address, data))


def test_an_input_is_placed_where_the_device_has_it() -> None:
    """The line carries the request alone; a device with another input there is a broken tool."""
    memory = _Memory()
    hello = (HELLO_TEXT + "input_at=20000010\n").encode()
    peer = _Placed(boot=Frame(0, FrameType.HELLO, hello).encode())
    device = Link(peer, tiny_model.EXPECTED, timeout_s=0, attempts=1, memory=memory)
    device.wait_for_boot()
    peer.instead = [Frame(1, FrameType.OUTPUT, bytes(8) + b"\x06").encode()]
    peer.instead += [Frame(0, FrameType.NAK, b"").encode()]
    assert device.infer(b"\x01\x02\x03").output == b"\x06"
    assert memory.written == [(0x20000010, b"\x01\x02\x03")]
    with pytest.raises(ToolError, match="another input than was written"):
        device.infer(b"\x01\x02\x03")
    assert device.inputs.way == "memory"


def test_a_refused_request_is_reported() -> None:
    """The device's own words reach the user."""
    with pytest.raises(ToolError, match="refuses the request: no such thing"):
        link(Peer(boot=b"")).infer(b"\x01")


@pytest.mark.parametrize(
    ("expected", "what"),
    [
        (Expected("00", tiny_model.MODEL_DIGEST), "another firmware"),
        (Expected(tiny_model.FIRMWARE_ID, "00"), "another model"),
    ],
)
def test_the_wrong_image_is_never_measured(expected: Expected, what: str) -> None:
    """Firmware id and model digest must be the expected ones."""
    with pytest.raises(ToolError, match=what):
        Link(Peer(), expected, timeout_s=0, attempts=1).wait_for_boot()


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("protocol=3", "protocol=2", "protocol 2, not 3"),
        ("tick_hz=3e8\n", "", "not complete: 'tick_hz'"),
        ("arena_bytes=5", "arena_bytes=many", "not complete: invalid literal"),
    ],
)
def test_an_odd_hello_is_explained(old: str, new: str, what: str) -> None:
    """A hello of another version or with a field missing is a clear error."""
    boot = Frame(0, FrameType.HELLO, HELLO_TEXT.replace(old, new).encode()).encode()
    with pytest.raises(ToolError, match=what):
        link(Peer(boot=boot)).wait_for_boot()


def test_a_model_that_does_not_start_is_reported() -> None:
    """An error frame at boot ends the wait with the device's words."""
    boot = Frame(0, FrameType.ERROR, b"model_init returned 1").encode()
    with pytest.raises(ToolError, match="does not start: model_init returned 1"):
        link(Peer(boot=boot)).wait_for_boot()


def test_a_fault_is_decoded() -> None:
    """The registers become a sentence with the cause, the address and where it happened."""
    registers = "exception=5\npc=1a2\nlr=1b3\ncfsr=8200\nhfsr=0\nmmfar=0\nbfar=60000000\n"
    boot = Frame(0, FrameType.FAULT, registers.encode()).encode()
    with pytest.raises(CandidateFailure) as caught:
        link(Peer(boot=boot)).wait_for_boot()
    assert caught.value.reason.code == "fault"
    assert caught.value.reason.message == (
        "bus fault: precise data bus error (PRECISERR) at address 0x60000000; "
        "pc 0x000001a2, lr 0x000001b3; CFSR 0x00008200, HFSR 0x00000000"
    )


def test_the_watchdog_is_a_hang() -> None:
    """What the device's own watchdog ends is a hang, with the place."""
    boot = Frame(0, FrameType.FAULT, b"exception=e\npc=1a2\nlr=0\n").encode()
    with pytest.raises(CandidateFailure, match="pc 0x000001a2") as caught:
        link(Peer(boot=boot)).wait_for_boot()
    assert caught.value.reason.code == "hang"


class FirmwareProcess:
    """The native firmware as a transport, running in the block."""

    def __init__(self, firmware: Path) -> None:
        self.running = process.start([str(firmware)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        process.stop(self.running)
        for pipe in (self.running.stdin, self.running.stdout):
            assert pipe is not None
            pipe.close()

    def read(self, timeout_s: float) -> bytes:
        assert self.running.stdout is not None
        assert timeout_s >= 0
        line = self.running.stdout.readline()
        if not line:
            raise TransportClosedError
        return line

    def write(self, data: bytes) -> None:
        assert self.running.stdin is not None
        self.running.stdin.write(data)
        self.running.stdin.flush()


@pytest.fixture
def transport(firmware: Path) -> Iterator[FirmwareProcess]:
    """The native firmware, running."""
    with FirmwareProcess(firmware) as transport:
        yield transport


def test_host_and_firmware_together(transport: FirmwareProcess) -> None:
    """The two halves agree: boot, a hundred inferences, hello."""
    device = Link(transport, tiny_model.EXPECTED, timeout_s=30, attempts=1)
    boot = device.wait_for_boot()
    for value in range(100):
        sample = bytes([value, 2 * value, 100])
        assert device.infer(sample).output == tiny_model.add(sample)
    assert device.hello() == boot
