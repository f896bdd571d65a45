"""A quick look at what a model takes in stripes, where thousands of designs are asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot import memory
from mlforge_tasks.engines._aot.patches import cut_at, cut_up, heights, stage_ends, weight_bytes
from mlforge_tasks.engines._aot.thrift import thrifty_forms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.engines._aot.graph import Graph
    from mlforge_tasks.engines._aot.program import Lowered, Lowering

# Stages that are tried.
_MOST_STAGES = 4


@dataclass(frozen=True)
class Looked:
    """A model in stripes, and its arena as found without a search."""

    graph: Graph
    lowered: tuple[Lowered, ...]
    arena_bytes: int


@dataclass(frozen=True)
class _Look:
    """At one model; attributes as of `patched`."""

    graph: Graph
    lowered: Sequence[Lowered]
    lowering: Lowering
    streamed: bool

    def at(self, end: int, height: int) -> Looked | None:
        """The stage up to an operator in stripes of so many rows; None if there are none."""
        cut = cut_at(self.graph, self.lowered, end, height, keep=True, streamed=self.streamed)
        if cut is None:
            return None
        made, forms = cut_up(cut, self.graph, self.lowered, self.lowering)
        if weight_bytes(forms.lowered) > weight_bytes(self.lowering.share(self.lowered)):
            return None
        taken = memory.foretold_bytes(made, forms.lowered, searches=False)
        return Looked(made, forms.lowered, taken)

    def highest(self, end: int, lowest: Looked, limit_bytes: int) -> Looked:
        """The highest stripes that keep a limit which the lowest keep, by halving."""
        found, every = lowest, heights(self.graph, end)
        low, high = 0, len(every) - 1
        while low < high:
            middle = (low + high) // 2
            one = self.at(end, every[middle])
            if one is not None and one.arena_bytes <= limit_bytes:
                found, high = one, middle
            else:
                low = middle + 1
        return found


def looked_at(
    graph: Graph,
    lowered: Sequence[Lowered],
    lowering: Lowering,
    *,
    limit_bytes: int,
    streamed: bool = False,
) -> Looked | None:
    """A model in stripes that keeps a limit, or takes least of those tried; None where none can.

    It looks at the lowest stripes of a few stages, up to the first that keeps the limit, and then
    at higher ones of that: `patched` has all to choose from.

    Args:
        graph: As of `patched`.
        lowered: As of `patched`.
        lowering: As of `patched`.
        limit_bytes: As of `patched`.
        streamed: As of `patched`.
    """
    needs = memory.least_bytes(graph, thrifty_forms(graph, lowered))
    behind = {
        end: max(needs[end + 1 :], default=0)
        for end in stage_ends(graph, lowered, streamed=streamed)
    }
    ends = [end for end, need in behind.items() if need <= limit_bytes]
    look, best = _Look(graph, lowered, lowering, streamed), None
    for end in ends[:_MOST_STAGES]:
        found = look.at(end, heights(graph, end)[-1])
        if found is None:
            continue
        if found.arena_bytes <= limit_bytes:
            return look.highest(end, found, limit_bytes)
        if best is None or found.arena_bytes < best.arena_bytes:
            best = found
    return best
