"""What engine `aot` will make of a design, told from shapes alone, before anything is trained."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot import (
    depthwise,
    depthwise_lanes,
    depthwise_mve,
    memory,
)
from mlforge_tasks.engines._aot.outline import axes, lower_outline, outline
from mlforge_tasks.engines._aot.thrift import thrifty

if TYPE_CHECKING:
    from mlforge_tasks.architecture import StaticFigures
    from mlforge_tasks.architecture.geometry import Window
    from mlforge_tasks.engines._aot.core import Kernels


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
    height, width = axes(window)
    plane = depthwise_mve.plane_of(height, width)
    lanes = depthwise_lanes.lanes_of(height, width, channels).cost(channels)
    planes = plane.cost(channels, channels)
    return ("planes", planes) if plane.room and planes <= lanes else ("lanes", lanes)


@functools.lru_cache(maxsize=4096)
def arena_bytes(figures: StaticFigures, kernels: Kernels, *, searches: bool = True) -> int:
    """The arena of a design: what `memory.plan` makes of its shapes.

    Args:
        figures: Of the design.
        kernels: Of the core.
        searches: Whether to search as the engine does for a plan that takes less than the first
            ones. Without, one design in sixty is told more than 5 % too much, in a tenth of the
            time.
    """
    graph = outline(figures)
    found = thrifty(graph, lower_outline(graph, kernels))
    return memory.foretold_bytes(graph, found.lowered, searches=searches)
