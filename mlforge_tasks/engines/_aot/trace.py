"""Which rows of every tensor a stripe makes, reads and keeps.

A stripe is some rows of the output of the last of some operators, with all that they follow from.
Rows of a tensor in between that the next stripe reads too are either computed anew, or kept for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.program import Step
from mlforge_tasks.engines._aot.region import Rows, activations, row_count, slides, window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlforge_tasks.engines._aot.graph import Graph, Tensor
    from mlforge_tasks.engines._aot.program import Lowered
    from mlforge_tasks.engines._aot.window import Axis


@dataclass(frozen=True)
class Part:
    """What one operator does in a stripe.

    Attributes:
        operator: Its index.
        makes: Rows of its output.
        reads: Rows of its inputs; of an activation only.
        before: Padding in front of the rows that it reads.
    """

    operator: int
    makes: Rows
    reads: Rows
    before: int


@dataclass(frozen=True)
class Stripe:
    """Some rows of the output of the last of some operators, and all that they follow from.

    Attributes:
        parts: In the order that they run.
        fed: Rows of the model's input that no stripe before has read.
        ends: The row behind the last one of each tensor there is, the model's input among them.
        kept: How many rows of each the stripe has from those before.
    """

    parts: tuple[Part, ...]
    fed: Rows
    ends: Mapping[int, int]
    kept: Mapping[int, int]


def _read(makes: Rows, source: Tensor, axis: Axis | None) -> tuple[Rows, int]:
    """The rows that an operator reads, and the padding in front of them."""
    if axis is None:
        return makes, 0
    first = makes.first * axis.stride - axis.before
    end = (makes.end - 1) * axis.stride - axis.before + axis.span
    return Rows(max(first, 0), min(end, row_count(source))), max(-first, 0)


class _Tracing:
    """Follows stripes back to the model's input, one after the other.

    Attributes:
        done: The row behind the last one of each tensor that is made; empty where stripes do not
            keep rows.
        needed: Rows that each stripe reads of each tensor.
    """

    def __init__(self, graph: Graph, end: int, same: Mapping[int, int], *, keep: bool) -> None:
        self._graph = graph
        self._end = end
        self._same = same
        self._keep = keep
        self._done: dict[int, int] = {}
        self.needed: list[dict[int, Rows]] = []

    def stripe(self, rows: Rows) -> Stripe:
        """The next one, as if it kept nothing."""
        graph = self._graph
        needed = {graph.operators[self._end].output: rows}
        parts: list[Part] = []
        for index in range(self._end, -1, -1):
            operator = graph.operators[index]
            if operator.output not in needed or operator.output in self._same:
                continue  # nobody reads it, or it takes no step
            makes = self._new(operator.output, needed[operator.output])
            if makes.count <= 0:
                continue
            sources = activations(operator, graph)
            source = graph.tensors[sources[0]]
            axes = window(operator, graph)
            axis = None if axes is None else axes[slides(source)]
            reads, before = _read(makes, source, axis)
            parts.append(Part(index, makes, reads, before))
            for tensor in sources:
                root = self._same.get(tensor, tensor)
                needed[root] = needed.get(root, reads).with_those(reads)
        fed = self._new(graph.input, needed[graph.input]) if graph.input in needed else Rows(0, 0)
        ends = self._done | {
            tensor: max(each.end, self._done.get(tensor, 0)) for tensor, each in needed.items()
        }
        self._done = ends if self._keep else {}
        self.needed.append(needed)
        return Stripe(tuple(reversed(parts)), fed, ends, {})

    def _new(self, tensor: int, wanted: Rows) -> Rows:
        return Rows(max(wanted.first, self._done.get(tensor, 0)), wanted.end)


def stripes(
    graph: Graph, end: int, height: int, same: Mapping[int, int], *, keep: bool
) -> tuple[Stripe, ...]:
    """Operators up to one, in stripes of so many rows of its output; the last one has what is left.

    Args:
        graph: The model.
        end: The last operator.
        height: Rows of its output.
        same: See `same_bytes`.
        keep: Whether rows that a later stripe reads too are kept for it, or else computed anew.

    Returns:
        In order; none where a stripe would read nothing.
    """
    count = row_count(graph.output_of(graph.operators[end]))
    tracing = _Tracing(graph, end, same, keep=keep)
    found = [
        tracing.stripe(Rows(first, min(first + height, count))) for first in range(0, count, height)
    ]
    if any(rows.count <= 0 for needed in tracing.needed for rows in needed.values()):
        return ()
    return tuple(_with_kept(found, tracing.needed)) if keep else tuple(found)


def _with_kept(found: Sequence[Stripe], needed: Sequence[Mapping[int, Rows]]) -> Iterator[Stripe]:
    """The stripes with what each has from those before: all that it or a later one still reads."""
    for number, stripe in enumerate(found):
        before = found[number - 1].ends if number else {}
        first: dict[int, int] = {}
        for later in needed[number:]:
            for tensor, rows in later.items():
                first[tensor] = min(first.get(tensor, rows.first), rows.first)
        kept = {each: max(before.get(each, 0) - start, 0) for each, start in first.items()}
        yield replace(stripe, kept=kept)


def macs(parts: Sequence[Part], graph: Graph, lowered: Sequence[Lowered]) -> int:
    """Multiply-accumulates of a stripe."""
    total = 0
    for part in parts:
        form = lowered[part.operator]
        if isinstance(form, Step):
            count = row_count(graph.output_of(graph.operators[part.operator]))
            total += form.macs * part.makes.count // count
    return total
