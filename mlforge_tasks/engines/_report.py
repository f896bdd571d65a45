"""What an engine made of a model, as records: `engine.json`."""

from __future__ import annotations

from typing import Literal

from mlforge_tasks.engines._npu_figures import NpuFigures
from mlforge_tasks.records import LayerProfile, Patches, Record

REPORT = "engine.json"

Kind = Literal["input", "output", "state", "tensor", "scratch"]


class Life(Record):
    """Bytes of the arena, and from when to when they are needed.

    Attributes:
        name: Of the layer that makes them, or of the model's input.
        kind: What they are; an output of the model is one, whichever layer makes it.
        offset_bytes: From the arena's start.
        size_bytes: How many.
        first: The layer that makes them, by its place in the order they run; -1 where the
            application does.
        last: The last layer that reads them; the number of layers where the application does.
        moves_bytes: By how much they lie further on with each turn of their loop.
        inside: Whose memory they are part of, or the same as, where they have none of their own:
            a place in the list of all lives. None where they have.
    """

    name: str
    kind: Kind
    offset_bytes: int
    size_bytes: int
    first: int
    last: int
    moves_bytes: int = 0
    inside: int | None = None


class ArenaPlan(Record):
    """Where everything lies in an arena, as the engine planned it.

    Attributes:
        least_bytes: What no plan takes less than.
        loops: Layers that run several times, one after the other each time: first, last, turns.
        lives: All that takes memory, by the layer that makes it.
    """

    least_bytes: int
    loops: tuple[tuple[int, int, int], ...] = ()
    lives: tuple[Life, ...]


class EngineReport(Record):
    """What an engine made of a model.

    Attributes:
        engine: Its name.
        cpu: The core it generated for.
        arena_bytes: Working memory.
        layers: One entry per operator, in the order they run.
        profiled: Whether an image can tell what each of them takes.
        patches: How the first layers run stripe by stripe, if they do.
        arena: Where everything lies; None where the engine itself does not know.
        most_steps: How far an output may be from the oracle's; see `GeneratedModel`.
        npu: What an NPU's compiler says, where one runs it.
    """

    engine: str
    cpu: str
    arena_bytes: int
    layers: tuple[LayerProfile, ...]
    profiled: bool = False
    patches: Patches | None = None
    arena: ArenaPlan | None = None
    most_steps: int = 0
    npu: NpuFigures | None = None

    @property
    def macs(self) -> int:
        """Multiply-accumulates per inference."""
        return sum(layer.macs for layer in self.layers)
