"""Meters for tests: the power of a board stood in for by QEMU, by what it does with its marker.

That the marker goes up and down, and how often, is what the firmware wrote to its pin, by QEMU's
own log. How long a window took is what the board says of it: QEMU's clock is the board's, and the
computer's is neither. The power in a window and between them is known, so the right answer is.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import threading
import tty
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from mlforge_tasks.runners._frames import Frame, FrameReader
from mlforge_tasks.runners._hello import Marked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.helpers.standin import StandIn

_PIN = re.compile(r"gpio.* write \(size 4, offset 0x004, value 0x([0-9a-f]+)\)")


@dataclass(frozen=True)
class Samples:
    """What a meter would see.

    Attributes:
        current_a: Shape (samples,).
        marker: The same.
        rate_hz: How many a second.
    """

    current_a: NDArray[np.float64]
    marker: NDArray[np.bool_]
    rate_hz: float


@dataclass
class PoweredBoard:
    """A stand-in of a board whose power is known.

    Attributes:
        board: The stand-in.
        tick_hz: Its clock.
        rate_hz: The meter's samples a second.
        active_a: Current in a window; every other one takes a hundredth more.
        idle_a: Current between them.
        clock: What the meter takes for a second, in seconds.
        play: Who gets the samples of a burst, before the host gets the board's answer.
        inferences: In a window, of the last burst.
        window_s: Its length.
    """

    board: StandIn
    tick_hz: int
    rate_hz: float
    active_a: float = 5e-3
    idle_a: float = 2e-4
    clock: float = 1.0
    play: Callable[[Samples], None] = lambda _: None
    inferences: int = 0
    window_s: float = 0.0
    _seen: int = 0
    _pins: Path = field(init=False)

    def __post_init__(self) -> None:
        self._pins = self.board.port.parent / "pins"
        self.board.pins = self._pins
        self.board.to_host = self.on_line

    def on_line(self, line: bytes) -> bytes:
        """Plays a burst when the board says that it is over."""
        for event in FrameReader().feed(line):
            if isinstance(event, Frame) and event.type == "M":
                self._burst(Marked.parse(event.payload))
        return line

    @property
    def energy_uj(self) -> float:
        """What an inference takes above idle at 3 V, by what the board says of its windows."""
        mean_a = self.active_a * 1.01 * 6 / 11 + self.active_a * 5 / 11  # the first is left out
        return (mean_a - self.idle_a) * 3.0 * self.window_s / self.inferences * 1e6

    def _burst(self, marked: Marked) -> None:
        levels = [int(value, 16) > 0 for value in _PIN.findall(self._pins.read_text())]
        new, self._seen = levels[self._seen :], len(levels)
        if not new:  # an answer that was lost is told again
            return
        self.inferences = marked.inferences
        self.window_s = marked.least_ticks / self.tick_hz
        count = round(self.window_s * self.rate_hz * self.clock)
        pause = np.full(count, self.idle_a)
        pieces, marks = [pause[:100]], [np.zeros(100, dtype=bool)]
        for index, high in enumerate(new):
            ripple = 1 + 0.01 * (index // 2 % 2)
            pieces.append(np.full(count, self.active_a * ripple) if high else pause)
            marks.append(np.full(count, high))
        self.play(Samples(np.concatenate(pieces), np.concatenate(marks), self.rate_hz))


class Ppk2StandIn:
    """A Power Profiler Kit II behind a pseudo-terminal, as `ppk2-api` and Nordic's program know it.

    Args:
        folder: Where its port is.

    Attributes:
        port: Its port.
        voltage_mv: What it was told to supply.
        mode: 2 where it supplies, 1 where it only measures.
        powered: Whether the board has power.
        answers: Whether it says anything.
        loses: Which samples get lost, by their numbers since it was plugged in.
    """

    RATE_HZ = 100_000
    # Ohms of each range; other corrections are none.
    SHUNTS = (1000.0, 100.0, 10.0, 1.0, 0.05)
    MOST = 0x3FFF
    _VOLTS = 4 * 1.8 / 163840
    _WORDS: ClassVar = {0x06: 1, 0x07: 1, 0x0C: 2, 0x0D: 3, 0x11: 2, 0x19: 1}

    def __init__(self, folder: Path) -> None:
        self._ours, its = os.openpty()
        self._its = its
        tty.setraw(its)
        tty.setraw(self._ours)
        self.port = folder / "ppk2"
        self.port.symlink_to(os.ttyname(its))
        self.voltage_mv = 0
        self.mode = 0
        self.powered = False
        self.answers = True
        self.loses: Callable[[NDArray[np.uint32]], NDArray[np.bool_]] = lambda numbers: numbers < 0
        self._measures = threading.Event()
        self._count = 0
        self._lock = threading.Lock()
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._stop_write, b"x")
        self._thread.join()
        self.port.unlink()
        for one in (self._ours, self._its, self._stop_read, self._stop_write):
            os.close(one)

    def _serve(self) -> None:
        data = b""
        while True:
            readable, _, _ = select.select([self._ours, self._stop_read], [], [])
            if self._stop_read in readable:
                return
            data += os.read(self._ours, 4096)
            while data and len(data) >= self._WORDS.get(data[0], 1):
                size = self._WORDS.get(data[0], 1)
                self._on(data[0], data[1:size])
                data = data[size:]

    def _on(self, command: int, words: bytes) -> None:
        if command == 0x0D:
            self.voltage_mv = (words[0] - 3) * 256 + words[1] - 32 + 800
        elif command == 0x11:
            self.mode = words[0]
        elif command == 0x0C:
            self.powered = words[0] == 1
        elif command == 0x07:
            self._measures.clear()
        elif command == 0x19 and self.answers:
            self._write(self._metadata().encode())
        elif command == 0x06 and self.answers:
            self._measures.set()
            idle = Samples(np.full(100, 1e-4), np.zeros(100, dtype=bool), self.RATE_HZ)
            self._send(idle)

    def _metadata(self) -> str:
        lines = ["Calibrated: 1", *(f"R{at}: {ohm:.4f}" for at, ohm in enumerate(self.SHUNTS))]
        for name, value in {"GS": 0, "GI": 1, "O": 0, "S": 0, "I": 0, "UG": 1}.items():
            lines += [f"{name}{at}: {value:.4f}" for at in range(5)]
        return "\n".join([*lines, "HW: 9173", "IA: 56", "END\n"])

    def _code(self, amperes: float) -> tuple[int, int]:
        """Range and code of a current."""
        for index, ohm in enumerate(self.SHUNTS):
            code = round(amperes * ohm / self._VOLTS)
            if code < self.MOST:
                return index, code
        return len(self.SHUNTS) - 1, self.MOST

    def play(self, samples: Samples) -> None:
        """Sends samples, as far as it is measuring; returns when all are on their way."""
        if self._measures.is_set():
            self._send(samples)

    def _send(self, samples: Samples) -> None:
        with self._lock:
            values, which = np.unique(samples.current_a, return_inverse=True)
            codes = np.array([self._code(value) for value in values], dtype=np.uint32)[which]
            numbers = np.arange(len(which), dtype=np.uint32) + self._count + 1
            words = codes[:, 1] | codes[:, 0] << 14 | (numbers & 0x3F) << 18
            words |= samples.marker.astype(np.uint32) << 24
            self._count += len(which)
            self._write(words[~self.loses(numbers)].astype("<u4").tobytes())

    def _write(self, data: bytes) -> None:
        while data:
            _, writable, _ = select.select([], [self._ours], [], 10)
            if not writable:  # nobody reads
                return
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self._ours, data[:4096]) :]


def csv_text(samples: Samples, *, header: bool = True, start_s: float = 0.0) -> str:
    """What a meter's program writes of samples."""
    lines = ["time_ms;current_uA;D0"] if header else []
    for index, (value, high) in enumerate(zip(samples.current_a, samples.marker, strict=True)):
        at_ms = (start_s + index / samples.rate_hz) * 1000
        lines.append(f"{at_ms:.4f};{value * 1e6:.3f};{int(high)}")
    return "\n".join(lines).replace(".", ",") + "\n"
