"""Rewrites a graph so that its first operators run stripe by stripe.

A stripe is some rows of the output of the last of these operators, with all that they follow from:
the same operators once more, on a view of rows of the input, with tensors of its own in between,
and a view of rows of the output at the end. It has padding at the image's border only; what it
needs beyond its own rows it computes anew. Stripes of equal shapes that follow one another are one
loop, in which views move from turn to turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot import region
from mlforge_tasks.engines._aot.graph import Graph, Loop, Operator, View
from mlforge_tasks.engines._aot.region import Part, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Group:
    """Stripes of equal shapes, one behind the other.

    Attributes:
        parts: Of the first of them.
        turns: How many they are.
        moves: Rows that each operator's input lies further in each, in the order of `parts`.
        rows: Rows of the output that they make each.
    """

    parts: tuple[Part, ...]
    turns: int = 1
    moves: tuple[int, ...] = ()
    rows: int = 0


def _shape(parts: Sequence[Part], graph: Graph) -> tuple[object, ...]:
    """What has to be equal for two stripes to be one piece of code."""
    made = {graph.operators[part.operator].output: part.makes.first for part in parts}
    return tuple(
        (
            *(part.operator, part.makes.count, part.reads.count, part.before),
            *(
                part.reads.first - made[tensor]
                for tensor in region.activations(graph.operators[part.operator], graph)
                if tensor in made
            ),
        )
        for part in parts
    )


def _moves(before: Sequence[Part], after: Sequence[Part]) -> tuple[int, ...]:
    return tuple(b.reads.first - a.reads.first for a, b in zip(before, after, strict=True))


def groups(graph: Graph, end: int, rows: int) -> tuple[Group, ...]:
    """Stripes of so many rows of an operator's output; the last one has what is left."""
    count = region.row_count(graph.output_of(graph.operators[end]))
    found: list[Group] = []
    last: tuple[Part, ...] = ()
    for first in range(0, count, rows):
        parts = region.stripe(graph, end, Rows(first, min(first + rows, count)))
        group = found[-1] if found else None
        same = group is not None and _shape(last, graph) == _shape(parts, graph)
        moves = _moves(last, parts) if same else ()
        if group is not None and same and group.moves in ((), moves):
            found[-1] = replace(group, turns=group.turns + 1, moves=moves)
        else:
            found.append(Group(parts, rows=rows))
        last = parts
    return tuple(found)


class _Striper:
    """Writes the operators of stripes, and adds their tensors to the graph's."""

    def __init__(self, graph: Graph, end: int) -> None:
        self._graph = graph
        self._end = end
        self.tensors = list(graph.tensors)
        self.views: dict[int, View] = {}

    def _add(self, tensor: int, rows: Rows) -> int:
        """Some rows of a tensor as a tensor."""
        whole = self._graph.tensors[tensor]
        shape = list(whole.shape)
        axis = region.row_axis(whole.shape)
        shape[0 if axis is None else axis] = rows.count
        self.tensors.append(replace(whole, shape=tuple(shape)))
        return len(self.tensors) - 1

    def _view(self, tensor: int, of: int, rows: Rows, first: int, move: int) -> int:
        """The same, that lies in another tensor from a row on."""
        index = self._add(tensor, rows)
        line = region.row_bytes(self._graph.tensors[tensor])
        self.views[index] = View(of, first * line, move * line)
        return index

    def operators(self, group: Group, name: str) -> list[Operator]:
        """Of one group."""
        made: dict[int, tuple[int, Rows]] = {}
        operators = []
        for part, move in zip(group.parts, group.moves or [0] * len(group.parts), strict=True):
            operator = self._graph.operators[part.operator]
            inputs = tuple(self._input(each, part, made, move) for each in operator.inputs)
            if part.operator == self._end:
                step = group.rows if group.turns > 1 else 0
                output = self._view(
                    operator.output, operator.output, part.makes, part.makes.first, step
                )
            else:
                output = self._add(operator.output, part.makes)
                made[operator.output] = (output, part.makes)
            operators.append(
                replace(
                    region.padded(operator, self._graph, part.before),
                    inputs=inputs,
                    outputs=(output,),
                    name=f"{operator.name}_{name}",
                )
            )
        return operators

    def _input(self, tensor: int, part: Part, made: dict[int, tuple[int, Rows]], move: int) -> int:
        if tensor < 0 or self._graph.tensors[tensor].data is not None:
            return tensor
        if tensor not in made:  # the model's input
            return self._view(tensor, tensor, part.reads, part.reads.first, move)
        index, rows = made[tensor]
        if rows == part.reads:
            return index
        return self._view(tensor, index, part.reads, part.reads.first - rows.first, 0)


def striped(graph: Graph, end: int, found: Sequence[Group]) -> tuple[Graph, int]:
    """The graph with operators up to one in stripes.

    Returns:
        It, and how many operators the stripes are.
    """
    striper = _Striper(graph, end)
    operators: list[Operator] = []
    loops = []
    for number, group in enumerate(found):
        first = len(operators)
        operators += striper.operators(group, f"s{number}")
        if group.turns > 1:
            loops.append(Loop(first, len(operators) - 1, group.turns))
    made = replace(
        graph,
        tensors=tuple(striper.tensors),
        operators=(*operators, *graph.operators[end + 1 :]),
        views=striper.views,
        loops=tuple(loops),
    )
    return made, len(operators)
