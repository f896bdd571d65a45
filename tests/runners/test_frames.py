"""Frames: what is sent comes back, and no damage is ever taken for a frame."""

from __future__ import annotations

import itertools
import zlib

from hypothesis import given
from hypothesis import strategies as st

from mlforge_tasks.runners._frames import MAX_LINE_BYTES, BadFrame, Frame, FrameReader, Log, placed

frames = st.builds(
    Frame,
    seq=st.integers(0, 2**32 - 1),
    type=st.sampled_from("HIONEFz#"),
    payload=st.binary(max_size=40),
)


def test_a_frame_on_the_wire() -> None:
    """The wire format is fixed: mark, number, type, base64, CRC-32 as zlib makes it."""
    assert Frame(12, "I", b"\x00\x01\xff").encode() == b"$12,I,AAH/*fd517e8d\n"


@given(frames, st.integers(1, 20))
def test_frame_comes_back_in_pieces_of_any_size(frame: Frame, size: int) -> None:
    """A reader puts frames together from whatever pieces arrive."""
    reader = FrameReader()
    wire = frame.encode()
    pieces = (wire[i : i + size] for i in range(0, len(wire), size))
    assert [event for piece in pieces for event in reader.feed(piece)] == [frame]


@given(frames, st.integers(0), st.integers(0, 7))
def test_a_flipped_bit_is_never_a_frame(frame: Frame, position: int, bit: int) -> None:
    """Whichever bit flips, the reader does not report a wrong frame."""
    wire = bytearray(frame.encode())
    wire[position % len(wire)] ^= 1 << bit
    events = FrameReader().feed(bytes(wire) + b"\n")
    assert all(not isinstance(event, Frame) or event == frame for event in events)


@given(frames, st.integers(0), st.integers(1, 5))
def test_lost_bytes_are_never_a_frame(frame: Frame, position: int, count: int) -> None:
    """A frame with a hole in it is bad, or not seen at all."""
    wire = frame.encode()
    start = position % len(wire)
    damaged = wire[:start] + wire[start + count :]
    events = FrameReader().feed(damaged + b"\n")
    assert all(not isinstance(event, Frame) or event == frame for event in events)


@given(st.binary(max_size=60).filter(lambda noise: b"\n" not in noise), frames)
def test_a_start_mark_always_resynchronises(noise: bytes, frame: Frame) -> None:
    """Whatever came before it on the line, a good frame is found."""
    assert FrameReader().feed(noise + frame.encode())[-1] == frame


@given(st.lists(st.one_of(frames, st.sampled_from([b"boot\n", b"\r\n", b"$1,H,*\n"]))))
def test_logs_and_frames_keep_their_order(items: list[Frame | bytes]) -> None:
    """Lines that are no frames are logs, at their place; a broken frame is one event."""
    wire = b"".join(item if isinstance(item, bytes) else item.encode() for item in items)
    meaning = {b"boot\n": Log("boot"), b"$1,H,*\n": BadFrame(b"1,H,*")}
    wanted = [
        meaning[item] if isinstance(item, bytes) else item for item in items if item != b"\r\n"
    ]
    assert FrameReader().feed(wire) == wanted


def test_what_was_placed_is_in_the_checksum() -> None:
    """It does not come over the line, but a device that has another one notices."""
    assert placed(7, b"123456789") == b"$7,P,*%08x\n" % zlib.crc32(b"7,P,123456789")


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    """A device that sends an endless line is dropped into a bad frame, and heard again after."""
    reader = FrameReader()
    chunk = b"x" * (MAX_LINE_BYTES // 4)
    events = list(itertools.chain.from_iterable(reader.feed(chunk) for _ in range(5)))
    assert [type(event) for event in events] == [BadFrame]
    assert reader.feed(b"\n" + Frame(1, "H", b"").encode())[-1] == Frame(1, "H", b"")
