"""Makes constants of what FILL makes: a recurrent layer's first state, in a file of an open batch.

How many rows it has is computed from the input's shape there. TensorFlow Lite Micro, which takes
shapes as they stand, wants the shape of a FILL as a constant.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from mlforge_tasks.tflite_file.edit import Edit
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.origin import origin_of, quoted

if TYPE_CHECKING:
    from mlforge_tasks.tflite_file.model import FileGraph, FileOperator

# A state is small; nobody's flash is to fill up with one value.
_MOST = 4096
_BYTES = {"int8": 1, "int16": 2, "int32": 4, "float32": 4}


def _filled(operator: FileOperator, graph: FileGraph) -> bytes:
    """What it makes of a constant; empty where that is computed, or more than a state has."""
    if operator.op != "FILL" or len(operator.inputs) != 2 or min(operator.inputs) < 0:
        return b""
    value, made = graph.tensors[operator.inputs[1]], graph.tensors[operator.outputs[0]]
    alike = (value.dtype, value.scales, value.zero_points) == (
        *(made.dtype, made.scales, made.zero_points),
    )
    one = bytes(value.data or b"")
    plain = not value.shape and not value.oddity and not made.oddity
    if not plain or not alike or len(one) != _BYTES.get(made.dtype):
        return b""
    # A batch that is open is 1 in the file.
    count = math.prod(made.shape)
    return one * count if min(made.shape, default=0) > 0 and count <= _MOST else b""


def with_constant_states(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A model whose states begin as constants, and what was done; else as it is.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    model = read(content)
    graph, origin = model.main, origin_of(model)
    edit, told = Edit(content), []
    for at, one in enumerate(graph.operators):
        data = _filled(one, graph) if len(one.outputs) == 1 else b""
        if not data or one.outputs[0] in graph.outputs:
            continue
        index = one.outputs[0]
        edit.operators[at] = None
        edit.tensors[index] = replace(graph.tensors[index], data=memoryview(data))
        layer = quoted(origin, graph.tensors[index].name)
        told.append(f"its FILL{layer} of a shape that is computed became a constant")
    if not told:
        return content, ()
    edit.without_unread()
    changed = edit.written()
    return (content, ()) if changed is None else (changed, tuple(dict.fromkeys(told)))
