"""Chooses which first operators run stripe by stripe, and in how many stripes.

Rows that a stripe needs beyond its own are computed once more for each stripe, so memory is bought
with multiply-accumulates (Lin et al., "MCUNetV2: Memory-Efficient Patch-based Inference for Tiny
Deep Learning", 2021).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot import region, trace
from mlforge_tasks.engines._aot.loops import head
from mlforge_tasks.engines._aot.lower import lower_operators
from mlforge_tasks.engines._aot.memory import plan
from mlforge_tasks.engines._aot.program import Step
from mlforge_tasks.engines._aot.share import share_constants
from mlforge_tasks.engines._aot.stripes import striped
from mlforge_tasks.engines._aot.thrift import Thrifty, thrifty
from mlforge_tasks.records import Patches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlforge_tasks.engines._aot.graph import Graph
    from mlforge_tasks.engines._aot.loops import Head
    from mlforge_tasks.engines._aot.memory import Plan
    from mlforge_tasks.engines._aot.program import Lowered

# What stripes may compute once more, as a share of the whole model's multiply-accumulates.
MOST_EXTRA_SHARE = 0.25
_MOST_STRIPES = 32


@dataclass(frozen=True)
class Cut:
    """One way to cut a model.

    Attributes:
        head: Its first operators, in stripes.
        extra_macs: What is computed more than without.
    """

    head: Head
    extra_macs: int


@dataclass(frozen=True)
class Patched:
    """A model with its first operators in stripes."""

    graph: Graph
    lowered: tuple[Lowered, ...]
    memory: Plan
    patches: Patches


@dataclass(frozen=True)
class _Try:
    """A cut, what it makes of a model, and what the arena takes at least."""

    cut: Cut
    graph: Graph
    lowered: tuple[Lowered, ...]
    least_bytes: int


def macs_of(lowered: Sequence[Lowered]) -> int:
    """Multiply-accumulates of operators, each run once."""
    return sum(form.macs for form in lowered if isinstance(form, Step))


def _weight_bytes(lowered: Sequence[Lowered]) -> int:
    return sum(
        constant.size_bytes
        for form in lowered
        if isinstance(form, Step)
        for constant in form.constants
        if constant.name.endswith("_weights")
    )


def cuts(graph: Graph, lowered: Sequence[Lowered], *, streamed: bool = False) -> Iterator[Cut]:
    """All cuts of a model into stripes of equally many rows, with rows kept or computed anew.

    Args:
        graph: The model.
        lowered: Its operators.
        streamed: Whether its input comes by rows: none may be read twice, nor behind the stripes.
    """
    for end in region.region_ends(graph, lowered):
        if streamed and any(graph.input in each.inputs for each in graph.operators[end + 1 :]):
            continue
        count = region.row_count(graph.output_of(graph.operators[end]))
        heights = {-(-count // number) for number in range(2, min(count, _MOST_STRIPES) + 1)}
        same = region.same_bytes(graph, lowered, end)
        whole = macs_of(lowered[: end + 1])
        for height in sorted(heights, reverse=True):
            for keep in (True,) if streamed else (True, False):
                stripes = trace.stripes(graph, end, height, same, keep=keep)
                macs = sum(trace.macs(each.parts, graph, lowered) for each in stripes)
                if stripes and (keep or macs > whole):
                    yield Cut(head(graph, stripes, end, same, fed=streamed), macs - whole)


def cut_up(cut: Cut, graph: Graph, lowered: Sequence[Lowered], cpu: str) -> tuple[Graph, Thrifty]:
    """A model as it is cut, and its operators; arguments as of `patched`."""
    made, count = striped(graph, cut.head)
    first = replace(made, operators=made.operators[:count])
    forms = (*lower_operators(first, cpu)[1], *lowered[cut.head.end + 1 :])
    found = thrifty(made, forms)
    return made, replace(found, lowered=share_constants(found.lowered))


def _tries(
    graph: Graph,
    lowered: Sequence[Lowered],
    cpu: str,
    most: tuple[int, float],
    *,
    streamed: bool,
) -> list[_Try]:
    """Cuts within bytes and extra multiply-accumulates that have no weights twice in flash."""
    most_bytes, most_macs = most
    weights = _weight_bytes(share_constants(lowered))
    tries = []
    for cut in cuts(graph, lowered, streamed=streamed):
        if cut.extra_macs > most_macs:
            continue
        made, found = cut_up(cut, graph, lowered, cpu)
        if found.least_bytes < most_bytes and _weight_bytes(found.lowered) <= weights:
            tries.append(_Try(cut, made, found.lowered, found.least_bytes))
    return tries


def _by_cost(one: _Try) -> tuple[int, int, int]:
    """What running it takes; where that is equal, its memory."""
    return one.cut.extra_macs, one.cut.head.calls, one.least_bytes


def _planned(one: _Try, graph: Graph, whole_bytes: int) -> Patched:
    patches = Patches(
        last_layer=graph.operators[one.cut.head.end].name,
        stripes=one.cut.head.stripes,
        extra_macs=one.cut.extra_macs,
        whole_arena_bytes=whole_bytes,
        streamed=one.cut.head.fed,
    )
    return Patched(one.graph, one.lowered, plan(one.graph, one.lowered), patches)


def patched(
    graph: Graph,
    lowered: Sequence[Lowered],
    cpu: str,
    *,
    whole_bytes: int,
    limit_bytes: int,
    whole_macs: int,
    streamed: bool = False,
) -> Patched | None:
    """The model in stripes, None where that saves no memory or, streamed, cannot be.

    Of all cuts within `MOST_EXTRA_SHARE`, the one with the fewest extra multiply-accumulates whose
    arena keeps the limit; where none does, the one with the smallest arena.

    Args:
        graph: The model as `lower_operators` returns it.
        lowered: Its operators, all with constants of their own.
        cpu: The core it is for.
        whole_bytes: The arena without stripes.
        limit_bytes: What the arena should take at most.
        whole_macs: Of the model with all its channels, which more of is a share of.
        streamed: Whether the input comes by rows.
    """
    bounds = (sys.maxsize if streamed else whole_bytes, MOST_EXTRA_SHARE * whole_macs)
    tries = _tries(graph, lowered, cpu, bounds, streamed=streamed)
    for one in sorted(tries, key=_by_cost):
        if one.least_bytes <= limit_bytes:
            found = _planned(one, graph, whole_bytes)
            if found.memory.arena_bytes <= limit_bytes:
                return found
    best: Patched | None = None
    for one in sorted(tries, key=lambda each: (each.least_bytes, each.cut.extra_macs)):
        most = bounds[0] if best is None else best.memory.arena_bytes
        if one.least_bytes >= most:
            break
        found = _planned(one, graph, whole_bytes)
        if found.memory.arena_bytes < most:
            best = found
    return best
