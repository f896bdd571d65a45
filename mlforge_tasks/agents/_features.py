"""What RAM, flash, latency and stack are taken as a sum of, and first guesses of the constants.

The guesses are for the `aot` engine on bare metal, by the kernels that a core gets; other engines
and platforms are learnt from what is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mlforge_tasks.agents import _npu_costs
from mlforge_tasks.agents._loop_costs import LOOPS, latency_costs
from mlforge_tasks.agents._loops import counts, kernels_run
from mlforge_tasks.architecture.figures import BIAS_BYTES
from mlforge_tasks.engines._foretold import foretold, weight_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlforge_tasks.agents import BoardFacts, Stripes
    from mlforge_tasks.agents._loop_costs import Kernels
    from mlforge_tasks.architecture import StaticFigures
    from mlforge_tasks.architecture.geometry import Operation
    from mlforge_tasks.quantisation import EndType

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


def _slide(figures: StaticFigures) -> float:
    """Operators with windows."""
    return sum(layer.window is not None for layer in figures.layers)


def _stand(figures: StaticFigures) -> float:
    """Operators without."""
    return kernels_run(figures) - _slide(figures)


def _runs_kernels(figures: StaticFigures) -> float:
    return kernels_run(figures) > 0


# Beside the weights and the arena, which depend on the core too.
_OTHERS: Mapping[str, Callable[[StaticFigures], Sequence[float]]] = {
    "flash_bytes": _each(
        _one,
        _sum("channels", "conv", "depthwise"),  # dense layers have one multiplier for all
        _slide,
        _stand,
        _has("conv"),
        _has("depthwise"),
        _has("pool"),
        _has("elementwise"),
        _runs_kernels,
    ),
    "stack_bytes": _each(_one, _has("conv"), _has("depthwise")),
}
METRICS = ("ram_bytes", "flash_bytes", "latency_us", "stack_bytes")
# Of MVE's kernels the one of four windows at a time has the largest stack.
_FOUR_WINDOWS = LOOPS["mve"].index("mve_four_windows_outputs")


def units(
    figures: StaticFigures,
    kernels: Kernels,
    stripes: Stripes | None = None,
    *,
    searches: bool = True,
    activations: EndType = "int8",
    npu: str | None = None,
) -> dict[str, Sequence[float]]:
    """How many units of each feature a network has, by metric.

    Args:
        figures: Of the network.
        kernels: Of the core.
        stripes: As of the brief.
        searches: As of `foretold`.
        activations: What the network's values are.
        npu: What runs it in place of the core.
    """
    beyond_bytes = None if stripes is None else stripes.beyond_bytes
    streamed = stripes is not None and stripes.streamed
    kernels = loops_of(kernels, activations)
    told = foretold(
        *(figures, kernels, beyond_bytes),
        streamed=streamed,
        searches=searches,
        activations=activations,
    )
    found = {metric: units(figures) for metric, units in _OTHERS.items()}
    loops = counts(figures, kernels, told.striped)
    four_windows = kernels == "mve" and loops[_FOUR_WINDOWS] > 0
    found["stack_bytes"] = [*found["stack_bytes"], float(four_windows)]
    biases = BIAS_BYTES * _sum("channels", *WEIGHTED)(figures)
    weights = weight_bytes(figures, kernels, activations) + biases
    return found | {
        "latency_us": loops if npu is None else _npu_costs.units(figures, npu),
        "ram_bytes": [*found["stack_bytes"], float(told.arena_bytes)],
        "flash_bytes": [*found["flash_bytes"], weights],
    }


_SPREAD: Mapping[str, tuple[float, ...]] = {
    "ram_bytes": (0.08, 0.15, 0.3, 0.3, 0.01),
    "flash_bytes": (
        0.02,
        0.15,
        0.15,
        0.15,
        0.08,
        0.08,
        0.3,
        0.25,
    ),  # and of `_SHARED_CODE`, and the weights
    "stack_bytes": (0.06, 0.15, 0.3, 0.3),
}
_WEIGHT_SPREAD, _LOOP_SPREAD = 0.01, 0.25
# Relative standard deviations that all constants share, and that no constants can explain.
_COMMON: Mapping[str, float] = {"latency_us": 0.25}
# The same of a core's speed where it was measured, class by class.
_CALIBRATED = 0.05
_ERRORS: Mapping[str, float] = {
    "ram_bytes": 0.02,
    "flash_bytes": 0.02,
    "latency_us": 0.03,
    "stack_bytes": 0.04,
}
# Least-squares fits to 40 random networks of our spaces (a day of glucose, a watch, digits, words,
# images, flat features) on Cortex-M3, M4 and M55, rounded, in bytes. Root mean square error of each
# sum, in %: RAM 1, 1, 2; stack 3, 3, 6. M7 and M33 are as M4 is. Variables beside the arena are 112
# bytes everywhere. Flash is fitted to 50 networks with dense layers as converters make them, chains
# of up to 20 layers among them: 1.5, 2.2 and 3.0 %. An image without kernels, of centroids alone,
# was measured; what the kernels share, last but one in a row, is what the fit has more for any
# network.
_GUESSES: Mapping[Kernels, Mapping[str, tuple[float, ...]]] = {
    "portable": {
        "ram_bytes": (454.0, 77.0, 1.0, 1.0, 1.0),
        "flash_bytes": (3596.0, 5.7, 165.0, 131.0, 2960.0, 1080.0, 182.0, 360.0, 1140.0, 1.0),
        "stack_bytes": (342.0, 77.0, 1.0, 1.0),
    },
    "dsp": {
        "ram_bytes": (502.0, 85.0, 8.0, 1.0, 1.0),
        "flash_bytes": (3646.0, 7.2, 195.0, 157.0, 2190.0, 1430.0, 155.0, 380.0, 820.0, 1.0),
        "stack_bytes": (390.0, 85.0, 8.0, 1.0),
    },
    "mve": {
        "ram_bytes": (507.0, 124.0, 30.0, 63.0, 1.0),
        "flash_bytes": (3666.0, 7.7, 215.0, 141.0, 350.0, 1060.0, 610.0, 390.0, 3040.0, 1.0),
        "stack_bytes": (395.0, 124.0, 30.0, 63.0),
    },
}
# A static program for Linux without a model: 532,296 bytes on AArch64, nearly all of them glibc's.
_PROGRAM_BYTES, _PROGRAM_SPREAD = 532_000.0, 0.05
# What int16 values take, as a multiple of what int8 ones do with the portable kernels: medians of
# eight networks of our spaces on Cortex-M3, M4 and M55, of from 2.2 to 3.6, 3.7 and 4.5. Flash and
# stack are guessed as with these; the flash of four networks was off by a fifth at most.
_INT16_LATENCY: Mapping[Kernels, float] = {"portable": 2.7, "dsp": 2.6, "mve": 3.1}
# Relative standard deviation of what all kernels share: with that of an image without them it makes
# 3 % of both.
_SHARED_CODE: Mapping[Kernels, float] = {"portable": 0.098, "dsp": 0.13, "mve": 0.061}


def kernels_of(board: BoardFacts) -> Kernels:
    """Which kernels a board's core gets."""
    return "mve" if board.mve else "dsp" if board.dsp else "portable"


def loops_of(kernels: Kernels, activations: EndType) -> Kernels:
    """Whose loops stand for a core's: of int16 values the portable ones, for want of their own."""
    return "portable" if activations == "int16" else kernels


def figures_for(board: BoardFacts, activations: EndType = "int8") -> dict[str, Figure]:
    """How each figure comes about on a board, by metric."""
    by = _INT16_LATENCY[kernels_of(board)] if activations == "int16" else 1.0
    kernels = loops_of(kernels_of(board), activations)
    measured = board.calibrated if activations == "int8" else None
    average = board.cycles_per_instruction or 1.0
    relative = {kind: cycles / average for kind, cycles in (measured or {}).items()}
    latency_guesses = tuple(by * each for each in latency_costs(kernels, relative))
    guesses = {**_GUESSES[kernels], "latency_us": latency_guesses}
    flash = (*_SPREAD["flash_bytes"], _SHARED_CODE[kernels], _WEIGHT_SPREAD)
    if board.flash_bytes is None:  # a program, which has a C library within it
        guesses["flash_bytes"] = (_PROGRAM_BYTES, *guesses["flash_bytes"][1:])
        flash = (_PROGRAM_SPREAD, *flash[1:])
    latency = (_LOOP_SPREAD,) * len(LOOPS[kernels])
    spread = {**_SPREAD, "flash_bytes": flash, "latency_us": latency}
    common = {**_COMMON, **({"latency_us": _CALIBRATED} if measured else {})}
    known = {
        metric: Figure(guesses[metric], spread[metric], common.get(metric, 0.0), _ERRORS[metric])
        for metric in METRICS
    }
    return known if board.npu is None else known | {"latency_us": _ON_NPU}


_ON_NPU = Figure(_npu_costs.CYCLES, _npu_costs.DEVIATIONS, _npu_costs.COMMON, _npu_costs.ERROR)
