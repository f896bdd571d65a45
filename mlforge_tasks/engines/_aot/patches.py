"""Chooses which first operators run stripe by stripe, and in how many stripes.

Rows that a stripe needs beyond its own are computed once more for each stripe, so memory is bought
with multiply-accumulates (Lin et al., "MCUNetV2: Memory-Efficient Patch-based Inference for Tiny
Deep Learning", 2021).
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot import region, trace
from mlforge_tasks.engines._aot.loops import head
from mlforge_tasks.engines._aot.memory import plan
from mlforge_tasks.engines._aot.program import Step
from mlforge_tasks.engines._aot.stripes import striped
from mlforge_tasks.engines._aot.thrift import Thrifty, thrifty
from mlforge_tasks.records import Patches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlforge_tasks.engines._aot.graph import Graph
    from mlforge_tasks.engines._aot.loops import Head
    from mlforge_tasks.engines._aot.memory import Plan
    from mlforge_tasks.engines._aot.program import Lowered, Lowering

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


def weight_bytes(lowered: Sequence[Lowered]) -> int:
    """Of weights in flash."""
    return sum(
        constant.size_bytes
        for form in lowered
        if isinstance(form, Step)
        for constant in form.constants
        if constant.name.endswith("_weights")
    )


def stage_ends(graph: Graph, lowered: Sequence[Lowered], *, streamed: bool) -> Iterator[int]:
    """Last operators of stages that may run in stripes; arguments as of `cuts`."""
    for end in region.region_ends(graph, lowered):
        behind = graph.operators[end + 1 :]
        if not streamed or all(graph.input not in each.inputs for each in behind):
            yield end


def heights(graph: Graph, end: int) -> list[int]:
    """Rows that stripes may have, the most first."""
    count = region.row_count(graph.output_of(graph.operators[end]))
    numbers = range(2, min(count, _MOST_STRIPES) + 1)
    return sorted({-(-count // number) for number in numbers}, reverse=True)


def cut_at(
    graph: Graph,
    lowered: Sequence[Lowered],
    end: int,
    height: int,
    *,
    keep: bool,
    streamed: bool,
) -> Cut | None:
    """Stripes of so many rows; None where there are none that pay."""
    same = region.same_bytes(graph, lowered, end)
    stripes = trace.stripes(graph, end, height, same, keep=keep)
    more = sum(trace.macs(each.parts, graph, lowered) for each in stripes)
    more -= macs_of(lowered[: end + 1])
    if not stripes or not (keep or more > 0):
        return None
    return Cut(head(graph, stripes, end, same, fed=streamed), more)


def cuts(graph: Graph, lowered: Sequence[Lowered], *, streamed: bool = False) -> Iterator[Cut]:
    """All cuts of a model into stripes of equally many rows, with rows kept or computed anew.

    Args:
        graph: The model.
        lowered: Its operators.
        streamed: Whether its input comes by rows: none may be read twice, nor behind the stripes.
    """
    for end in stage_ends(graph, lowered, streamed=streamed):
        for height in heights(graph, end):
            for keep in (True,) if streamed else (True, False):
                cut = cut_at(graph, lowered, end, height, keep=keep, streamed=streamed)
                if cut is not None:
                    yield cut


def cut_up(
    cut: Cut, graph: Graph, lowered: Sequence[Lowered], lowering: Lowering
) -> tuple[Graph, Thrifty]:
    """A model as it is cut, and its operators; arguments as of `patched`."""
    made, count = striped(graph, cut.head)
    first = replace(made, operators=made.operators[:count])
    found = thrifty(made, (*lowering.lower(first), *lowered[cut.head.end + 1 :]))
    return made, replace(found, lowered=lowering.share(found.lowered))


def _cost(cut: Cut) -> tuple[int, int]:
    """What running it takes."""
    return cut.extra_macs, cut.head.calls


class _Tries:
    """Cuts within bytes and extra multiply-accumulates that have no weights twice in flash."""

    def __init__(
        self,
        graph: Graph,
        lowered: Sequence[Lowered],
        lowering: Lowering,
        most: tuple[int, float],
        *,
        streamed: bool,
    ) -> None:
        self._graph = graph
        self._lowered = lowered
        self._lowering = lowering
        self._most_bytes, most_macs = most
        self._weights = weight_bytes(lowering.share(lowered))
        found = cuts(graph, lowered, streamed=streamed)
        self._left = sorted((cut for cut in found if cut.extra_macs <= most_macs), key=_cost)
        self.made: list[_Try] = []

    def by_cost(self) -> Iterator[_Try]:
        """From what takes least to run; of equals, by memory. None is made before its turn."""
        for _, equals in itertools.groupby(self._left, _cost):
            made = [one for cut in equals if (one := self._try(cut)) is not None]
            made.sort(key=_least_bytes)
            self.made += made
            yield from made

    def _try(self, cut: Cut) -> _Try | None:
        made, found = cut_up(cut, self._graph, self._lowered, self._lowering)
        fits = found.least_bytes < self._most_bytes
        if not fits or weight_bytes(found.lowered) > self._weights:
            return None
        return _Try(cut, made, found.lowered, found.least_bytes)


def _least_bytes(one: _Try) -> int:
    return one.least_bytes


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
    lowering: Lowering,
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
        lowering: What made them.
        whole_bytes: The arena without stripes.
        limit_bytes: What the arena should take at most.
        whole_macs: Of the model with all its channels, which more of is a share of.
        streamed: Whether the input comes by rows.
    """
    bounds = (sys.maxsize if streamed else whole_bytes, MOST_EXTRA_SHARE * whole_macs)
    tries = _Tries(graph, lowered, lowering, bounds, streamed=streamed)
    for one in tries.by_cost():
        if one.least_bytes <= limit_bytes:
            found = _planned(one, graph, whole_bytes)
            if found.memory.arena_bytes <= limit_bytes:
                return found
    best: Patched | None = None
    for one in sorted(tries.made, key=lambda each: (each.least_bytes, each.cut.extra_macs)):
        most = bounds[0] if best is None else best.memory.arena_bytes
        if one.least_bytes >= most:
            break
        found = _planned(one, graph, whole_bytes)
        if found.memory.arena_bytes < most:
            best = found
    return best
