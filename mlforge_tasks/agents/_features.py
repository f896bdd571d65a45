"""What RAM, flash, latency and stack are taken as a sum of, and first guesses of the constants.

The guesses are for the `aot` engine on bare metal, by the kernels that a core gets; other engines
and platforms are learnt from what is measured.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlforge_tasks.agents import BoardFacts
    from mlforge_tasks.architecture import StaticFigures
    from mlforge_tasks.architecture.figures import LayerFigures
    from mlforge_tasks.architecture.geometry import Operation

Feature: TypeAlias = "Callable[[StaticFigures], float]"
Kernels: TypeAlias = Literal["portable", "dsp", "mve"]

WEIGHTED: tuple[Operation, ...] = ("conv", "depthwise", "dense")
# Kernels of DSP and MVE cores pack this many windows at a time; MVE's, where a window is narrow,
# as many as fit into a kilobyte.
WINDOWS, NARROW_BYTES, NARROW_ROOM_BYTES = 4, 64, 1024


@dataclass(frozen=True)
class Figure:
    """How one measured figure comes about, on one kind of core.

    Attributes:
        constants: First guess of what one unit of each feature costs.
        deviations: Their relative standard deviations: how little the guesses are worth.
        common: Relative standard deviation that all constants share: of a core's speed, say.
        error: What a sum of terms cannot express, relative to the figure: alignment, loop edges.
    """

    constants: tuple[float, ...]
    deviations: tuple[float, ...]
    common: float
    error: float


def _sum(attribute: str, *operations: Operation) -> Feature:
    """Counts an attribute over the operators of some classes."""

    def total(figures: StaticFigures) -> float:
        layers = (layer for layer in figures.layers if layer.operation in operations)
        return float(sum(getattr(layer, attribute) for layer in layers))

    return total


def _has(operation: Operation) -> Feature:
    return lambda figures: any(layer.operation == operation for layer in figures.layers)


def _one(_: StaticFigures) -> float:
    return 1.0


def _operators(figures: StaticFigures) -> float:
    return len(figures.layers)


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _windows(layer: LayerFigures) -> int:
    """Positions of a convolution's window."""
    return layer.output_bytes // max(layer.channels, 1)


def _taps(layer: LayerFigures) -> int:
    return layer.macs // max(layer.output_bytes, 1)


def _over_convolutions(each: Callable[[LayerFigures], int]) -> Feature:
    """Counts something over the convolutions that are not depthwise."""
    return lambda figures: sum(each(layer) for layer in figures.layers if layer.operation == "conv")


def _padded_macs(multiple: int) -> Callable[[LayerFigures], int]:
    """Multiply-accumulates of channel pairs and of windows in whole vectors."""
    return lambda layer: (
        _windows(layer) * _round_up(layer.channels, 2) * _round_up(_taps(layer), multiple)
    )


def _packed_taps(layer: LayerFigures) -> int:
    return _windows(layer) * _taps(layer)


def _mve_group(layer: LayerFigures) -> int:
    """How many windows of a convolution MVE's kernels take at a time."""
    window = _round_up(_taps(layer), 16)
    if window <= NARROW_BYTES and _windows(layer) >= 2 * WINDOWS:
        return min(_windows(layer), NARROW_ROOM_BYTES // window & ~7)
    return WINDOWS if _windows(layer) >= WINDOWS else 1


def _mve_groups(layer: LayerFigures) -> int:
    return -(-_windows(layer) // _mve_group(layer))


def _mve_calls(layer: LayerFigures) -> int:
    return _mve_groups(layer) * _round_up(layer.channels, 2) // 2


def _pointwise_windows(figures: StaticFigures) -> float:
    """Windows of one tap per channel, as in the second half of a separable convolution."""
    pairs = itertools.pairwise(figures.layers)
    return sum(
        _windows(to) for of, to in pairs if of.operation == "depthwise" and of.name == to.name
    )


def _scratch_bytes(layer: LayerFigures, kernels: Kernels) -> int:
    """What an operator needs beside its input and output."""
    taps = _taps(layer)
    if layer.operation == "depthwise":
        return layer.live_bytes // layer.channels  # one channel's plane
    if layer.operation == "dense" and kernels == "dsp":
        return 2 * _round_up(taps, 4)
    if layer.operation != "conv":
        return 0
    if kernels == "portable":
        return 2 * taps
    if kernels == "dsp":
        return (2 * min(_windows(layer), WINDOWS) + 1) * _round_up(taps, 4)
    return _mve_group(layer) * _round_up(taps, 16) + taps


def _working_bytes(kernels: Kernels) -> Feature:
    """The peak of the activations, with what the kernels need beside them."""
    return lambda figures: max(
        layer.live_bytes + _scratch_bytes(layer, kernels) for layer in figures.layers
    )


def _maps_only(figures: StaticFigures) -> float:
    """Whether there are element-wise operators and no convolution, whose stack is larger."""
    return _has("elementwise")(figures) and not _has("conv")(figures)


FEATURES: Mapping[str, tuple[Feature, ...]] = {
    "ram_bytes": (
        _one,
        _has("conv"),
        _maps_only,
        _working_bytes("portable"),
        _working_bytes("dsp"),
        _working_bytes("mve"),
    ),
    "flash_bytes": (
        _one,
        lambda figures: figures.weight_bytes,
        _sum("channels", *WEIGHTED),
        _operators,
        _has("conv"),
        _has("depthwise"),
        _has("pool"),
        _has("elementwise"),
    ),
    "latency_us": (
        _over_convolutions(_padded_macs(16)),
        _over_convolutions(_padded_macs(4)),
        _over_convolutions(_packed_taps),
        _over_convolutions(_windows),
        _pointwise_windows,
        _over_convolutions(_mve_groups),
        _over_convolutions(_mve_calls),
        _sum("output_bytes", "conv"),
        _sum("macs", "dense"),
        _sum("output_bytes", "dense"),
        _sum("macs", "depthwise"),
        _sum("output_bytes", "depthwise"),
        _sum("channels", "depthwise"),
        _sum("reads", "pool"),
        _sum("reads", "elementwise"),
        _operators,
    ),
    "stack_bytes": (_one, _has("conv"), _maps_only),
}
METRICS = tuple(FEATURES)

_SPREAD: Mapping[str, tuple[float, ...]] = {
    "ram_bytes": (0.2, 0.3, 0.8, 0.05, 0.05, 0.05),
    "flash_bytes": (0.06, 0.02, 0.3, 0.3, 0.15, 0.15, 0.6, 0.5),
    "latency_us": (0.25,) * len(FEATURES["latency_us"]),
    "stack_bytes": (0.15, 0.3, 0.8),
}
# Relative standard deviations that all constants share, and that no constants can explain.
_COMMON: Mapping[str, float] = {"latency_us": 0.25}
_ERRORS: Mapping[str, float] = {
    "ram_bytes": 0.02,
    "flash_bytes": 0.02,
    "latency_us": 0.05,
    "stack_bytes": 0.04,
}
# Least-squares fits to 54 or more random networks of our spaces (2 h of glucose, 2 s of a watch,
# digits, 30 flat features) on Cortex-M3, M4 and M55, rounded. Root mean square error of each sum,
# in %: RAM 7, 6, 4; flash 3, 3, 4; latency 7, 10, 14; stack 8, 8, 4. In bytes and instructions.
_GUESSES: Mapping[Kernels, Mapping[str, tuple[float, ...]]] = {
    "portable": {
        "ram_bytes": (360.0, 220.0, 50.0, 1.0, 0.0, 0.0),
        "flash_bytes": (4350.0, 1.02, 5.0, 205.0, 3650.0, 2750.0, 350.0, 1000.0),
        "latency_us": (
            *(0.22, 3.0, 1.7, 310.0, 15.0, 50.0, 52.0, 31.0, 4.1),
            *(35.0, 13.0, 1.3, 270.0, 7.1, 11.0, 140.0),
        ),
        "stack_bytes": (280.0, 225.0, 35.0),
    },
    "dsp": {
        "ram_bytes": (390.0, 230.0, 55.0, 0.0, 1.0, 0.0),
        "flash_bytes": (5200.0, 1.02, 5.5, 195.0, 1300.0, 2650.0, 290.0, 1100.0),
        "latency_us": (
            *(0.08, 1.0, 3.9, 215.0, 12.0, 39.0, 83.0, 16.0, 1.8),
            *(27.0, 10.0, 2.0, 250.0, 4.9, 4.0, 140.0),
        ),
        "stack_bytes": (310.0, 230.0, 40.0),
    },
    "mve": {
        "ram_bytes": (593.0, 86.0, 1.0, 0.0, 0.0, 1.02),
        "flash_bytes": (5970.0, 1.02, 13.4, 255.0, 1800.0, 1700.0, 60.0, 630.0),
        "latency_us": (
            *(0.11, 0.05, 1.6, 170.0, 2.0, 79.0, 69.0, 5.4, 0.42),
            *(23.0, 1.1, 2.0, 380.0, 0.3, 0.8, 180.0),
        ),
        "stack_bytes": (488.0, 153.0, 1.0),
    },
}


def figures_for(board: BoardFacts) -> dict[str, Figure]:
    """How each figure comes about on a board, by metric."""
    kernels: Kernels = "mve" if board.mve else "dsp" if board.dsp else "portable"
    return {
        metric: Figure(constants, _SPREAD[metric], _COMMON.get(metric, 0.0), _ERRORS[metric])
        for metric, constants in _GUESSES[kernels].items()
    }
