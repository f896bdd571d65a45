"""What a file calls its inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlforge_tasks.tflite_file.model import read

if TYPE_CHECKING:
    from collections.abc import Sequence


class Names(NamedTuple):
    """What a file calls its inputs and outputs, in its order."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def names_in(content: bytes) -> Names:
    """Names of a `.tflite` file: its signature's, else its tensors', else `input_0`, `output_1`.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    graph = read(content).main

    def named(which: str, tensors: Sequence[int]) -> tuple[str, ...]:
        found = [graph.name_of(tensor) for tensor in tensors]
        plain = len({*found}) == len(found) and all(found)
        return tuple(found if plain else (f"{which}_{at}" for at in range(len(found))))

    return Names(named("input", graph.inputs), named("output", graph.outputs))
