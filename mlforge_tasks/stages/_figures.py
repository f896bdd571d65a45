"""What a run's figures are made of: the device's own measurements and the image's sizes."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from mlforge_tasks.records import FirmwareReport, LayerCost, Measurement, Profile
from mlforge_tasks.runners import (
    emulated_latency_us,
    instruction_count,
    instruction_counts,
    measured_latencies_us,
)
from mlforge_tasks.verdict.constraints import UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.records import BuildReport, LayerProfile, SelfTest
    from mlforge_tasks.runners import Runner

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


def _times(board: Board, runner: Runner, test: SelfTest) -> dict[str, float]:
    """Time of an inference over the self-test, as the runner can tell it."""
    if not test.ticks:
        return {}
    if not runner.capabilities.counts_instructions:
        found = statistics_of(measured_latencies_us(test))
        return {_named("latency", "us", name): value for name, value in found.items()}
    counted = statistics_of(instruction_counts(board, test))
    return {
        **{_named("instructions", "", name): value for name, value in counted.items()},
        **{
            _named("latency", "us", name): emulated_latency_us(board, value)
            for name, value in counted.items()
        },
    }


def _share(firmware: FirmwareReport, floor: BuildReport | None) -> dict[str, float]:
    """What the image takes beyond the one without a model."""
    if not isinstance(floor, FirmwareReport):
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
        **_share(firmware, floor),
    }


def _values(
    firmware: BuildReport, floor: BuildReport | None, test: SelfTest
) -> Mapping[str, float]:
    """All sizes; of a process, that of the model's working memory alone."""
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
    firmware: BuildReport,
    floor: BuildReport | None,
    test: SelfTest,
    runner: Runner,
) -> tuple[Measurement, ...]:
    """Every figure of a run.

    Args:
        board: What it ran on.
        firmware: Sizes of the image.
        floor: Those of the same application without a model, where it was built for this board.
        test: What the device measured.
        runner: Where it ran.
    """
    values = {
        **_values(firmware, floor, test),
        **({"repetitions": len(test.ticks)} if test.ticks else {}),
        **_times(board, runner, test),
    }
    source = runner.capabilities.source
    return tuple(
        Measurement(metric=metric, value=value, unit=UNITS[metric], source=source)
        for metric, value in values.items()
    )


def _layer_time(
    board: Board, runner: Runner, test: SelfTest, index: int
) -> tuple[int | None, float]:
    """Instructions of a layer, where they can be counted, and its time."""
    ticks = test.layer_ticks.get(index, 0)
    if not runner.capabilities.counts_instructions or board.qemu is None:
        return None, ticks / test.tick_hz * 1e6
    instructions = instruction_count(ticks, test.tick_hz, board.qemu.icount_shift)
    return instructions, emulated_latency_us(board, instructions)


def profile(
    board: Board, layers: Sequence[LayerProfile], test: SelfTest, runner: Runner
) -> Profile:
    """What each layer takes, from what a profile image measured.

    Args:
        board: What it ran on.
        layers: The model's layers as the engine has them.
        test: What the device measured.
        runner: Where it ran.
    """
    times = [_layer_time(board, runner, test, index) for index in range(len(layers))]
    whole = sum(test.layer_ticks.values()) or 1
    return Profile(
        source=runner.capabilities.source,
        layers=tuple(
            LayerCost(
                **layer.model_dump(),
                share=test.layer_ticks.get(index, 0) / whole,
                instructions=instructions,
                time_us=time_us,
                instructions_per_mac=(
                    instructions / layer.macs if instructions is not None and layer.macs else None
                ),
            )
            for index, (layer, (instructions, time_us)) in enumerate(
                zip(layers, times, strict=True)
            )
        ),
    )
