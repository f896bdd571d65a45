"""How inference and a periodic thread get on together, from an image in which both run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.records import Measurement
from mlforge_tasks.verdict.constraints import SCHEDULE_UNITS, UNITS

if TYPE_CHECKING:
    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.cycles.record import Cycles
    from mlforge_tasks.records import SelfTest, Source


# A difference of 32-bit readings that is less than 0 is read as at least this.
BEFORE_DUE = 1 << 31


@dataclass(frozen=True)
class _Wakeups:
    """Of one phase, in ticks of the thread's clock but for `count`; see `scheduler.c`."""

    count: int
    least: int
    most: int
    jitter: int
    entry_least: int
    entry_most: int

    @property
    def readings(self) -> tuple[int, int, int]:
        """How late thread and interrupt were, at most, and how unevenly."""
        return self.most, self.entry_most, self.jitter


@dataclass(frozen=True)
class _Repeated:
    """Inferences that followed each other at once, in ticks of the device's clock."""

    ticks: int
    inferences: int

    @property
    def each(self) -> float:
        """Ticks of one, with what repeats it."""
        return self.ticks / self.inferences


class _Clock:
    """Turns ticks into time: a board's as they are, an emulator's through counted instructions.

    Those of inference take the cycles that were counted of them, all others what the board's file
    has: what a kernel takes is not to depend on the model beside it.
    """

    def __init__(self, board: Board, cycles: Cycles | None) -> None:
        self._cycles = cycles
        self._ns_each = 1 << (board.qemu.icount_shift if board.qemu else 0)
        clock_hz = board.clock_hz or 1
        self._us_each = (board.cycles_per_instruction or 1.0) / clock_hz * 1e6

    def reading_us(self, ticks: int, hz: int) -> float:
        """Of a single reading; the last tick of a board's own clock is taken as a whole one."""
        return (ticks + 1) / hz * 1e6 if self._cycles is None else self.other_us(ticks, hz)

    def other_us(self, ticks: float, hz: int, waited_us: float = 0) -> float:
        """Of what is no inference, with what of it was waited by the clock."""
        whole_us = ticks / hz * 1e6
        if self._cycles is None:
            return whole_us
        return waited_us + max(whole_us - waited_us, 0) * 1e3 / self._ns_each * self._us_each

    def inference_us(self, ticks: float, hz: int) -> float:
        """Of inferences."""
        whole_us = ticks / hz * 1e6
        if self._cycles is None:
            return whole_us
        return self._cycles.latency_us(whole_us * 1e3 / self._ns_each)


@dataclass(frozen=True)
class Schedule:
    """What an image with a periodic thread told of both.

    Attributes:
        start_up: Ticks from the start of the device's clock to the first result.
        thread_hz: Frequency of the clock that the thread's figures are of.
        period: Ticks of that clock from one wake-up to the next.
        busy_us: How long the thread computes each time.
        idle: The thread's wake-ups without inference.
        beside: Those beside inferences that followed each other at once.
        alone: Inferences without the thread.
        together: Inferences beside it.
        tick_hz: Frequency of the device's clock.
    """

    start_up: int
    thread_hz: int
    period: int
    busy_us: int
    idle: _Wakeups
    beside: _Wakeups
    alone: _Repeated
    together: _Repeated
    tick_hz: int

    @classmethod
    def of(cls, test: SelfTest) -> Schedule:
        """From what a device told.

        Raises:
            ToolError: It told it not, or not all of it.
        """
        told = test.schedule
        try:
            found = cls(
                start_up=told["start_up"][0],
                thread_hz=told["thread_hz"][0],
                period=told["thread_period"][0],
                busy_us=told["thread_busy_us"][0],
                idle=_Wakeups(*told["idle"]),
                beside=_Wakeups(*told["beside"]),
                alone=_Repeated(*told["alone"]),
                together=_Repeated(*told["together"]),
                tick_hz=test.tick_hz,
            )
        except (KeyError, IndexError, TypeError) as error:
            raise ToolError(f"the device does not tell of its periodic thread: {error}") from error
        counted = (found.beside.count, found.alone.inferences, found.together.inferences)
        if not all((*counted, found.alone.ticks, found.thread_hz, found.period, found.tick_hz)):
            raise ToolError("the device's periodic thread, or its clock, stood still")
        if max(*found.idle.readings, *found.beside.readings) >= BEFORE_DUE:
            raise ToolError("the device's periodic thread woke before it was due, by its clock")
        return found

    @property
    def missed(self) -> int:
        """Periods that no wake-up came in since an inference kept interrupts off for longer.

        A timer that wraps meanwhile loses them, and so does a clock that is made of it: inferences
        beside the thread seem to take less time than those without.
        """
        busy_s = self.busy_us / 1e6 * (self.beside.count - 1) / self.together.inferences
        lost_s = (self.alone.each - self.together.each) / self.tick_hz + busy_s
        lost = lost_s * self.thread_hz
        return math.ceil(lost / self.period) if lost > self.period / 100 else 0

    def share(self, clock: _Clock) -> float:
        """The part of the time that the thread has, with all it takes to have it run."""
        ticks = self.together.ticks - self.together.inferences * self.alone.each
        each = max(ticks, 0) / self.beside.count
        each_us = clock.other_us(each, self.tick_hz, self.busy_us)
        return each_us / (self.period / self.thread_hz * 1e6)

    def figures(self, clock: _Clock) -> dict[str, float]:
        """All there is to tell, by metric."""
        idle, beside, hz = self.idle, self.beside, self.thread_hz
        lost, share = self.missed * self.period, self.share(clock)
        inference_us = clock.inference_us(self.alone.each, self.tick_hz)
        before = max(self.start_up - self.alone.each, 0)
        return {
            "wakeups": beside.count,
            "wakeup_latency_us": clock.reading_us(beside.most + lost, hz),
            "wakeup_latency_idle_us": clock.reading_us(idle.most, hz),
            "period_jitter_us": clock.reading_us(beside.jitter + lost, hz),
            "period_jitter_idle_us": clock.reading_us(idle.jitter, hz),
            "interrupts_off_us": clock.reading_us(beside.entry_most - idle.entry_least + lost, hz),
            "interrupts_off_idle_us": clock.reading_us(idle.entry_most - idle.entry_least, hz),
            "thread_share": share,
            "inferences_per_second": max(1 - share, 0) / inference_us * 1e6,
            "start_up_us": clock.other_us(before, self.tick_hz) + inference_us,
            "wakeup_latency_idle_min_us": clock.reading_us(idle.least, hz),
        }


@dataclass(frozen=True)
class Told:
    """What is known of a periodic thread, if there is any.

    Attributes:
        schedule: What its image told; None where there is none.
        why: Why there is none although one was asked for.
    """

    schedule: Schedule | None = None
    why: str = ""

    def figures(
        self, board: Board, source: Source, cycles: Cycles | None
    ) -> tuple[Measurement, ...]:
        """What the thread meets beside inference, and inference beside it.

        Args:
            board: What it ran on.
            source: Where it was measured.
            cycles: What an inference takes on the core, where the device's clock does not tell.
        """
        if self.schedule is None:
            return ()
        return tuple(
            Measurement(metric=metric, value=value, unit=UNITS[metric], source=source)
            for metric, value in self.schedule.figures(_Clock(board, cycles)).items()
        )

    @property
    def not_measured(self) -> tuple[tuple[str, str], ...]:
        """The figures that there are none of, and why."""
        return tuple((metric, self.why) for metric in SCHEDULE_UNITS) if self.why else ()
