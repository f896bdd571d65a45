"""Which tensors share memory, how long each lives, and where the arena puts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.graph import View
from mlforge_tasks.engines._aot.planner import (
    Buffer,
    Use,
    arena_bytes,
    least_at,
    lower_bound_bytes,
    place,
)
from mlforge_tasks.engines._aot.program import Alias, Step
from mlforge_tasks.engines._aot.several import with_joined_ends

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlforge_tasks.engines._aot.graph import Graph, Tensor
    from mlforge_tasks.engines._aot.program import Lowered

BEFORE_ALL_STEPS = -1


@dataclass(frozen=True)
class Plan:
    """Where everything lies.

    Attributes:
        tensors: Offset by tensor.
        scratch: Offset by operator, where it has scratch memory.
        arena_bytes: What all of it takes.
        least_bytes: What no plan takes less than.
        steps: Bytes that a tensor moves with every turn of its loop, where it does.
    """

    tensors: Mapping[int, int]
    scratch: Mapping[int, int]
    arena_bytes: int
    least_bytes: int
    steps: Mapping[int, int]


class Sharing:
    """Which tensors lie in one buffer, named by the tensor that is made first."""

    def __init__(self, graph: Graph) -> None:
        self._source: dict[int, int] = {}
        self._views = graph.views
        self._last_use = {
            tensor: index
            for index, operator in enumerate(graph.operators)
            for tensor in operator.inputs
        }
        kept = (*graph.outputs, *(each.tensor for each in graph.states))
        self._last_use.update(dict.fromkeys(kept, len(graph.operators)))

    def view(self, tensor: int) -> View:
        """Where in the buffer of which owner a tensor lies."""
        first = step = 0
        while True:
            if tensor in self._views:
                view = self._views[tensor]
                tensor, first, step = view.of, first + view.first, step + view.step
            elif tensor in self._source:
                tensor = self._source[tensor]
            else:
                return View(tensor, first, step)

    def owner(self, tensor: int) -> int:
        return self.view(tensor).of

    def is_part(self, tensor: int) -> bool:
        """Whether a tensor is a part of another, or the same bytes as one that is."""
        while tensor not in self._views and tensor in self._source:
            tensor = self._source[tensor]
        return tensor in self._views

    def last_use(self, tensor: int) -> int:
        """The last operator that reads a tensor; the model's output is read after all."""
        return self._last_use.get(tensor, BEFORE_ALL_STEPS)

    def last_use_of_buffer(self, owner: int) -> int:
        """The last operator that reads a tensor in it."""
        others = (*self._source, *self._views)
        sharing = {owner, *(tensor for tensor in others if self.owner(tensor) == owner)}
        return max(map(self.last_use, sharing))

    def share(self, tensor: int, source: int) -> None:
        self._source[tensor] = source


def _overwritten(form: Step, tensors: Sequence[Tensor], output: int) -> int | None:
    """The input that an output may begin with, where it is no larger."""
    behind = form.behind
    if behind is None or behind.bytes or tensors[output].bytes > tensors[behind.tensor].bytes:
        return form.overwrites
    return behind.tensor


def sharing_of(graph: Graph, lowered: Sequence[Lowered]) -> Sharing:
    """Lets tensors share buffers.

    A reshaped tensor lies in the buffer of its source, and so does an output that may overwrite an
    input which nobody reads later.
    """
    sharing = Sharing(graph)
    for operator, form in zip(graph.operators, lowered, strict=True):
        if isinstance(form, Alias):
            sharing.share(operator.output, form.source)
    for index, (operator, form) in enumerate(zip(graph.operators, lowered, strict=True)):
        if not isinstance(form, Step):
            continue
        source = _overwritten(form, graph.tensors, operator.output)
        if source is None or graph.tensors[source].data is not None:
            continue
        if sharing.is_part(source) or sharing.is_part(operator.output):
            continue
        if sharing.last_use_of_buffer(sharing.owner(source)) == index:
            sharing.share(operator.output, source)
    return sharing


def made(graph: Graph) -> list[tuple[int, int]]:
    """Tensors that take memory, with the operator that makes them."""
    before = (*graph.inputs, *(each.tensor for each in graph.states))
    found = [(tensor, BEFORE_ALL_STEPS) for tensor in before]
    found += [(out, index) for index, each in enumerate(graph.operators) for out in each.outputs]
    return [(tensor, index) for tensor, index in found if graph.tensors[tensor].data is None]


def lifetime(graph: Graph, first: int, last: int) -> tuple[int, int]:
    """First and last step; memory from outside a loop is kept through all its turns."""
    start, end = first, last
    for loop in graph.loops:
        if first < loop.first <= last <= loop.last:
            end = loop.last
        if loop.first <= first <= loop.last < last:
            start = loop.first
    return start, end


_Key = tuple[str, int]


def _uses(graph: Graph, sharing: Sharing) -> dict[int, list[Use]]:
    """What is needed of each tensor's buffer; all of it where stripes' rows are parts of it."""
    whole = {sharing.owner(tensor) for tensor in graph.views} - graph.joined
    uses: dict[int, list[Use]] = {}
    for tensor, index in made(graph):
        view = sharing.view(tensor)
        owner = view.of
        size, last = graph.tensors[tensor].bytes, sharing.last_use(tensor)
        if owner in graph.joined:  # so many bytes from its start, for as long as this part is used
            size += view.first
        if owner in whole and (owner not in uses or not sharing.is_part(tensor)):
            size, last = max(size, graph.tensors[owner].bytes), sharing.last_use_of_buffer(owner)
        steps = lifetime(graph, index, max(index, last))
        uses.setdefault(owner, []).append(Use(size, *steps))
    return uses


def _closer(
    graph: Graph, lowered: Sequence[Lowered], sharing: Sharing, buffers: Mapping[_Key, Buffer]
) -> dict[tuple[int, int], int]:
    """Outputs that may grow into inputs: pairs of buffers that meet at that operator only."""
    place = {key: index for index, key in enumerate(buffers)}
    closer = {
        (place["tensor", pair.output], place["tensor", pair.input]): pair.bytes
        for pair in graph.pairs
    }
    for index, (operator, form) in enumerate(zip(graph.operators, lowered, strict=True)):
        if not isinstance(form, Step) or form.behind is None:
            continue
        source = form.behind.tensor
        low, high = ("tensor", sharing.owner(operator.output)), ("tensor", sharing.owner(source))
        parts = sharing.is_part(source) or sharing.is_part(operator.output)
        if parts or low == high or low not in buffers or high not in buffers:
            continue
        if buffers[low].first == index == buffers[high].last:
            closer[place[low], place[high]] = form.behind.bytes
            if form.behind.ahead is not None:
                closer[place[high], place[low]] = form.behind.ahead
    return closer


@dataclass(frozen=True)
class _Needed:
    """All buffers, and which of them may overlap (see `planner.Closer`)."""

    buffers: Mapping[_Key, Buffer]
    closer: Mapping[tuple[int, int], int]

    @property
    def least_bytes(self) -> int:
        return lower_bound_bytes(tuple(self.buffers.values()), self.closer)


def _needed(graph: Graph, lowered: Sequence[Lowered], sharing: Sharing) -> _Needed:
    buffers: dict[_Key, Buffer] = {
        ("tensor", owner): Buffer(tuple(uses)) for owner, uses in _uses(graph, sharing).items()
    }
    for index, form in enumerate(lowered):
        if isinstance(form, Step) and form.scratch_bytes > 0:
            buffers["scratch", index] = Buffer((Use(form.scratch_bytes, index, index),))
    return _Needed(buffers, _closer(graph, lowered, sharing, buffers))


def least_bytes(graph: Graph, lowered: Sequence[Lowered]) -> tuple[int, ...]:
    """What no plan of a lowered graph takes less than, operator by operator."""
    graph = with_joined_ends(graph)
    needed = _needed(graph, lowered, sharing_of(graph, lowered))
    placed = tuple(needed.buffers.values())
    return least_at(range(len(lowered)), placed, needed.closer)


def foretold_bytes(graph: Graph, lowered: Sequence[Lowered], *, searches: bool) -> int:
    """What `plan` takes; or near it, where the last few bytes are not searched for."""
    graph = with_joined_ends(graph)
    needed = _needed(graph, lowered, sharing_of(graph, lowered))
    placed = tuple(needed.buffers.values())
    return arena_bytes(placed, place(placed, needed.closer, searches=searches))


def plan(graph: Graph, lowered: Sequence[Lowered]) -> Plan:
    """Plans the memory of a lowered graph."""
    graph = with_joined_ends(graph)
    sharing = sharing_of(graph, lowered)
    needed = _needed(graph, lowered, sharing)
    placed = tuple(needed.buffers.values())
    offsets = place(placed, needed.closer)
    at = dict(zip(needed.buffers, offsets, strict=True))
    tensors = {tensor for tensor, _ in made(graph)} | set(graph.views)
    tensors |= {sharing.owner(tensor) for tensor in graph.views}
    views = {tensor: sharing.view(tensor) for tensor in sorted(tensors)}
    return Plan(
        tensors={tensor: at["tensor", each.of] + each.first for tensor, each in views.items()},
        scratch={index: offset for (kind, index), offset in at.items() if kind == "scratch"},
        arena_bytes=arena_bytes(placed, offsets),
        least_bytes=needed.least_bytes,
        steps={tensor: each.step for tensor, each in views.items() if each.step},
    )
