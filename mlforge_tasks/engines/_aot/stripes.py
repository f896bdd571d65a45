"""Rewrites a graph so that its first operators run stripe by stripe.

A stripe (`trace.py`) is the same operators once more, on a view of rows of the input, with tensors
of its own in between, and a view of rows of the output at the end. It has padding at the image's
border only. A tensor whose rows are kept from stripe to stripe lies at the end of a buffer of its
own: before new rows are made there, the kept ones move up. A model that is fed by rows has such a
buffer for its input.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot import region
from mlforge_tasks.engines._aot.graph import Graph, Loop, Operator, Options, View
from mlforge_tasks.engines._aot.region import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.engines._aot.loops import Group, Head
    from mlforge_tasks.engines._aot.trace import Part, Stripe

# Operators that only stripes have.
KEEP_ROWS, FEED_ROWS = "KEEP_ROWS", "FEED_ROWS"


@dataclass(frozen=True)
class _Ring:
    """A tensor whose last rows lie at the end of a buffer.

    Attributes:
        buffer: A tensor of as many rows as there are at once.
        height: How many these are.
    """

    buffer: int
    height: int


def _heights(graph: Graph, head: Head) -> dict[int, int]:
    """Tensors of which rows are kept, and how many there are at once."""
    heights: dict[int, int] = {}
    rings = {graph.input} if head.fed else set()
    for stripe in (group.stripe for group in head.groups):
        made = {graph.operators[part.operator].output: part.makes for part in stripe.parts}
        for tensor, rows in {**made, graph.input: stripe.fed}.items():
            height = stripe.kept.get(tensor, 0) + rows.count
            heights[tensor] = max(heights.get(tensor, 0), height)
        rings |= {tensor for tensor, kept in stripe.kept.items() if kept and tensor != graph.input}
    return {tensor: heights[tensor] for tensor in rings}


class _Striper:
    """Writes the operators of stripes, and adds their tensors to the graph's."""

    def __init__(self, graph: Graph, head: Head) -> None:
        self._graph = graph
        self._head = head
        self.tensors = list(graph.tensors)
        self.views: dict[int, View] = {}
        self.rings = {
            tensor: _Ring(self._add(tensor, Rows(0, height)), height)
            for tensor, height in _heights(graph, head).items()
        }

    def _add(self, tensor: int, rows: Rows) -> int:
        """Some rows of a tensor as a tensor."""
        whole = self._graph.tensors[tensor]
        shape = list(whole.shape)
        axis = region.row_axis(whole.shape)
        shape[0 if axis is None else axis] = rows.count
        self.tensors.append(replace(whole, shape=tuple(shape)))
        return len(self.tensors) - 1

    def _view(self, tensor: int, of: int, rows: Rows, first: int, move: int = 0) -> int:
        """The same, that lies in another tensor from a row on."""
        index = self._add(tensor, rows)
        line = region.row_bytes(self._graph.tensors[tensor])
        self.views[index] = View(of, first * line, move * line)
        return index

    def _at_end(self, tensor: int, rows: Rows, back: int) -> int:
        """Rows of a ring, so many in front of its end."""
        ring = self.rings[self._head.same.get(tensor, tensor)]
        return self._view(tensor, ring.buffer, rows, ring.height - back)

    def _moved_up(self, tensor: int, kept: int, new: int, name: str) -> Iterator[Operator]:
        """The operator that makes room for new rows behind those that are kept."""
        if kept:
            rows = Rows(0, kept)
            source = self._at_end(tensor, rows, kept)
            target = self._at_end(tensor, rows, kept + new)
            yield Operator(KEEP_ROWS, (source,), (target,), name=f"{name}_kept")

    def _fed(self, group: Group, name: str) -> Iterator[Operator]:
        """The operators that get rows of the model's input."""
        stripe, tensor = group.stripe, self._graph.input
        if self._head.fed and stripe.fed.count > 0:
            new = stripe.fed.count
            yield from self._moved_up(tensor, stripe.kept.get(tensor, 0), new, f"input_{name}")
            options = Options(fed=(stripe.fed.first, group.fed_move, new))
            rows = (self._at_end(tensor, stripe.fed, new),)
            yield Operator(FEED_ROWS, (), rows, options, name=f"input_{name}")

    def operators(self, group: Group, name: str) -> Iterator[Operator]:
        """Of one group."""
        yield from self._fed(group, name)
        made: dict[int, tuple[int, Rows]] = {}
        moves = group.moves or [0] * len(group.stripe.parts)
        for part, move in zip(group.stripe.parts, moves, strict=True):
            operator = self._graph.operators[part.operator]
            named = f"{operator.name}_{name}"
            inputs = tuple(
                self._input(each, part, group.stripe, made, move) for each in operator.inputs
            )
            if operator.output in self.rings:
                kept = group.stripe.kept.get(operator.output, 0)
                yield from self._moved_up(operator.output, kept, part.makes.count, named)
            padded = region.padded(operator, self._graph, part.before)
            outputs = (self._output(operator.output, part, group, made),)
            yield replace(padded, inputs=inputs, outputs=outputs, name=named)

    def _output(
        self, tensor: int, part: Part, group: Group, made: dict[int, tuple[int, Rows]]
    ) -> int:
        if part.operator == self._head.end:
            step = group.rows if group.turns > 1 else 0
            return self._view(tensor, tensor, part.makes, part.makes.first, step)
        if tensor in self.rings:
            return self._at_end(tensor, part.makes, part.makes.count)
        made[tensor] = (self._add(tensor, part.makes), part.makes)
        return made[tensor][0]

    def _input(
        self,
        tensor: int,
        part: Part,
        stripe: Stripe,
        made: dict[int, tuple[int, Rows]],
        move: int,
    ) -> int:
        if tensor < 0 or self._graph.tensors[tensor].data is not None:
            return tensor
        root = self._head.same.get(tensor, tensor)
        if root in self.rings:
            return self._at_end(tensor, part.reads, stripe.ends[root] - part.reads.first)
        if root == self._graph.input:
            return self._view(tensor, root, part.reads, part.reads.first, move)
        index, rows = made[root]
        if (tensor, rows) == (root, part.reads):
            return index
        return self._view(tensor, index, part.reads, part.reads.first - rows.first)


def _input_rows(graph: Graph) -> tuple[int, int]:
    tensor = graph.tensors[graph.input]
    return region.row_count(tensor), region.row_bytes(tensor)


def striped(graph: Graph, head: Head) -> tuple[Graph, int]:
    """The graph with its first operators in stripes.

    Returns:
        It, and how many operators the stripes are.
    """
    striper = _Striper(graph, head)
    operators: list[Operator] = []
    loops = []
    for number, group in enumerate(head.groups):
        first = len(operators)
        operators += striper.operators(group, f"s{number}")
        if group.turns > 1:
            loops.append(Loop(first, len(operators) - 1, group.turns))
    made = replace(
        graph,
        tensors=tuple(striper.tensors),
        operators=(*operators, *graph.operators[head.end + 1 :]),
        inputs=(striper.rings[graph.input].buffer if head.fed else graph.input,),
        views=striper.views,
        loops=tuple(loops),
        pairs=() if head.pair is None else (head.pair,),
        rows=_input_rows(graph) if head.fed else None,
    )
    return made, len(operators)
