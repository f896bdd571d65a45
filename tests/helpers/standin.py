"""A board for tests: QEMU behind a pseudo-terminal that can be pulled, with a bad line between.

The runner sees a port (a symbolic link that stays, like those below /dev/serial/by-id) and a flash
command. The flash command, this very file run as a program, asks the stand-in over a socket to
start QEMU with an image. One thread carries lines between the port and QEMU's UART.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import socket
import subprocess
import sys
import threading
import tty
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlforge_tasks.contract.board import Board

PROBE = "000683759358"
QEMU_START_S = 60.0
_CHUNK = 1 << 16


class Noise:
    """Damages some of the lines that pass: one direction of a bad line.

    Args:
        seed: What decides which.
        rate: The share of lines that are damaged.
    """

    KINDS = ("drop", "flip", "truncate", "garbage", "late")

    def __init__(self, seed: int, rate: float) -> None:
        self._random = random.Random(seed)  # noqa: S311 - noise, not secrets
        self._rate = rate
        self._late = b""
        self.done: Counter[str] = Counter()

    def __call__(self, line: bytes) -> bytes:
        """What arrives instead of a line."""
        late, self._late = self._late, b""
        if self._random.random() >= self._rate:
            return line + late
        kind = self.KINDS[self.done.total() % len(self.KINDS)]
        self.done[kind] += 1
        return self._damaged(kind, line) + late

    def _damaged(self, kind: str, line: bytes) -> bytes:
        at = self._random.randrange(len(line))
        if kind == "drop":
            return b""
        if kind == "flip":
            return line[:at] + bytes([line[at] ^ 1 << self._random.randrange(8)]) + line[at + 1 :]
        if kind == "truncate":
            return line[:at]
        if kind == "garbage":
            return self._random.randbytes(at + 1) + line
        self._late = line  # comes behind the next one
        return b""


def _clean(line: bytes) -> bytes:
    return line


class StandIn:
    """A board on a bench.

    Args:
        board: What QEMU emulates.
        folder: An empty folder, for the port, the hardware map and sockets.

    Attributes:
        port: Path of the serial port.
        to_device: What the line makes of each line to the board; may pull cables and press reset.
        to_host: The same for lines from the board.
        flashed: Images that were flashed, in order.
        instead: An image to load in place of any that is flashed.
        pins: Where QEMU writes down what the board does to its pins; nowhere by default.
        replugs: Whether the port comes and goes when the board is flashed, as some probes' do.
        flash_command: What flashes the board, without the image.
    """

    def __init__(self, board: Board, folder: Path) -> None:
        self.board = board
        self.port = folder / "ttyACM0"
        self.to_device: Callable[[bytes], bytes] = _clean
        self.to_host: Callable[[bytes], bytes] = _clean
        self.flashed: list[Path] = []
        self.instead: Path | None = None
        self.pins: Path | None = None
        self.replugs = False
        program = Path(__file__).resolve()
        self.flash_command = [sys.executable, str(program), str(folder / "control")]
        self._folder = folder
        self._control = _listen(folder / "control")
        self._uart_at = _listen(folder / "uart")
        self._qmp_at = _listen(folder / "qmp")
        self._qemu: subprocess.Popen[bytes] | None = None
        self._uart: socket.socket | None = None
        self._qmp: Any = None
        self._terminal: tuple[int, int] | None = None
        self._unsent = bytearray()
        self._half = {"device": b"", "host": b""}
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._stop_write, b"x")
        self._thread.join()
        self.pull()
        for one in (self._control, self._uart_at, self._qmp_at):
            one.close()
        os.close(self._stop_read)
        os.close(self._stop_write)

    def map_entry(self, **changes: object) -> dict[str, object]:
        """This board's entry of the hardware map."""
        return {
            "connected": True,
            "id": PROBE,
            "platform": self.board.name,
            "product": "J-Link",
            "serial": str(self.port),
            "flash_command": [*self.flash_command, "{elf}"],
            **changes,
        }

    # ---- What a person at the bench can do; only before the runner starts or from `to_*` ----

    def plug(self) -> None:
        """Plugs the cable in: a new terminal at the old name."""
        ours, its = os.openpty()
        tty.setraw(its)
        os.set_blocking(ours, False)
        self._terminal = (ours, its)
        self.port.symlink_to(os.ttyname(its))

    def pull(self) -> None:
        """Pulls the cable out."""
        if self._terminal is not None:
            self.port.unlink()
            for one in self._terminal:
                os.close(one)
            self._terminal = None
            self._unsent.clear()

    def reset(self) -> None:
        """Presses the reset button; what the board was saying stops in the middle."""
        self._say(self._half["host"])
        self._half["host"] = b""
        _command(self._qmp, "system_reset", "RESET")

    # ---- The line ----

    def _carry(self) -> None:
        try:
            while self._round():
                pass
        finally:
            self._end_qemu()

    def _round(self) -> bool:
        ours = self._terminal[0] if self._terminal else None
        inputs: list[Any] = [self._stop_read, self._control]
        inputs += [one for one in (ours, self._uart) if one is not None]
        outputs = [ours] if ours is not None and self._unsent else []
        readable, writable, _ = select.select(inputs, outputs, [])
        if self._stop_read in readable:
            return False
        if writable and ours is not None:
            del self._unsent[: os.write(ours, self._unsent)]
        if self._control in readable:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # who asked was killed
                self._on_flash()
        elif self._uart is not None and self._uart in readable:
            self._on_device(self._uart.recv(_CHUNK))
        elif ours in readable:
            self._on_host(os.read(self._terminal[0], _CHUNK) if self._terminal else b"")
        return True

    def _on_host(self, data: bytes) -> None:
        for line in self._lines("device", data):
            passed = self.to_device(line)
            if self._uart is not None:
                with contextlib.suppress(BrokenPipeError):  # QEMU has ended, which is heard next
                    self._uart.sendall(passed)

    def _on_device(self, data: bytes) -> None:
        if not data and self._uart is not None:  # QEMU has ended: the board is dead
            self._uart.close()
            self._uart = None
        for line in self._lines("host", data):
            self._say(self.to_host(line))

    def _say(self, data: bytes) -> None:
        if self._terminal is not None:
            self._unsent += data

    def _lines(self, to: str, data: bytes) -> list[bytes]:
        *whole, self._half[to] = (self._half[to] + data).split(b"\n")
        return [line + b"\n" for line in whole]

    # ---- QEMU ----

    def _on_flash(self) -> None:
        client, _ = self._control.accept()
        with client, client.makefile() as words:
            line = words.readline()
            if not line.endswith("\n"):  # the flash command was killed before it said which
                return
            elf = Path(line.strip())
            self.flashed.append(elf)
            self._end_qemu()
            self._start_qemu(self.instead or elf)
            if self.replugs:
                self.pull()
                self.plug()
            client.sendall(b"done\n")

    def _start_qemu(self, elf: Path) -> None:
        from mlforge_tasks.graph import process  # noqa: PLC0415 - not for the flash command
        from mlforge_tasks.runners.qemu import command  # noqa: PLC0415

        argv = command(self.board, elf)
        argv.remove("-no-reboot")
        uart = f"socket,id=uart,path={self._folder / 'uart'},server=off"
        argv[argv.index("stdio,id=uart,signal=off")] = uart
        argv += ["-chardev", f"socket,id=qmp,path={self._folder / 'qmp'},server=off"]
        argv += ["-mon", "chardev=qmp,mode=control"]
        if self.pins is not None:
            argv += ["-d", "unimp", "-D", str(self.pins)]  # QEMU has no such pins, and says so
        self._half = {"device": b"", "host": b""}
        self._qemu = process.start(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._uart = self._uart_at.accept()[0]
        connection = self._qmp_at.accept()[0]
        self._qmp = connection.makefile("rw")
        connection.close()  # the file keeps it open
        self._qmp.readline()  # its greeting
        _command(self._qmp, "qmp_capabilities", "return")

    def _end_qemu(self) -> None:
        from mlforge_tasks.graph import process  # noqa: PLC0415 - as above

        if self._qemu is not None:
            process.stop(self._qemu)
            self._qemu = None
            self._qmp.close()
        if self._uart is not None:
            self._uart.close()
            self._uart = None


def _listen(path: Path) -> socket.socket:
    one = socket.socket(socket.AF_UNIX)
    one.bind(str(path))
    one.listen()
    one.settimeout(QEMU_START_S)
    return one


def _command(monitor: Any, name: str, answer: str) -> None:
    """Gives QEMU a command and waits for its answer or event."""
    monitor.write(json.dumps({"execute": name}) + "\n")
    monitor.flush()
    for line in monitor:
        said = json.loads(line)
        if answer in said or said.get("event") == answer:
            return
    raise EOFError(name)


def main(control: str, elf: str) -> int:
    """Flashes an image into the stand-in."""
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(control)
        one.sendall(f"{elf}\n".encode())
        with one.makefile() as words:
            return 0 if words.readline() == "done\n" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
