"""What RAM, flash, latency and stack are taken as a sum of, and first guesses of the constants.

The guesses are for the `aot` engine on bare metal, by the kernels that a core gets; other engines
and platforms are learnt from what is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mlforge_tasks.agents._loop_costs import LOOPS, latency_costs
from mlforge_tasks.agents._loops import counts, kernels_run
from mlforge_tasks.engines._foretold import arena_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlforge_tasks.agents import BoardFacts, Stripes
    from mlforge_tasks.agents._loop_costs import Kernels
    from mlforge_tasks.architecture import StaticFigures
    from mlforge_tasks.architecture.geometry import Operation

Feature: TypeAlias = "Callable[[StaticFigures], float]"

WEIGHTED: tuple[Operation, ...] = ("conv", "depthwise", "dense")


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


def _each(*features: Feature) -> Callable[[StaticFigures], list[float]]:
    """Counts one feature after the other."""
    return lambda figures: [float(feature(figures)) for feature in features]


def _one(_: StaticFigures) -> float:
    return 1.0


def _runs_kernels(figures: StaticFigures) -> float:
    return kernels_run(figures) > 0


def _maps_only(figures: StaticFigures) -> float:
    """Whether there are element-wise operators and no convolution, whose stack is larger."""
    return _has("elementwise")(figures) and not _has("conv")(figures)


_RAM = _each(_one, _has("conv"), _has("depthwise"), _maps_only)
_OTHERS: Mapping[str, Callable[[StaticFigures], Sequence[float]]] = {
    "flash_bytes": _each(
        _one,
        lambda figures: figures.weight_bytes,
        _sum("channels", *WEIGHTED),
        kernels_run,
        _has("conv"),
        _has("depthwise"),
        _has("pool"),
        _has("elementwise"),
        _runs_kernels,
    ),
    "latency_us": counts,
    "stack_bytes": _each(_one, _has("conv"), _has("depthwise"), _maps_only),
}
METRICS = ("ram_bytes", *_OTHERS)


def units(
    figures: StaticFigures,
    kernels: Kernels,
    stripes: Stripes | None = None,
    *,
    searches: bool = True,
) -> dict[str, Sequence[float]]:
    """How many units of each feature a network has, by metric.

    Args:
        figures: Of the network.
        kernels: Of the core.
        stripes: As of the brief.
        searches: As of `arena_bytes`.
    """
    beyond_bytes = None if stripes is None else stripes.beyond_bytes
    streamed = stripes is not None and stripes.streamed
    arena = arena_bytes(figures, kernels, beyond_bytes, streamed=streamed, searches=searches)
    others = {metric: units(figures) for metric, units in _OTHERS.items()}
    return {"ram_bytes": [*_RAM(figures), float(arena)]} | others


_SPREAD: Mapping[str, tuple[float, ...]] = {
    "ram_bytes": (0.2, 0.3, 0.5, 0.8, 0.03),
    "flash_bytes": (0.03, 0.02, 0.3, 0.3, 0.15, 0.15, 0.6, 0.5),  # and of `_SHARED_CODE`
    "latency_us": (0.25,) * len(LOOPS),
    "stack_bytes": (0.15, 0.3, 0.5, 0.8),
}
# Relative standard deviations that all constants share, and that no constants can explain.
_COMMON: Mapping[str, float] = {"latency_us": 0.25}
_ERRORS: Mapping[str, float] = {
    "ram_bytes": 0.02,
    "flash_bytes": 0.02,
    "latency_us": 0.03,
    "stack_bytes": 0.04,
}
# Least-squares fits to 54 or more random networks of our spaces (2 h of glucose, 2 s of a watch,
# digits, 30 flat features) on Cortex-M3, M4 and M55, rounded; RAM and stack on the M55 are fits to
# 22 on today's kernels. Root mean square error of each sum, in %: RAM 7, 6, 3; flash 3, 3, 4; stack
# 8, 8, 4. In bytes. An image without kernels, of centroids alone, was measured; what the kernels
# share, last in a row, is what the fit has more for any network.
_GUESSES: Mapping[Kernels, Mapping[str, tuple[float, ...]]] = {
    "portable": {
        "ram_bytes": (360.0, 220.0, 0.0, 50.0, 1.0),
        "flash_bytes": (3540.0, 1.02, 5.0, 205.0, 3650.0, 2750.0, 350.0, 1000.0, 810.0),
        "stack_bytes": (280.0, 225.0, 0.0, 35.0),
    },
    "dsp": {
        "ram_bytes": (390.0, 230.0, 0.0, 55.0, 1.0),
        "flash_bytes": (3590.0, 1.02, 5.5, 195.0, 1300.0, 2650.0, 290.0, 1100.0, 1610.0),
        "stack_bytes": (310.0, 230.0, 0.0, 40.0),
    },
    "mve": {
        "ram_bytes": (600.0, 90.0, 70.0, 1.0, 1.0),
        "flash_bytes": (3610.0, 1.02, 13.4, 255.0, 1800.0, 1700.0, 60.0, 630.0, 2360.0),
        "stack_bytes": (488.0, 90.0, 70.0, 1.0),
    },
}
# Relative standard deviation of what all kernels share: with that of an image without them it makes
# 6 % of both, as little as the fit says of their sum.
_SHARED_CODE: Mapping[Kernels, float] = {"portable": 0.294, "dsp": 0.182, "mve": 0.145}


def kernels_of(board: BoardFacts) -> Kernels:
    """Which kernels a board's core gets."""
    return "mve" if board.mve else "dsp" if board.dsp else "portable"


def figures_for(board: BoardFacts) -> dict[str, Figure]:
    """How each figure comes about on a board, by metric."""
    kernels = kernels_of(board)
    guesses = {**_GUESSES[kernels], "latency_us": latency_costs(kernels)}
    flash = (*_SPREAD["flash_bytes"], _SHARED_CODE[kernels])
    spread = {**_SPREAD, "flash_bytes": flash}
    return {
        metric: Figure(guesses[metric], spread[metric], _COMMON.get(metric, 0.0), _ERRORS[metric])
        for metric in METRICS
    }
