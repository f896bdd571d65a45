"""A serial port as a byte transport: waited for, held alone, and with every byte on record."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import serial

from mlforge_tasks.errors import ToolError
from mlforge_tasks.runners._link import NoAnswerError, TransportClosedError

if TYPE_CHECKING:
    from pathlib import Path

# How long one read waits before it looks at the clock again.
POLL_S = 0.05
# A port that is silent for so long has sent all it had: longer than a USB frame or a latency timer
# (16 ms on FTDI's chips).
QUIET_S = 0.05
DRAIN_LIMIT_S = 2.0
WRITE_LIMIT_S = 5.0  # beside what the bytes take on the line
BITS_A_BYTE = 10  # start, eight, stop

_BUSY = (errno.EBUSY, errno.EAGAIN)
_DENIED = (errno.EACCES, errno.EPERM)

Opener = Callable[..., Any]


class Transcript:
    """Every byte in both directions, as text that loses nothing.

    A line is seconds, `<` (from the device), `>` (to the device) or `#` (a note), and the bytes as
    a Python string would have them. It is written as it comes, so it is there whatever happens.

    Args:
        file: Where to write it.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._lines: list[str] = []
        self._file = file.open("w") if file else None
        self._start = time.monotonic()

    def add(self, mark: str, data: bytes) -> None:
        """Adds a piece."""
        text = data.decode("latin-1").encode("unicode_escape").decode()
        line = f"{time.monotonic() - self._start:.6f} {mark} {text}\n"
        self._lines.append(line)
        if self._file:
            self._file.write(line)
            self._file.flush()

    def note(self, text: str) -> None:
        """Adds what happened beside the line."""
        self.add("#", text.encode(errors="replace"))

    def text(self) -> str:
        """All of it."""
        return "".join(self._lines)

    def close(self) -> None:
        """Ends the file."""
        if self._file:
            self._file.close()


class Port:
    """One port, which may come late, be busy, or vanish and come back.

    Args:
        url: A device's path, or a URL that pyserial opens.
        baud: Its speed.
        wait_s: How long to wait for it.
        transcript: Where its bytes go.
        open_: Opens it.
    """

    def __init__(
        self,
        url: str,
        *,
        baud: int,
        wait_s: float,
        transcript: Transcript,
        open_: Opener = serial.serial_for_url,
    ) -> None:
        self.url = url
        self.baud = baud
        self._wait_s = wait_s
        self._transcript = transcript
        self._open = open_
        self._serial: Any = None
        self._received = bytearray()

    @property
    def received(self) -> bytes:
        """Every byte that came."""
        return bytes(self._received)

    def open(self) -> None:
        """Opens the port, as soon as it is there and free; nothing where it is open.

        Raises:
            ToolError: It is not within the time limit; says why.
        """
        if self._serial is not None:
            return
        deadline = time.monotonic() + self._wait_s
        while True:
            try:
                self._serial = self._open(
                    self.url, baudrate=self.baud, timeout=POLL_S, exclusive=True
                )
            except (OSError, ValueError) as error:  # SerialException is an OSError
                if isinstance(error, ValueError) or time.monotonic() >= deadline:
                    raise self._refused(error) from error
                time.sleep(POLL_S)
            else:
                self._transcript.note(f"opened {self.url} at {self.baud} baud")
                return

    def close(self) -> None:
        """Closes the port."""
        port, self._serial = self._serial, None
        if port is not None:
            port.close()

    def reopen(self) -> None:
        """Opens the port anew.

        Raises:
            ToolError: As `open`.
        """
        self.close()
        self.open()

    def read(self, timeout_s: float) -> bytes:
        """See `_link.Transport`."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                data: bytes = self._serial.read(1)
                data += self._serial.read(self._serial.in_waiting)
            except OSError as error:
                raise self._gone(error) from error
            if data:
                self._transcript.add("<", data)
                self._received += data
                return data
            if time.monotonic() >= deadline:
                return b""

    def write(self, data: bytes) -> None:
        """See `_link.Transport`."""
        self._transcript.add(">", data)
        try:
            self._serial.write_timeout = WRITE_LIMIT_S + BITS_A_BYTE * len(data) / self.baud
            self._serial.write(data)
        except serial.SerialTimeoutException:
            raise NoAnswerError(f"{self.url} takes no bytes: its flow control is off") from None
        except OSError as error:
            raise self._gone(error) from error

    def drain(self) -> None:
        """Takes in what is still under way.

        Raises:
            TransportClosedError: The port vanished.
        """
        deadline = time.monotonic() + DRAIN_LIMIT_S
        while self.read(QUIET_S) and time.monotonic() < deadline:
            pass

    def _gone(self, error: OSError) -> TransportClosedError:
        self._transcript.note(f"{self.url} vanished: {error}")
        return TransportClosedError(str(error))

    def _refused(self, error: Exception) -> ToolError:
        waited = f"within {self._wait_s:g} s"
        number = getattr(error, "errno", None)
        if isinstance(error, ValueError):
            return ToolError(f"cannot open the port {self.url}: {error}")
        if number in _DENIED:
            return ToolError(
                f"no permission to open the port {self.url}",
                hint="`sudo usermod -aG dialout $USER`, then log in anew",
            )
        if number in _BUSY:
            return ToolError(
                f"the port {self.url} is busy and was not freed {waited}",
                hint=f"`fuser -v {self.url}` tells who has it: a terminal program, ModemManager, "
                "or another run",
            )
        return ToolError(
            f"the port {self.url} did not appear {waited}: {error}",
            hint="see whether the board is plugged in and `serial` in the hardware map is right; "
            "names below /dev/serial/by-id stay when a board is plugged in again",
        )
