"""Takes the transposition off that a network of PyTorch's begins with.

Its examples come channels first and its convolutions run channels last, so the converter puts a
TRANSPOSE between. A device that is given examples channels last, as sensors and cameras have them,
need not do it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.tflite_file.edit import Edit
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.moves import elements, moved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.tflite_file.model import FileGraph
    from mlforge_tasks.tflite_file.moves import Places


def _chain(graph: FileGraph) -> Iterator[tuple[int, Places]]:
    """What only moves the input's elements: each tensor, and which elements are where in it."""
    (at,) = graph.inputs
    places = elements(graph.tensors[at].shape)
    while True:
        yield at, places
        readers = [one for one in graph.operators if at in one.inputs]
        if len(readers) != 1 or at in graph.outputs or readers[0].inputs[0] != at:
            return
        behind = moved(readers[0], graph, places)
        if behind is None:
            return
        (at,), places = readers[0].outputs, behind


def with_channels_last(content: bytes) -> bytes | None:
    """A model of one input, [1, channels, ...], that takes it as [1, ..., channels].

    Returns:
        The model, whose input may have axes of size 1 more; None where it does not begin with such
        a transposition.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    graph = read(content).main
    if len(graph.inputs) != 1:
        return None
    (source,) = graph.inputs
    chain = list(_chain(graph))
    last = np.moveaxis(chain[0][1], 1, -1) if chain[0][1].ndim > 1 else chain[0][1]
    sizes = [size for size in last.shape if size != 1]
    fits = [
        at
        for at, places in chain[1:]
        if [size for size in places.shape if size != 1] == sizes
        and np.array_equal(places.ravel(), last.ravel())
    ]
    if not fits:
        return None
    edit = Edit(content)
    edit.tensors[source] = replace(graph.tensors[source], shape=graph.tensors[fits[-1]].shape)
    for at, operator in enumerate(graph.operators):
        if fits[-1] in operator.inputs:
            inputs = (source if one == fits[-1] else one for one in operator.inputs)
            edit.operators[at] = replace(operator, inputs=tuple(inputs))
    edit.without_unread()
    return edit.written()
