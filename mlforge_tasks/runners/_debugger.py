"""Writes into an emulator's memory as a debugger does: by GDB's remote serial protocol.

The emulator stands still while its memory is written, and goes on afterwards where it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.runners._link import TransportClosedError, TransportStillError

if TYPE_CHECKING:
    import socket

_STOP = b"\x03"
_DONE = b"OK"
# What the protocol has of a program that ended, by itself or by a signal.
_ENDED = (b"W", b"X")
# Two digits a byte, in a packet that QEMU has room for (4,096 bytes).
PIECE_BYTES = 1536
_READ_BYTES = 1 << 12
_CHECKSUM_DIGITS = 2


class Debugger:
    """The debugger's end of a line to an emulator that runs.

    Args:
        line: The line.
        silence_s: How long it may be silent.
    """

    def __init__(self, line: socket.socket, silence_s: float) -> None:
        self._line = line
        self._line.settimeout(silence_s)
        self._pending = b""

    def write(self, address: int, data: bytes) -> None:
        """Writes bytes at an address, as the core that runs sees it.

        Raises:
            TransportClosedError: The emulator is gone.
            TransportStillError: It says nothing for too long.
            ToolError: It does not do it.
        """
        try:
            self._line.sendall(_STOP)
            self._answer()
            for start in range(0, len(data), PIECE_BYTES):
                self._write(address + start, data[start : start + PIECE_BYTES])
            self._send(b"c")
        except TimeoutError:
            raise TransportStillError from None
        except OSError:
            raise TransportClosedError from None

    def _write(self, address: int, piece: bytes) -> None:
        self._send(b"M%x,%x:%s" % (address, len(piece), piece.hex().encode()))
        answer = self._answer()
        if answer != _DONE:
            raise ToolError(
                f"the emulator did not let {len(piece)} bytes be written at {address:#x}: "
                f"{answer.decode(errors='replace')!r}"
            )

    def _send(self, body: bytes) -> None:
        self._line.sendall(b"$%s#%02x" % (body, sum(body) & 0xFF))

    def _answer(self) -> bytes:
        """The next packet, which is acknowledged.

        Raises:
            TransportClosedError: The emulator is gone, or says that it goes.
        """
        body, mark, checksum = self._pending.partition(b"$")[2].partition(b"#")
        while not mark or len(checksum) < _CHECKSUM_DIGITS:
            data = self._line.recv(_READ_BYTES)
            if not data:
                raise TransportClosedError
            self._pending += data
            body, mark, checksum = self._pending.partition(b"$")[2].partition(b"#")
        self._pending = checksum[_CHECKSUM_DIGITS:]
        self._line.sendall(b"+")
        if body[:1] in _ENDED:  # a killed emulator takes its leave
            raise TransportClosedError
        return body
