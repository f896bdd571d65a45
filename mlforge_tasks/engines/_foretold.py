"""What engine `aot` will make of a design, told from shapes alone, before anything is trained."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot import depthwise, depthwise_mve, memory, patches
from mlforge_tasks.engines._aot.outline import axes, outline
from mlforge_tasks.engines._aot.outline_steps import lower_outline, lowering
from mlforge_tasks.engines._aot.program import Step
from mlforge_tasks.engines._aot.thrift import thrifty

if TYPE_CHECKING:
    from mlforge_tasks.architecture import StaticFigures
    from mlforge_tasks.architecture.geometry import Window
    from mlforge_tasks.engines._aot.core import Kernels
    from mlforge_tasks.engines._aot.graph import Graph
    from mlforge_tasks.engines._aot.program import Lowered
    from mlforge_tasks.engines._aot.window import Axis


def lines_of(window: Window) -> tuple[Axis, Axis]:
    """How a depthwise layer's planes lie for the portable kernels: across their lines, along them.

    Args:
        window: The layer's.
    """
    plane = depthwise.plane_of("portable", *axes(window), 1, 1)
    return plane.across, plane.along


def dsp_depthwise(window: Window, channels: int) -> tuple[str, int]:
    """Which DSP kernel a depthwise layer gets, `words` or `planes`, and about what it takes.

    Args:
        window: The layer's.
        channels: Of its input and output.
    """
    height, width = axes(window)
    words = depthwise.in_words(height, width, channels)
    if words is not None:
        return "words", words.cost
    plane = depthwise.plane_of("dsp", height, width, channels, channels)
    return "planes", channels * plane.cost


def mve_depthwise(window: Window, channels: int) -> tuple[str, int]:
    """Which MVE kernel a depthwise layer gets, `lanes` or `planes`, and about what it takes.

    Args:
        window: The layer's.
        channels: Of its input and output.
    """
    way = depthwise_mve.way_of(*axes(window), channels, channels)
    if isinstance(way, depthwise_mve.Plane):
        return "planes", way.cost(channels, channels)
    return "lanes", 0 if way is None else way.cost(channels)


@functools.lru_cache(maxsize=16)
def _lowered(figures: StaticFigures, kernels: Kernels) -> tuple[Graph, tuple[Lowered, ...]]:
    graph = outline(figures)
    return graph, lower_outline(graph, kernels)


def weight_bytes(figures: StaticFigures, kernels: Kernels) -> int:
    """What a design's weights take in flash, with what the core's kernels have zeros for.

    Centroids are no weights of the model: the application has them as they are.

    Args:
        figures: Of the design.
        kernels: Of the core.
    """
    _, lowered = _lowered(figures, kernels)
    constants = (each.constants for each in lowered if isinstance(each, Step))
    centroids = (each.weight_bytes for each in figures.layers if each.operation == "distance")
    return sum(each.size_bytes for some in constants for each in some) + sum(centroids)


@functools.lru_cache(maxsize=4096)
def arena_bytes(
    figures: StaticFigures,
    kernels: Kernels,
    limit_bytes: int | None = None,
    *,
    streamed: bool = False,
    searches: bool = True,
) -> int:
    """The arena of a design: what the engine's planner makes of its shapes.

    Args:
        figures: Of the design.
        kernels: Of the core.
        limit_bytes: Of working memory, beyond which first layers run in stripes; None where they
            may not.
        streamed: Whether the input comes by rows, in any case.
        searches: Whether to search as the engine does for stripes, and for a plan that takes less
            than the first ones. Without, one design in sixty is told more than 5 % too much, in a
            tenth of the time.
    """
    graph, lowered = _lowered(figures, kernels)
    alone = thrifty(graph, lowered).lowered
    whole = memory.foretold_bytes(graph, alone, searches=searches)
    if limit_bytes is None or (whole <= limit_bytes and not streamed):
        return whole
    stripes = (graph, lowered, lowering(kernels))
    if not searches:
        quick = patches.foretold_bytes(*stripes, limit_bytes=limit_bytes, streamed=streamed)
        return whole if quick is None or (quick > whole and not streamed) else quick
    found = patches.patched(
        *stripes,
        whole_bytes=whole,
        limit_bytes=limit_bytes,
        whole_macs=figures.macs,
        streamed=streamed,
    )
    return whole if found is None else found.memory.arena_bytes
