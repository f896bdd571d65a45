"""Runners: where a firmware image runs and is measured (an emulator, a board on a cable).

To add one: write `runners/<name>.py` with a class that has `Runner`'s members and ends with
`PLUGIN = ThatClass()`; give it a byte transport for `_link.Link`, which does the rest, or a command
if its device is a program (`_program.ProgramRunner`); add it to the conformance test in
`tests/runners/test_qemu.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from mlforge_tasks.errors import ToolError
from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.cycles.record import Cycles, LayerCycles
    from mlforge_tasks.records import Measurement, SelfTest, Source

NS_PER_S = 10**9
# How inputs come to a device: over its serial line, or written into its memory by an emulator's
# debugger.
Way: TypeAlias = Literal["line", "memory"]


@dataclass(frozen=True)
class Expected:
    """What an image must say about itself before anything it measures counts.

    Attributes:
        firmware_id: The id it was built with.
        model_digest: sha256 of the `.tflite` inside.
    """

    firmware_id: str
    model_digest: str


@dataclass(frozen=True)
class InferenceResult:
    """One inference on the device.

    Attributes:
        output: The model's output, int8; behind it a byte for each decision, of a device that
            makes any.
        ticks: Clock ticks it took; on an emulator host input disturbs this a little, so figures
            come from the self-test.
    """

    output: bytes
    ticks: int


class Circumstances(Record):
    """What a program on a machine runs beside and within, and what has to be seen of it.

    Attributes:
        load_cpus: Threads that compute beside it.
        memory_max_bytes: Memory that it may take before the kernel ends it; None for all there is.
        wakeup_period_us: Period of a thread beside it whose wake-ups are measured; None for none.
        asked: Figures that the contract limits.
    """

    load_cpus: int = 0
    memory_max_bytes: int | None = None
    wakeup_period_us: int | None = None
    asked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Beside:
    """What was seen of a device from beside it: by meters, or on the machine that it is on.

    Attributes:
        measurements: Figures that the device itself does not tell.
        where: What the very machine is, by its own word.
        not_measured: Figures that were asked for and could not be had, each with why.
    """

    measurements: tuple[Measurement, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    not_measured: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Capabilities:
    """What a runner's figures are worth.

    Attributes:
        source: Label of what it measures.
        counts_instructions: Ticks tell exact instruction counts (`instruction_counts`).
    """

    source: Source
    counts_instructions: bool


class Session(Protocol):
    """A device that has booted, shown that it runs the right image, and waits for requests."""

    @property
    def self_test(self) -> SelfTest:
        """What the device measured before it said it was ready."""

    @property
    def console(self) -> bytes:
        """Every byte that came from the device so far."""

    @property
    def inputs_through(self) -> Way:
        """How inputs come to the device."""

    @property
    def beside(self) -> Beside:
        """What was seen of it from beside it, so far."""

    def begin(self) -> None:
        """Has the next input begin a stream, of a model that keeps a state.

        Raises:
            As `infer`.
        """

    def infer(self, data: bytes) -> InferenceResult:
        """Runs the model on one int8 input.

        Raises:
            CandidateFailure: The device hangs, faults or goes away.
            ToolError: It refuses the input, or the line is too bad.
        """

    def seconds_for(self, input_bytes: int, output_bytes: int) -> float:
        """About how long an inference takes, with its input and its output.

        Of an emulator it is worked out from what was counted, so that it is the same on every
        computer, and not what this one takes.
        """


class Runner(Protocol):
    """A place where firmware runs."""

    name: str
    capabilities: Capabilities

    def open(
        self, board: Board, firmware: Path, expected: Expected, *, evidence: Path | None = None
    ) -> AbstractContextManager[Session]:
        """Starts an image and waits until it is ready; the device is gone after the block.

        Args:
            board: What to run on.
            firmware: The ELF file.
            expected: What it must say about itself.
            evidence: Folder for raw records that the session does not hold.

        Raises:
            CandidateFailure: `hang`, `fault` or `truncated_console`, here or in the block.
            ToolError: A tool is missing or broke, or another image answers.
        """

    def cycles(self, board: Board, firmware: Path, test: SelfTest) -> Cycles | None:
        """What an inference takes on the core; None where the device's own clock tells its time.

        Args:
            board: What it ran on.
            firmware: The ELF file.
            test: What it measured.

        Raises:
            ToolError: A tool is missing or broke, or what was counted is not what was measured.
        """

    def layer_cycles(
        self, board: Board, firmware: Path, test: SelfTest
    ) -> Mapping[int, LayerCycles] | None:
        """What each layer takes, by its index, from an image that tells its layers; or None."""

    def tool_versions(self, board: Board) -> Mapping[str, str]:
        """Versions of what a run's result depends on, for its key."""

    def require(self, board: Board, *, west_builds: bool) -> None:
        """Looks for what else a run needs, before anything is started.

        Args:
            board: What it runs on.
            west_builds: Whether its firmware is built with west.

        Raises:
            ToolError: Something is missing; the hint says what to do.
        """


def instruction_count(ticks: int, tick_hz: int, icount_shift: int) -> int:
    """Instructions in a number of clock ticks under `-icount shift=N`.

    One instruction is 2^shift ns of virtual time, so instructions = ticks * (1e9 / tick_hz) /
    2^shift, rounded to nearest (half up) in whole numbers. A tick is shorter than an instruction
    for every board here, so the count is exact to one instruction.

    Args:
        ticks: Clock ticks.
        tick_hz: The clock's frequency.
        icount_shift: QEMU's `shift`.
    """
    divisor = tick_hz << icount_shift
    return (ticks * NS_PER_S + divisor // 2) // divisor


def instruction_counts(board: Board, self_test: SelfTest) -> tuple[int, ...]:
    """Instructions of each inference of the self-test.

    Raises:
        ToolError: The board is not emulated, so its ticks say nothing about instructions.
    """
    if board.qemu is None:
        raise ToolError(f"{board.name} is not emulated: instructions cannot be counted")
    shift = board.qemu.icount_shift
    return tuple(instruction_count(ticks, self_test.tick_hz, shift) for ticks in self_test.ticks)


def measured_latencies_us(self_test: SelfTest) -> tuple[float, ...]:
    """Latency of each inference of the self-test, by the device's own clock.

    Raises:
        ToolError: The clock stood still, so that there is no latency to tell.
    """
    if 0 in self_test.ticks:
        raise ToolError(
            "the device's clock did not advance during an inference",
            hint="its platform must start the clock, or take a faster one",
        )
    return tuple(ticks / self_test.tick_hz * 1e6 for ticks in self_test.ticks)
