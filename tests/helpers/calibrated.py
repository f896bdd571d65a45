"""Networks that were emulated and measured on a made-up board, whose costs are known."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from mlforge_tasks.calibration.classes import KernelClass, class_of
from mlforge_tasks.calibration.pair import Conditions, Pair
from mlforge_tasks.calibration.record import Costs
from mlforge_tasks.records import LayerCost, Profile, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CLOCK_HZ = 64_000_000
CONDITIONS = Conditions(
    board="nrf52840dk/nrf52840",
    cpu="cortex-m4",
    clock_hz=CLOCK_HZ,
    engine="aot",
    platform="zephyr",
    toolchain="gcc",
    versions="gcc 12.2.0",
    tools="7" * 64,
    kernels="e" * 64,
    emulated_on="mps2/an386",
    cycles_by="llvm-mca 22.1",
)
PROBE = {"bench_platform": "nrf52840dk/nrf52840", "bench_id": "000683759358"}
TRUTH: Mapping[KernelClass, Costs] = {
    "conv": Costs(per_cycle=1.31, per_byte=0.0, per_layer=240.0),
    "depthwise": Costs(per_cycle=1.08),
    "dense": Costs(per_cycle=1.2, per_layer=55.0),
    "softmax": Costs(per_cycle=1.55),
}


def layer(op: str, cycles: float, weight_bytes: int = 0) -> LayerCost:
    """An emulated layer; its upper bound is a tenth higher."""
    return LayerCost(
        name=f"{op.lower()}_{cycles:.0f}",
        op=op,
        share=0.1,
        instructions=round(cycles / 1.4),
        cycles_lower=cycles,
        cycles_upper=1.1 * cycles,
        time_us=1.1 * cycles / 64,
        macs=0,
        instructions_per_mac=None,
        weight_bytes=weight_bytes,
        output_bytes=16,
    )


def drawn(seed: int) -> tuple[LayerCost, ...]:
    """The layers of a network."""
    rng = random.Random(seed)  # noqa: S311 - layers, not secrets
    sizes = [rng.uniform(2e3, 9e4) for _ in range(3)]
    return (
        layer("CONV_2D", sizes[0], rng.randrange(80, 700)),
        layer("CONV_2D", sizes[1], rng.randrange(80, 700)),
        layer("DEPTHWISE_CONV_2D", sizes[2], rng.randrange(80, 300)),
        layer("RESHAPE", 0),
        layer("FULLY_CONNECTED", rng.uniform(2e2, 9e3), rng.randrange(16, 2000)),
        layer("SOFTMAX", rng.uniform(7e2, 5e3)),
    )


def measured(
    layers: Sequence[LayerCost], cost: Callable[[LayerCost], float]
) -> tuple[LayerCost, ...]:
    """The same layers as a board would tell them that takes some cycles for each."""
    return tuple(
        one.model_copy(
            update={
                "time_us": cost(one) * 1e6 / CLOCK_HZ,
                "instructions": None,
                "cycles_lower": None,
                "cycles_upper": None,
            }
        )
        for one in layers
    )


def true_cycles(one: LayerCost) -> float:
    """What a layer takes on the made-up board."""
    if not one.cycles_lower:
        return 0.0
    known = TRUTH.get(class_of(one.op), Costs(per_cycle=1.5))
    return known.cycles(one.cycles_lower, one.weight_bytes)


def pair(
    name: str, layers: Sequence[LayerCost], cost: Callable[[LayerCost], float] = true_cycles
) -> Pair:
    """A network that was emulated and measured."""
    return Pair(
        network=name,
        model=sha256_bytes(name.encode()),
        conditions=CONDITIONS,
        probe=PROBE,
        date="2026-11-28",
        tick_hz=CLOCK_HZ,
        emulated_firmware="a" * 64,
        measured_firmware="b" * 64,
        emulated=Profile(source="emulated", layers=tuple(layers)),
        measured=Profile(source="hardware", layers=measured(layers, cost)),
    )


def noisy(seed: int, share: float) -> Callable[[LayerCost], float]:
    """The made-up board with an error of some relative size."""
    rng = random.Random(seed)  # noqa: S311 - noise, not secrets
    return lambda one: true_cycles(one) * rng.gauss(1.0, share)


def pairs(count: int, share: float = 0.0) -> list[Pair]:
    """Some networks."""
    noise = noisy(7, share)
    return [pair(f"n{seed:02d}", drawn(seed), noise) for seed in range(count)]
