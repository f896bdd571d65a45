"""Which tensors share memory, how long each lives, and where the arena puts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.planner import Buffer, arena_bytes, place
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
    """

    tensors: Mapping[int, int]
    scratch: Mapping[int, int]
    arena_bytes: int
    buffers: tuple[Buffer, ...]


class _Sharing:
    """Which tensors lie in one buffer, named by the tensor that is made first."""

    def __init__(self, graph: Graph) -> None:
        self._source: dict[int, int] = {}
        self._last_use = {
            tensor: index
            for index, operator in enumerate(graph.operators)
            for tensor in operator.inputs
        }
        self._last_use[graph.output] = len(graph.operators)

    def owner(self, tensor: int) -> int:
        while tensor in self._source:
            tensor = self._source[tensor]
        return tensor

    def last_use(self, owner: int) -> int:
        """The last operator that reads the buffer; the model's output is read after all."""
        sharing = {owner, *(tensor for tensor in self._source if self.owner(tensor) == owner)}
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
        if not constant and sharing.last_use(sharing.owner(form.overwrites)) == index:
            sharing.share(operator.output, form.overwrites)
    return sharing


def _made(graph: Graph) -> list[tuple[int, int]]:
    """Tensors that take memory, with the operator that makes them."""
    made = [(graph.input, BEFORE_ALL_STEPS)]
    made += [(out, index) for index, each in enumerate(graph.operators) for out in each.outputs]
    return [(tensor, index) for tensor, index in made if graph.tensors[tensor].data is None]


def plan(graph: Graph, lowered: Sequence[Lowered]) -> Plan:
    """Plans the memory of a lowered graph."""
    sharing = _share(graph, lowered)
    first: dict[int, int] = {}
    size: dict[int, int] = {}
    for tensor, index in _made(graph):
        owner = sharing.owner(tensor)
        first.setdefault(owner, index)
        size[owner] = max(size.get(owner, 0), graph.tensors[tensor].size)
    buffers = {
        ("tensor", owner): Buffer(size[owner], start, max(start, sharing.last_use(owner)))
        for owner, start in first.items()
    }
    for index, form in enumerate(lowered):
        if isinstance(form, Step) and form.scratch_bytes > 0:
            buffers["scratch", index] = Buffer(form.scratch_bytes, index, index)
    placed = tuple(buffers.values())
    offsets = place(placed)
    at = dict(zip(buffers, offsets, strict=True))
    return Plan(
        tensors={tensor: at["tensor", sharing.owner(tensor)] for tensor, _ in _made(graph)},
        scratch={index: offset for (kind, index), offset in at.items() if kind == "scratch"},
        arena_bytes=arena_bytes(placed, offsets),
        buffers=placed,
    )
