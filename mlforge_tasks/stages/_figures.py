"""What a run's figures are made of: the device's own measurements and the image's sizes."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.build_report import FirmwareReport, ProgramReport
from mlforge_tasks.cycles.record import LayerCycles
from mlforge_tasks.records import LayerCost, Measurement, Profile
from mlforge_tasks.runners import (
    instruction_count,
    instruction_counts,
    measured_latencies_us,
)
from mlforge_tasks.verdict.constraints import UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlforge_tasks.build_report import BuildReport
    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.cycles.record import Cycles
    from mlforge_tasks.records import LayerProfile, SelfTest, Source

P99 = 0.99


def statistics_of(values: Sequence[float]) -> dict[str, float]:
    """Least, median, p99 and most of some figures.

    The median of an even number is the upper one; p99 is the least value that 99 % do not exceed,
    which below 100 values is the most.
    """
    ordered = sorted(values)
    return {
        "min": ordered[0],
        "": statistics.median_high(ordered),
        "p99": ordered[math.ceil(P99 * len(ordered)) - 1],
        "max": ordered[-1],
    }


def _named(stem: str, unit: str, name: str) -> str:
    """`latency`, `us` and `p99` make `latency_p99_us`; the median is `latency_us`."""
    return "_".join(part for part in (stem, name, unit) if part)


def _times(board: Board, test: SelfTest, cycles: Cycles | None) -> dict[str, float]:
    """Time of an inference over the self-test: by the device's clock, or of counted cycles."""
    if not test.ticks:
        return {}
    if cycles is None:
        found = statistics_of(measured_latencies_us(test))
        return {_named("latency", "us", name): value for name, value in found.items()}
    counted = statistics_of(instruction_counts(board, test))
    return {
        **{_named("instructions", "", name): value for name, value in counted.items()},
        **{
            _named("latency", "us", name): cycles.latency_us(value)
            for name, value in counted.items()
        },
        "latency_lower_us": cycles.latency_us(counted[""], "lower"),
        "cycles_lower": counted[""] * (cycles.lower / cycles.instructions),
        "cycles_upper": counted[""] * (cycles.upper / cycles.instructions),
    }


def model_share(
    firmware: FirmwareReport | ProgramReport, floor: BuildReport | None
) -> dict[str, float]:
    """What the image takes beyond the one without a model."""
    if not isinstance(floor, FirmwareReport | ProgramReport):
        return {}
    return {
        "model_flash_bytes": firmware.flash_bytes - floor.flash_bytes,
        "model_ram_bytes": firmware.static_ram_bytes - floor.static_ram_bytes,
    }


def _sizes(
    firmware: FirmwareReport, floor: BuildReport | None, test: SelfTest
) -> Mapping[str, float]:
    return {
        "flash_bytes": firmware.flash_bytes,
        "ram_bytes": firmware.static_ram_bytes + test.stack_used_bytes,
        "static_ram_bytes": firmware.static_ram_bytes,
        "stack_bytes": test.stack_used_bytes,
        "stack_reserved_bytes": firmware.stack_reserved_bytes,
        "heap_bytes": firmware.heap_bytes,
        **model_share(firmware, floor),
    }


def _of_program(
    program: ProgramReport, floor: BuildReport | None, test: SelfTest
) -> Mapping[str, float]:
    """Its RAM is the most that was ever resident, which is told where it runs on its own kind."""
    peak = test.peak_memory_bytes
    return {
        "flash_bytes": program.flash_bytes,
        **({} if peak is None else {"ram_bytes": peak}),
        "static_ram_bytes": program.static_ram_bytes,
        **model_share(program, floor),
        "arena_bytes": test.arena_bytes,
    }


def _values(
    firmware: BuildReport, floor: BuildReport | None, test: SelfTest
) -> Mapping[str, float]:
    """All sizes; of a process, that of the model's working memory alone."""
    if isinstance(firmware, ProgramReport):
        return _of_program(firmware, floor, test)
    if not isinstance(firmware, FirmwareReport):
        return {"arena_bytes": test.arena_bytes}
    reserved = firmware.arena_reserved_bytes
    return {
        **_sizes(firmware, floor, test),
        "arena_bytes": test.arena_bytes,
        "arena_reserved_bytes": test.arena_bytes if reserved is None else reserved,
    }


def measurements(
    board: Board,
    builds: tuple[BuildReport, BuildReport | None],
    test: SelfTest,
    source: Source,
    cycles: Cycles | None = None,
) -> tuple[Measurement, ...]:
    """Every figure of a run.

    Args:
        board: What it ran on.
        builds: Sizes of the image; those of the same application without a model, where it was
            built for this board.
        test: What the device measured.
        source: Where it was measured.
        cycles: What an inference takes on the core, where the device's clock does not tell.
    """
    values = {
        **_values(*builds, test),
        **({"repetitions": len(test.ticks)} if test.ticks else {}),
        **_times(board, test, cycles),
    }
    return tuple(
        Measurement(metric=metric, value=value, unit=UNITS[metric], source=source)
        for metric, value in values.items()
    )


@dataclass(frozen=True)
class _LayerTime:
    """What a layer takes; only its time where instructions cannot be counted."""

    time_us: float
    instructions: int | None = None
    cycles: LayerCycles | None = None


def _layer_time(
    board: Board, test: SelfTest, index: int, cycles: Mapping[int, LayerCycles] | None
) -> _LayerTime:
    ticks = test.layer_ticks(index)
    if cycles is None or board.qemu is None or board.clock_hz is None:
        return _LayerTime(ticks / test.tick_hz * 1e6)
    instructions = instruction_count(ticks, test.tick_hz, board.qemu.icount_shift)
    found = cycles.get(index, LayerCycles(0, 0))
    return _LayerTime(found.upper / board.clock_hz * 1e6, instructions, found)


def _layer_cost(layer: LayerProfile, time: _LayerTime, whole_us: float) -> LayerCost:
    counted = time.instructions is not None and layer.macs
    return LayerCost(
        **layer.model_dump(),
        share=time.time_us / whole_us,
        instructions=time.instructions,
        cycles_lower=time.cycles.lower if time.cycles else None,
        cycles_upper=time.cycles.upper if time.cycles else None,
        time_us=time.time_us,
        instructions_per_mac=(time.instructions or 0) / layer.macs if counted else None,
    )


def profile(
    board: Board,
    layers: Sequence[LayerProfile],
    test: SelfTest,
    source: Source,
    cycles: Mapping[int, LayerCycles] | None = None,
) -> Profile:
    """What each layer takes, from what a profile image measured.

    Args:
        board: What it ran on.
        layers: The model's layers as the engine has them.
        test: What the device measured.
        source: Where it was measured.
        cycles: Of each layer that takes any, where the device's clock does not tell its time.
    """
    times = [_layer_time(board, test, index, cycles) for index in range(len(layers))]
    whole_us = sum(time.time_us for time in times) or 1.0
    costs = (_layer_cost(layer, time, whole_us) for layer, time in zip(layers, times, strict=True))
    return Profile(source=source, layers=tuple(costs))
