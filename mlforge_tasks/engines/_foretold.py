"""What engine `aot` will make of a design, told from shapes alone, before anything is trained."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot import conv_rows, dense, memory, patches
from mlforge_tasks.engines._aot.looked import looked_at
from mlforge_tasks.engines._aot.outline import axes, outline
from mlforge_tasks.engines._aot.outline_steps import lower_outline, lowering
from mlforge_tasks.engines._aot.program import Step
from mlforge_tasks.engines._aot.thrift import thrifty_forms
from mlforge_tasks.engines._ran_layers import Ran, ran_layers

if TYPE_CHECKING:
    from mlforge_tasks.architecture import StaticFigures
    from mlforge_tasks.architecture.geometry import Window
    from mlforge_tasks.engines._aot.core import Kernels
    from mlforge_tasks.engines._aot.graph import Graph
    from mlforge_tasks.engines._aot.program import Lowered
    from mlforge_tasks.quantisation import EndType


def windows_inside(window: Window) -> tuple[int, int]:
    """Rows and columns of windows that touch no padding.

    Args:
        window: A layer's.
    """
    height, width = axes(window)
    return height.windows_inside, width.windows_inside


def runs_of(window: Window, channels: int) -> tuple[int, int]:
    """How taps lie in the input for the portable kernels: runs, and taps of one; none if copied.

    Args:
        window: A convolution's.
        channels: Of its input.
    """
    return dense.runs_of(*axes(window), channels)[:2]


def conv_rows_of(window: Window, channels: int, channels_out: int) -> conv_rows.Rows | None:
    """The ring of rows from which MVE kernels take a convolution; None if they pack windows.

    Args:
        window: The layer's.
        channels: Of the input.
        channels_out: Of the output.
    """
    return conv_rows.rows_of(*axes(window), channels, channels_out)


@functools.lru_cache(maxsize=16)
def _lowered(
    figures: StaticFigures, kernels: Kernels, activations: EndType = "int8"
) -> tuple[Graph, tuple[Lowered, ...]]:
    graph = outline(figures, activations)
    return graph, lower_outline(graph, kernels)


def weight_bytes(figures: StaticFigures, kernels: Kernels, activations: EndType = "int8") -> int:
    """What a design's weights take in flash, with what the core's kernels have zeros for.

    Centroids are no weights of the model: the application has them as they are.

    Args:
        figures: Of the design.
        kernels: Of the core.
        activations: What the model's values are.
    """
    _, lowered = _lowered(figures, kernels, activations)
    constants = (each.constants for each in lowered if isinstance(each, Step))
    centroids = (each.weight_bytes for each in figures.layers if each.operation == "distance")
    return sum(each.size_bytes for some in constants for each in some) + sum(centroids)


@dataclass(frozen=True)
class Foretold:
    """What the engine will make of a design.

    Attributes:
        arena_bytes: What its planner makes of the shapes.
        striped: What runs, where first layers do so in stripes; else each layer runs once.
    """

    arena_bytes: int
    striped: tuple[Ran, ...] | None = None


@functools.lru_cache(maxsize=4096)
def foretold(
    figures: StaticFigures,
    kernels: Kernels,
    limit_bytes: int | None = None,
    *,
    streamed: bool = False,
    searches: bool = True,
    activations: EndType = "int8",
) -> Foretold:
    """The arena of a design, and what runs in stripes.

    Args:
        figures: Of the design.
        kernels: Of the core.
        limit_bytes: Of working memory, beyond which first layers run in stripes, if they may.
        streamed: Whether the input comes by rows, in any case.
        searches: Whether to search as the engine does for stripes, and for a plan that takes less
            than the first ones. Without, one design in sixty is told 5 % too much or more.
        activations: What the model's values are; of int16 nothing runs in stripes.
    """
    graph, lowered = _lowered(figures, kernels, activations)
    whole = memory.foretold_bytes(graph, thrifty_forms(graph, lowered), searches=searches)
    if limit_bytes is None or activations == "int16" or (whole <= limit_bytes and not streamed):
        return Foretold(whole)
    stripes = (graph, lowered, lowering(kernels))
    if not searches:
        quick = looked_at(*stripes, limit_bytes=limit_bytes, streamed=streamed)
        if quick is None or (quick.arena_bytes > whole and not streamed):
            return Foretold(whole)
        return Foretold(quick.arena_bytes, tuple(ran_layers(quick.graph, quick.lowered)))
    found = patches.patched(
        *stripes,
        whole_bytes=whole,
        limit_bytes=limit_bytes,
        whole_macs=figures.macs,
        streamed=streamed,
    )
    if found is None:
        return Foretold(whole)
    return Foretold(found.memory.arena_bytes, tuple(ran_layers(found.graph, found.lowered)))
