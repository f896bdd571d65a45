"""Leaves out a CONCATENATION of many parts of which single ones are read.

litert-torch joins what PyTorch's GRU and LSTM give at each step, though most go on with the last
one alone. TensorFlow Lite Micro joins ten tensors at most.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.tflite_file.edit import Edit
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.moves import elements, moved
from mlforge_tasks.tflite_file.origin import origin_of, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.tflite_file.model import FileGraph, FileOperator
    from mlforge_tasks.tflite_file.moves import Places

# `kMaxInputNum` of the reference's kernel.
MOST_JOINED = 10
_JOIN = "CONCATENATION"


def _parts(operator: FileOperator, graph: FileGraph) -> Mapping[int, Places]:
    """Which elements of what it makes each of its inputs is; empty where its axis is none."""
    made = graph.tensors[operator.outputs[0]].shape
    axis = 0 if operator.options is None else operator.options.integer(0, "i")
    if not -len(made) <= axis < len(made):
        return {}
    sizes = [graph.tensors[one].shape[axis] for one in operator.inputs]
    if sum(sizes) != made[axis]:
        return {}
    cut = np.split(elements(made), np.cumsum(sizes)[:-1], axis=axis)
    return dict(zip(operator.inputs, cut, strict=True))


def _read(at: int, places: Places, graph: FileGraph) -> Iterator[tuple[int, Places]]:
    """Tensors behind one that are elements of it, and which."""
    for operator in graph.operators:
        if operator.inputs[:1] == (at,):
            behind = moved(operator, graph, places)
            if behind is not None:
                yield operator.outputs[0], behind
                yield from _read(operator.outputs[0], behind, graph)


def _same(operator: FileOperator, graph: FileGraph) -> dict[int, int]:
    """Tensors behind a join that are one of its parts, and which."""
    (made,) = operator.outputs
    parts = _parts(operator, graph)
    return {
        behind: part
        for behind, places in _read(made, elements(graph.tensors[made].shape), graph)
        for part, own in parts.items()
        if graph.tensors[part].shape == places.shape and np.array_equal(own.ravel(), places.ravel())
    }


def without_wide_joins(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A model that reads parts themselves where it read them behind a join, and what was done.

    Where there is nothing to do it is as it was.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    model = read(content)
    graph, origin = model.main, origin_of(model)
    wide = [one for one in graph.operators if one.op == _JOIN and len(one.inputs) > MOST_JOINED]
    instead: dict[int, int] = {}
    for one in wide:
        instead |= _same(one, graph)
    if not instead:
        return content, ()
    edit = Edit(content)
    for at, one in enumerate(graph.operators):
        inputs = tuple(instead.get(index, index) for index in one.inputs)
        if inputs != one.inputs:
            edit.operators[at] = replace(one, inputs=inputs)
    edit.without_unread()
    changed = edit.written()
    if changed is None:
        return content, ()
    made = {index for one in edit.after().operators for index in one.outputs}
    told = (
        f"its {_JOIN}{quoted(origin, graph.tensors[one.outputs[0]].name)} of {len(one.inputs)} "
        "parts was left out, of which one is read"
        for one in wide
        if one.outputs[0] not in made
    )
    return changed, tuple(dict.fromkeys(told))
