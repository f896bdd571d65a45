"""Who lives when in a planned arena, for whoever reads of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.memory import BEFORE_ALL_STEPS, lifetime, made, sharing_of
from mlforge_tasks.engines._aot.program import Step
from mlforge_tasks.engines._aot.several import with_joined_ends
from mlforge_tasks.engines._report import ArenaPlan, Life

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.engines._aot.graph import Graph
    from mlforge_tasks.engines._aot.memory import Plan
    from mlforge_tasks.engines._aot.program import Lowered
    from mlforge_tasks.engines._report import Kind


class _Lives:
    """Lives of a graph whose several ends are joined."""

    def __init__(self, graph: Graph, lowered: Sequence[Lowered], memory: Plan) -> None:
        self._graph = graph
        self._memory = memory
        self._sharing = sharing_of(graph, lowered)
        states = {each.tensor for each in graph.states}
        kinds: dict[int, Kind] = dict.fromkeys(states, "state")
        kinds |= dict.fromkeys(graph.inputs, "input")
        self._kinds = kinds | dict.fromkeys(graph.outputs, "output")

    def _name(self, tensor: int, first: int) -> str:
        """Of the layer; of the tensor where no layer makes it, or one that makes several."""
        if first == BEFORE_ALL_STEPS:
            return self._graph.tensors[tensor].name or self._kinds.get(tensor, "tensor")
        operator = self._graph.operators[first]
        several = len(operator.outputs) > 1
        return f"{operator.name}:{operator.outputs.index(tensor)}" if several else operator.name

    def _tensor(self, tensor: int, first: int) -> Life:
        sharing = self._sharing
        last = max(first, sharing.last_use(tensor))
        start, end = lifetime(self._graph, first, last)
        return Life(
            name=self._name(tensor, first),
            kind=self._kinds.get(tensor, "tensor"),
            offset_bytes=self._memory.tensors[tensor],
            size_bytes=self._graph.tensors[tensor].bytes,
            first=start,
            last=end,
            moves_bytes=self._memory.steps.get(tensor, 0),
        )

    def all(self) -> list[Life]:
        """Tensors by the layer that makes them, then what is whole while rows of it come and go."""
        places = {tensor: index for index, (tensor, _) in enumerate(made(self._graph))}
        lives = [self._tensor(tensor, first) for tensor, first in made(self._graph)]
        wholes = {self._sharing.owner(tensor) for tensor in self._graph.views} - places.keys()
        for owner in sorted(wholes):
            parts = [lives[at] for each, at in places.items() if self._sharing.owner(each) == owner]
            places[owner] = len(lives)
            lives.append(self._whole(owner, parts))
        for tensor, at in places.items():
            owner = self._sharing.owner(tensor)
            if owner != tensor and owner in places:
                lives[at] = lives[at].model_copy(update={"inside": places[owner]})
        return lives

    def _whole(self, owner: int, parts: Sequence[Life]) -> Life:
        """A tensor that is made in parts."""
        return Life(
            name=f"{parts[0].name} to {parts[-1].name}",
            kind=self._kinds.get(owner, parts[0].kind),
            offset_bytes=self._memory.tensors[owner],
            size_bytes=self._graph.tensors[owner].bytes,
            first=min(each.first for each in parts),
            last=max(each.last for each in parts),
        )


def arena_plan(graph: Graph, lowered: Sequence[Lowered], memory: Plan) -> ArenaPlan:
    """What `memory.plan` made of a lowered graph.

    Args:
        graph: The model.
        lowered: Its operators.
        memory: Where everything lies.
    """
    lives = _Lives(with_joined_ends(graph), lowered, memory).all()
    for index, form in enumerate(lowered):
        if isinstance(form, Step) and form.scratch_bytes > 0:
            lives.append(
                Life(
                    name=graph.operators[index].name,
                    kind="scratch",
                    offset_bytes=memory.scratch[index],
                    size_bytes=form.scratch_bytes,
                    first=index,
                    last=index,
                )
            )
    loops = tuple((each.first, each.last, each.turns) for each in graph.loops)
    return ArenaPlan(least_bytes=memory.least_bytes, loops=loops, lives=tuple(lives))
