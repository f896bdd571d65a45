"""Takes the transposition off that a network of PyTorch's begins with.

Its examples come channels first and its convolutions run channels last, so the converter puts a
TRANSPOSE between. A device that is given examples channels last, as sensors and cameras have them,
need not do it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.tflite_file.edit import Edit
from mlforge_tasks.tflite_file.model import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlforge_tasks.tflite_file.model import FileGraph, FileOperator

    Places = NDArray[np.intp]


def _moved(operator: FileOperator, graph: FileGraph, places: Places) -> Places | None:
    """Which elements of the input are where behind an operator; None where it computes."""
    made = graph.tensors[operator.outputs[0]]
    if operator.op == "RESHAPE" and math.prod(made.shape) == places.size:
        return places.reshape(made.shape)
    if operator.op == "TRANSPOSE" and len(operator.inputs) > 1:
        order = graph.tensors[operator.inputs[1]].integers
        if sorted(order) == list(range(places.ndim)):
            return places.transpose(order)
    return None


def _chain(graph: FileGraph) -> Iterator[tuple[int, Places]]:
    """What only moves the input's elements: each tensor, and which elements are where in it."""
    (at,) = graph.inputs
    source = graph.tensors[at]
    places = np.arange(math.prod(source.shape)).reshape(source.shape)
    while True:
        yield at, places
        readers = [one for one in graph.operators if at in one.inputs]
        if len(readers) != 1 or at in graph.outputs or readers[0].inputs[0] != at:
            return
        before = graph.tensors[at]
        moved = _moved(readers[0], graph, places)
        if moved is None:
            return
        (at,), places = readers[0].outputs, moved
        if replace(graph.tensors[at], name=before.name, shape=before.shape) != before:
            return  # of another scale


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
