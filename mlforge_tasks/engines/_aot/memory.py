"""Which tensors share memory, how long each lives, and where the arena puts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.graph import View
from mlforge_tasks.engines._aot.planner import Buffer, arena_bytes, lower_bound_bytes, place
from mlforge_tasks.engines._aot.program import Alias, Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlforge_tasks.engines._aot.graph import Graph
    from mlforge_tasks.engines._aot.program import Lowered

BEFORE_ALL_STEPS = -1


@dataclass(frozen=True)
class Plan:
    """Where everything lies.

    Attributes:
        tensors: Offset by tensor.
        scratch: Offset by operator, where it has scratch memory.
        arena_bytes: What all of it takes.
        buffers: What was placed.
        steps: Bytes that a tensor moves with every turn of its loop, where it does.
    """

    tensors: Mapping[int, int]
    scratch: Mapping[int, int]
    arena_bytes: int
    buffers: tuple[Buffer, ...]
    steps: Mapping[int, int]


class _Sharing:
    """Which tensors lie in one buffer, named by the tensor that is made first."""

    def __init__(self, graph: Graph) -> None:
        self._source: dict[int, int] = {}
        self._views = graph.views
        self._last_use = {
            tensor: index
            for index, operator in enumerate(graph.operators)
            for tensor in operator.inputs
        }
        self._last_use[graph.output] = len(graph.operators)

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

    def last_use(self, owner: int) -> int:
        """The last operator that reads the buffer; the model's output is read after all."""
        others = (*self._source, *self._views)
        sharing = {owner, *(tensor for tensor in others if self.owner(tensor) == owner)}
        return max(self._last_use.get(tensor, BEFORE_ALL_STEPS) for tensor in sharing)

    def share(self, tensor: int, source: int) -> None:
        self._source[tensor] = source


def _share(graph: Graph, lowered: Sequence[Lowered]) -> _Sharing:
    """Lets tensors share buffers.

    A reshaped tensor lies in the buffer of its source, and so does an output that may overwrite an
    input which nobody reads later.
    """
    sharing = _Sharing(graph)
    for operator, form in zip(graph.operators, lowered, strict=True):
        if isinstance(form, Alias):
            sharing.share(operator.output, form.source)
    for index, (operator, form) in enumerate(zip(graph.operators, lowered, strict=True)):
        if not isinstance(form, Step) or form.overwrites is None:
            continue
        constant = graph.tensors[form.overwrites].data is not None
        if sharing.is_part(form.overwrites) or sharing.is_part(operator.output):
            continue
        if not constant and sharing.last_use(sharing.owner(form.overwrites)) == index:
            sharing.share(operator.output, form.overwrites)
    return sharing


def _made(graph: Graph) -> list[tuple[int, int]]:
    """Tensors that take memory, with the operator that makes them."""
    made = [(graph.input, BEFORE_ALL_STEPS)]
    made += [(out, index) for index, each in enumerate(graph.operators) for out in each.outputs]
    return [(tensor, index) for tensor, index in made if graph.tensors[tensor].data is None]


def _lifetime(graph: Graph, first: int, last: int) -> tuple[int, int]:
    """First and last step; memory from outside a loop is kept through all its turns."""
    start, end = first, last
    for loop in graph.loops:
        if first < loop.first <= last <= loop.last:
            end = loop.last
        if loop.first <= first <= loop.last < last:
            start = loop.first
    return start, end


def _needed(
    graph: Graph, lowered: Sequence[Lowered], sharing: _Sharing
) -> dict[tuple[str, int], Buffer]:
    first: dict[int, int] = {}
    size: dict[int, int] = {}
    for tensor, index in _made(graph):
        owner = sharing.owner(tensor)
        first.setdefault(owner, index)
        size.setdefault(owner, graph.tensors[owner].size)
        size[owner] = max(size[owner], graph.tensors[tensor].size)
    buffers = {
        ("tensor", owner): Buffer(
            size[owner], *_lifetime(graph, start, max(start, sharing.last_use(owner)))
        )
        for owner, start in first.items()
    }
    for index, form in enumerate(lowered):
        if isinstance(form, Step) and form.scratch_bytes > 0:
            buffers["scratch", index] = Buffer(form.scratch_bytes, index, index)
    return buffers


def least_bytes(graph: Graph, lowered: Sequence[Lowered]) -> int:
    """What no plan of a lowered graph takes less than."""
    return lower_bound_bytes(tuple(_needed(graph, lowered, _share(graph, lowered)).values()))


def plan(graph: Graph, lowered: Sequence[Lowered]) -> Plan:
    """Plans the memory of a lowered graph."""
    sharing = _share(graph, lowered)
    buffers = _needed(graph, lowered, sharing)
    placed = tuple(buffers.values())
    offsets = place(placed)
    at = dict(zip(buffers, offsets, strict=True))
    tensors = {tensor for tensor, _ in _made(graph)} | set(graph.views)
    tensors |= {sharing.owner(tensor) for tensor in graph.views}
    views = {tensor: sharing.view(tensor) for tensor in sorted(tensors)}
    return Plan(
        tensors={tensor: at["tensor", each.of] + each.first for tensor, each in views.items()},
        scratch={index: offset for (kind, index), offset in at.items() if kind == "scratch"},
        arena_bytes=arena_bytes(placed, offsets),
        buffers=placed,
        steps={tensor: each.step for tensor, each in views.items() if each.step},
    )
