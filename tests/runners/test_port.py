"""The serial port: late, busy, forbidden, vanished; and the record of all that passed."""

from __future__ import annotations

import errno
import os
import socket
import tty
from typing import TYPE_CHECKING, Any

import pytest
import serial

from mlforge_tasks.errors import ToolError
from mlforge_tasks.runners._link import TransportClosedError
from mlforge_tasks.runners._port import Port, Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT_S = 60.0


def port(url: str, wait_s: float = 0.0, **more: Any) -> Port:
    """A port with a transcript of its own."""
    return Port(url, baud=9600, wait_s=wait_s, transcript=Transcript(), **more)


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """A terminal: our end, and the name of the other."""
    ours, its = os.openpty()
    tty.setraw(its)
    yield ours, os.ttyname(its)
    os.close(its)
    os.close(ours)


@pytest.mark.parametrize("data", [b"", bytes(range(256)), b"\\n\n\\\r \\x00", "µ\u2028".encode()])
def test_the_transcript_loses_nothing(tmp_path: Path, data: bytes) -> None:
    """Any bytes come back from their line, and are in the file before it is closed."""
    transcript = Transcript(tmp_path / "t.txt")
    transcript.add("<", data)
    assert (tmp_path / "t.txt").read_text() == transcript.text()
    (line,) = transcript.text().splitlines()
    assert transcript.text().count("\n") == 1
    seconds, mark, text = line.split(" ", 2)
    assert text.encode().decode("unicode_escape").encode("latin-1") == data
    assert (mark, float(seconds) >= 0) == ("<", True)
    transcript.close()


def test_bytes_pass_in_both_directions(terminal: tuple[int, str]) -> None:
    """What is written arrives, what arrives is read and recorded."""
    ours, name = terminal
    transcript = Transcript()
    one = Port(name, baud=115_200, wait_s=0, transcript=transcript)
    one.open()
    one.write(b"ask\n")
    assert os.read(ours, 99) == b"ask\n"
    os.write(ours, b"answer\x00\xff")
    assert one.read(LIMIT_S) == one.received == b"answer\x00\xff"
    assert one.read(0) == b""
    one.close()
    assert [line.split(" ", 1)[1] for line in transcript.text().splitlines()] == [
        f"# opened {name} at 115200 baud",
        r"> ask\n",
        r"< answer\x00\xff",
    ]


def test_a_url_is_a_port() -> None:
    """Whatever pyserial opens will do, such as a serial server on the network."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = port(f"socket://127.0.0.1:{server.getsockname()[1]}", LIMIT_S)
        one.open()
        peer, _ = server.accept()
        with peer:
            one.write(b"ask")
            assert peer.recv(99) == b"ask"
            peer.sendall(b"answer")
            while one.received != b"answer":
                assert one.read(LIMIT_S)
        with pytest.raises(TransportClosedError):
            one.read(LIMIT_S)
        one.close()


def test_a_port_that_vanishes_is_noticed(terminal: tuple[int, str]) -> None:
    """A pulled cable is no silence."""
    ours, its = os.openpty()
    one = port(os.ttyname(its))
    one.open()
    os.close(its)
    os.close(ours)
    with pytest.raises(TransportClosedError):
        one.read(LIMIT_S)
    with pytest.raises(TransportClosedError):
        one.write(b"x")
    one.close()
    one.url = terminal[1]
    one.reopen()
    one.close()


def test_a_busy_port_is_told(terminal: tuple[int, str]) -> None:
    """Two programs on one port would take each other's bytes."""
    first, second = port(terminal[1]), port(terminal[1])
    first.open()
    with pytest.raises(ToolError, match=r"is busy and was not freed within 0 s\n.*fuser -v"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_a_missing_port_is_told(tmp_path: Path) -> None:
    """The error says which, how long was waited, and where to look."""
    with pytest.raises(ToolError, match=r"ttyX did not appear within 0.1 s: .*\n.*plugged in"):
        port(str(tmp_path / "ttyX"), wait_s=0.1).open()


class Opener:
    """Fails in the given ways, one after the other, then opens."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)

    def __call__(self, url: str, **settings: object) -> Any:
        if self.failures:
            raise self.failures.pop(0)
        return serial.serial_for_url(url, **settings)


def test_a_port_may_come_late_or_be_freed(terminal: tuple[int, str]) -> None:
    """Missing, then without its permissions yet, then busy, then there."""
    numbers = (errno.ENOENT, errno.EACCES, errno.EBUSY, errno.EAGAIN)
    opener = Opener(*(serial.SerialException(number, "x") for number in numbers))
    one = port(terminal[1], LIMIT_S, open_=opener)
    one.open()
    one.open()  # it is open: nothing happens
    assert not opener.failures
    one.close()


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (serial.SerialException(errno.EACCES, "x"), r"no permission to open .*\n.*dialout"),
        (serial.SerialException(errno.EBUSY, "x"), "is busy"),
        (serial.SerialException("no route"), "did not appear within 0 s: no route"),
        (ValueError("invalid URL"), "cannot open the port x: invalid URL"),
    ],
)
def test_each_refusal_has_its_message(failure: Exception, message: str) -> None:
    """Permission, another program, a network that is down, a URL that is none."""
    with pytest.raises(ToolError, match=message):
        port("x", open_=Opener(failure)).open()
