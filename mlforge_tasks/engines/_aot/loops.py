"""Stripes of equal shapes that follow one another, as loops."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot import region
from mlforge_tasks.engines._aot.graph import Pair

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlforge_tasks.engines._aot.graph import Graph
    from mlforge_tasks.engines._aot.trace import Stripe


@dataclass(frozen=True)
class Group:
    """Stripes of equal shapes, one behind the other.

    Attributes:
        stripe: The first of them.
        turns: How many they are.
        moves: Rows that each operator's input lies further in each, in the order of parts.
        fed_move: Rows that the model's input does.
    """

    stripe: Stripe
    turns: int = 1
    moves: tuple[int, ...] = ()
    fed_move: int = 0

    @property
    def rows(self) -> int:
        """Rows of the output that each makes."""
        return self.stripe.parts[-1].makes.count


@dataclass(frozen=True)
class Head:
    """How a model's first operators run.

    Attributes:
        end: The last of them.
        same: Tensors that are others in another shape (`region.same_bytes`).
        groups: The stripes.
        fed: Whether the model's input comes by rows too.
        pair: How the output may grow into the model's input, if at all.
    """

    end: int
    same: Mapping[int, int]
    groups: tuple[Group, ...]
    fed: bool = False
    pair: Pair | None = None

    @property
    def stripes(self) -> int:
        """How many there are."""
        return sum(group.turns for group in self.groups)

    @property
    def calls(self) -> int:
        """How many operators run, in all stripes."""
        return sum(group.turns * len(group.stripe.parts) for group in self.groups)


def _shape(stripe: Stripe, graph: Graph, same: Mapping[int, int], *, fed: bool) -> object:
    """What has to be equal for two stripes to be one piece of code."""
    parts = []
    for part in stripe.parts:
        sources = region.activations(graph.operators[part.operator], graph)
        roots = (same.get(tensor, tensor) for tensor in sources)
        places = [stripe.ends[i] - part.reads.first for i in roots if fed or i != graph.input]
        kept = stripe.kept.get(graph.operators[part.operator].output)
        counts = (part.makes.count, part.reads.count, part.before, kept)
        parts.append((part.operator, counts, places))
    return parts, (stripe.fed.count, stripe.kept.get(graph.input)) if fed else None


def _joined(group: Group, last: Stripe, stripe: Stripe) -> Group | None:
    """A group with one more; None where views would move otherwise than before."""
    moves = tuple(
        b.reads.first - a.reads.first for a, b in zip(last.parts, stripe.parts, strict=True)
    )
    fed_move = stripe.fed.first - last.fed.first
    if group.turns > 1 and (group.moves, group.fed_move) != (moves, fed_move):
        return None
    return replace(group, turns=group.turns + 1, moves=moves, fed_move=fed_move)


def _pair(
    graph: Graph, stripes: Sequence[Stripe], end: int, same: Mapping[int, int]
) -> Pair | None:
    """How far the output must start before the model's input; None where that is read later."""
    if any(graph.input in each.inputs for each in graph.operators[end + 1 :]):
        return None
    output = graph.operators[end].output
    line = region.row_bytes(graph.tensors[output])
    input_line = region.row_bytes(graph.tensors[graph.input])
    gap = 0
    unread: int | None = None
    for stripe in reversed(stripes):
        reads = {
            part.operator: part.reads.first
            for part in stripe.parts
            for each in region.activations(graph.operators[part.operator], graph)
            if same.get(each, each) == graph.input
        }
        while_written = [each for each in (unread, reads.get(end)) if each is not None]
        if while_written:
            written = stripe.parts[-1].makes.end * line
            gap = max(gap, written - min(while_written) * input_line)
        unread = min([*reads.values(), *([] if unread is None else [unread])], default=None)
    return Pair(output, graph.input, gap)


def head(
    graph: Graph, stripes: Sequence[Stripe], end: int, same: Mapping[int, int], *, fed: bool
) -> Head:
    """Stripes as loops, see `Head`."""
    found: list[Group] = []
    for last, stripe in zip((None, *stripes), stripes, strict=False):
        alike = last is not None and (
            _shape(last, graph, same, fed=fed) == _shape(stripe, graph, same, fed=fed)
        )
        joined = _joined(found[-1], last, stripe) if last is not None and alike else None
        if joined is None:
            found.append(Group(stripe))
        else:
            found[-1] = joined
    pair = None if fed else _pair(graph, stripes, end, same)
    return Head(end, same, tuple(found), fed, pair)
