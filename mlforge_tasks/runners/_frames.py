"""Frames on the wire: `$<seq>,<type>,<base64 payload>*<crc32, 8 hex digits>` and a newline.

The CRC (zlib's) covers what is between `$` and `*`. A `$` always starts a new frame; everything
else is a log. The device's half is `zephyr_app/src/protocol.c`.
"""

from __future__ import annotations

import base64
import re
import zlib
from dataclasses import dataclass
from enum import StrEnum

# Longer than any frame: the payload of a large input is some ten KiB.
MAX_LINE_BYTES = 1 << 20

_FRAME_BYTES = 64  # of a frame, at most, beside its payload
_BODY = re.compile(rb"([0-9]{1,10}),([!-~]),([A-Za-z0-9+/]*={0,2})\*([0-9a-f]{8})\r?")


class FrameType(StrEnum):
    """The second field of a frame."""

    HELLO = "H"
    INFER = "I"
    BEGIN = "B"
    MARKED = "M"
    PLACED = "P"
    ROWS = "R"
    WANTED = "W"
    OUTPUT = "O"
    NAK = "N"
    ERROR = "E"
    FAULT = "F"


@dataclass(frozen=True)
class Frame:
    """One good frame.

    Attributes:
        seq: Number of the request that it is, or answers; 0 for what nobody asked for.
        type: One character, not always a `FrameType`.
        payload: Decoded.
    """

    seq: int
    type: str
    payload: bytes

    def encode(self) -> bytes:
        """The line, newline included."""
        body = f"{self.seq},{self.type},".encode() + base64.b64encode(self.payload)
        return b"$%s*%08x\n" % (body, zlib.crc32(body))


def placed(seq: int, payload: bytes) -> bytes:
    """The line, newline included, for a payload that was written where it belongs.

    Args:
        seq: The request's number.
        payload: What was written; the device reads it there for the checksum.
    """
    body = f"{seq},{FrameType.PLACED},".encode()
    return b"$%s*%08x\n" % (body, zlib.crc32(body + payload))


@dataclass(frozen=True)
class BadFrame:
    """A line that starts like a frame and is none."""

    line: bytes


@dataclass(frozen=True)
class Log:
    """A line, or the part of one before a frame, that is no frame."""

    text: str


def wire_bytes(payload_bytes: int, exchanges: int = 1) -> float:
    """What requests and their answers take on the wire, with so many bytes in all together."""
    return payload_bytes * 4 / 3 + exchanges * 2 * _FRAME_BYTES


def _parse(body: bytes) -> Frame | BadFrame:
    match = _BODY.fullmatch(body)
    if match is None or zlib.crc32(body[: match.start(4) - 1]) != int(match[4], 16):
        return BadFrame(body)
    try:
        payload = base64.b64decode(match[3], validate=True)
    except ValueError:
        return BadFrame(body)
    return Frame(int(match[1]), match[2].decode(), payload)


class FrameReader:
    """Cuts a byte stream into frames, bad frames and logs."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[Frame | BadFrame | Log]:
        """Takes bytes in and returns what they complete, in order."""
        *lines, rest = (bytes(self._pending) + data).split(b"\n")
        self._pending = bytearray(rest)
        events = [event for line in lines for event in self._line(line)]
        if len(self._pending) > MAX_LINE_BYTES:
            events.append(BadFrame(bytes(self._pending[:80])))
            self._pending.clear()
        return events

    @staticmethod
    def _line(line: bytes) -> list[Frame | BadFrame | Log]:
        before, mark, body = line.rpartition(b"$")
        text = (before if mark else body).decode(errors="replace").rstrip("\r")
        logs: list[Frame | BadFrame | Log] = [Log(text)] if text else []
        return [*logs, _parse(body)] if mark else logs
