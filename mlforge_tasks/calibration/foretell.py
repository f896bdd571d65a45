"""What a network that was emulated would take on the board, by its calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mlforge_tasks.calibration.classes import class_of
from mlforge_tasks.records import Interval, Record

if TYPE_CHECKING:
    from mlforge_tasks.calibration.pair import Conditions
    from mlforge_tasks.calibration.record import Calibration, Costs
    from mlforge_tasks.records import LayerCost, Profile

# Operators told of by name.
_MOST_TOLD = 4
# What a digest says no more of.
_DIGESTS = {"tools": "other build tools of the same versions", "kernels": "other kernels"}


class Calibrated(Record):
    """What a calibration says of a network, or why it says nothing.

    Attributes:
        probe: The board that was calibrated.
        date: When.
        unused: Why it says nothing; empty where it does.
        latency_us: One inference.
        interval: Where it lies.
        bounded: Operators that the calibration does not know, whose emulated bounds stand.
    """

    probe: str
    date: str
    unused: str = ""
    latency_us: float | None = None
    interval: Interval | None = None
    bounded: tuple[str, ...] = Field(default=())


def stale(calibration: Calibration, today: Conditions) -> str:
    """What is not as it was when a board was calibrated, in words; empty where all is."""
    then = calibration.conditions
    changed = [name for name, value in then if getattr(today, name) != value]
    if "versions" in changed:  # which says it better
        changed = [name for name in changed if name != "tools"]
    return "; ".join(_DIGESTS.get(name) or _was(name, then, today) for name in changed)


def _was(name: str, then: Conditions, today: Conditions) -> str:
    return f"{name} {getattr(today, name)}, then {getattr(then, name)}"


def refused(calibration: Calibration, why: str) -> Calibrated:
    """That a calibration is not used."""
    return Calibrated(probe=calibration.probe_id, date=calibration.date, unused=why)


def foretell(calibration: Calibration, emulated: Profile, beside_cycles: float = 0) -> Calibrated:
    """What a network takes on the board.

    Its layers' times are summed. The interval is the jackknife+'s with its widest ends: what each
    fit without one of the networks says, wider by how far off that one was. Of a class that no fit
    knows both bounds of the emulated cycles stand; the interval then promises no less.

    Args:
        calibration: The board's.
        emulated: What each layer takes in the emulator, with its cycles.
        beside_cycles: What an inference takes beside its layers.
    """
    layers = [one for one in emulated.layers if one.cycles_lower]
    known = [one for one in layers if class_of(one.op) in calibration.classes]
    others = [one for one in layers if one not in known]
    least = beside_cycles + sum(one.cycles_lower or 0.0 for one in others)
    most = beside_cycles + sum(one.cycles_upper or 0.0 for one in others)
    expected = sum(_cycles(calibration.classes[class_of(one.op)], one) for one in known)
    sums = [
        (sum(_cycles(network.without[class_of(one.op)], one) for one in known), network.miss)
        for network in calibration.networks
    ]
    low = min(total * max(1.0 - miss, 0.0) for total, miss in sums)
    high = max(total * (1.0 + miss) for total, miss in sums)
    by = 1e6 / calibration.conditions.clock_hz
    return Calibrated(
        probe=calibration.probe_id,
        date=calibration.date,
        latency_us=round((expected + (least + most) / 2) * by, 3),
        interval=Interval(
            low=round((low + least) * by, 3),
            high=round((high + most) * by, 3),
            level=round(calibration.level, 4),
        ),
        bounded=tuple(sorted({one.op for one in others})[:_MOST_TOLD]),
    )


def _cycles(costs: Costs, layer: LayerCost) -> float:
    return costs.cycles(layer.cycles_lower or 0.0, layer.weight_bytes)
