"""What a board's meter says of an inference, in the middle of a session with the board."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

from mlforge_tasks import plugins
from mlforge_tasks.errors import ToolError
from mlforge_tasks.meters import Burst, LostSamplesError
from mlforge_tasks.meters._energy import energy
from mlforge_tasks.meters._evidence import TRACE_FILE, keep
from mlforge_tasks.meters._student import LEVEL
from mlforge_tasks.records import Interval, Measurement
from mlforge_tasks.runners import Beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlforge_tasks.meters import Connected, Energy, Estimate, Meter
    from mlforge_tasks.records import SelfTest
    from mlforge_tasks.runners._bench_board import BenchBoard
    from mlforge_tasks.runners._hello import Marked

# Recordings in which samples are lost, or the board was reset, before that is told.
ATTEMPTS = 3
FIGURES = ("energy_per_inference_uj", "active_power_uw", "idle_power_uw")
NO_METER = (
    "there is no meter on the bench: a `meter` in the board's entry of the hardware map names one "
    "(docs/hardware.md#energy)"
)


class Marking(Protocol):
    """A board that makes windows of inferences: a `SerialSession`."""

    @property
    def self_test(self) -> SelfTest:
        """See `runners.Session.self_test`."""

    def mark(self) -> tuple[Marked, bool]:
        """See `SerialSession.mark`."""


class BoardPower:
    """The meter of a board, which is looked for when it is first needed.

    Args:
        on: The board.
        folder: That of the hardware map.
        evidence: Where the trace is kept.
        open_: Until when a meter stays connected.
    """

    def __init__(
        self, on: BenchBoard, folder: Path, evidence: Path | None, open_: contextlib.ExitStack
    ) -> None:
        self._on = on
        self._folder = folder
        self._evidence = evidence
        self._open = open_
        self._meter: Connected | None = None
        self._measured: Beside | None = None

    def connect(self) -> Connected | None:
        """The meter; None where the map has none.

        Raises:
            ToolError: It is not there.
        """
        if self._meter is None and self._on.meter is not None:
            kind: Meter = plugins.load("meters", self._on.meter.kind)
            connecting = kind.connect(self._on.meter, self._folder)
            self._meter = self._open.enter_context(connecting)
        return self._meter

    def measured(self, board: Marking) -> Beside:
        """Figures of the image that runs, with what says that there are none.

        Raises:
            ToolError: The meter is not there, or what it recorded says nothing.
        """
        if self._measured is None:
            meter = self.connect()
            if meter is None:
                return Beside(not_measured=tuple((one, NO_METER) for one in FIGURES))
            found = self._energy(meter, board)
            self._measured = Beside(_measurements(found), tuple(meter.identity.items()))
        return self._measured

    def _energy(self, meter: Connected, board: Marking) -> Energy:
        lost: LostSamplesError | None = None
        for _ in range(ATTEMPTS):
            try:
                return self._recorded(meter, board)
            except LostSamplesError as error:
                lost = error
        raise ToolError(
            f"{lost and lost.message}; in {ATTEMPTS} recordings, one after the other",
            hint="a USB port without a hub, less load on this computer, a lower sampling rate; the "
            f"last recording is {TRACE_FILE}",
        ) from lost

    def _recorded(self, meter: Connected, board: Marking) -> Energy:
        with meter.record() as recording:
            marked, disturbed = board.mark()
            trace = recording.stop()
        if self._evidence is not None:
            keep(trace, self._evidence / TRACE_FILE)
        if disturbed:
            raise LostSamplesError("the board was reset, or asked anew, within the recording")
        return energy(trace, _burst(marked, board.self_test.tick_hz))


def _burst(marked: Marked, tick_hz: int) -> Burst:
    least, most = marked.least_ticks / tick_hz, marked.most_ticks / tick_hz
    return Burst(marked.windows, marked.inferences, least, most)


def _measurements(found: Energy) -> tuple[Measurement, ...]:
    estimates: dict[str, tuple[str, Estimate]] = {
        "energy_per_inference_uj": ("uJ", found.per_inference_uj),
        "energy_with_idle_uj": ("uJ", found.with_idle_uj),
        "active_power_uw": ("uW", found.active_power_uw),
        "idle_power_uw": ("uW", found.idle_power_uw),
    }
    figures = [
        Measurement(
            metric=metric,
            value=one.value,
            unit=unit,
            source="hardware",
            interval=Interval(low=one.low, high=one.high, level=LEVEL),
        )
        for metric, (unit, one) in estimates.items()
    ]
    counts = {"energy_windows": found.windows, "energy_inferences": found.inferences}
    figures += [
        Measurement(metric=metric, value=value, unit="1", source="hardware")
        for metric, value in counts.items()
    ]
    return tuple(figures)


@contextlib.contextmanager
def board_power(on: BenchBoard, folder: Path, evidence: Path | None) -> Iterator[BoardPower]:
    """The meter of a board; where it supplies the board, it does so from now on.

    Raises:
        ToolError: It supplies the board and is not there.
    """
    with contextlib.ExitStack() as open_:
        power = BoardPower(on, folder, evidence, open_)
        if on.meter is not None and on.meter.supplies:
            power.connect()
        yield power
