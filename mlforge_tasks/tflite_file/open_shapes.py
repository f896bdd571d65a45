"""What shapes a model file leaves open, and the file with those of one example in their place.

A file that was converted with an open batch has -1 in `shape_signature` for what the converter did
not know, and 1 in `shape`, which is what TensorFlow Lite Micro takes. Behind a shape that is
computed, as UpSampling2D's, that may be more than the batch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlforge_tasks.tflite_file.edit import Edit
from mlforge_tasks.tflite_file.flatbuffer import Table
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.origin import origin_of, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    Shape = tuple[int, ...]

# Slots of the schema: https://github.com/google-ai-edge/LiteRT, schema.fbs
_GRAPHS, _TENSORS, _SIGNATURE = 2, 0, 7


def open_shapes(content: bytes) -> Mapping[int, Shape]:
    """Tensors of which a file leaves more open than the batch, by their place; -1 for what is.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    tables = Table.root(content).tables(_GRAPHS)[0].tables(_TENSORS)
    shapes = {at: one.integers(_SIGNATURE) for at, one in enumerate(tables)}
    return {at: shape for at, shape in shapes.items() if any(size < 0 for size in shape[1:])}


def with_shapes(content: bytes, shapes: Mapping[int, Shape]) -> tuple[bytes, tuple[str, ...]]:
    """A model whose tensors have the shapes that one example makes, and what was done.

    Args:
        content: The model, of one graph.
        shapes: By place; of constants they make no difference.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    model = read(content)
    graph, origin = model.main, origin_of(model)
    edit = Edit(content)
    for at, shape in shapes.items():
        if graph.tensors[at].data is None and graph.tensors[at].shape != shape:
            edit.tensors[at] = replace(graph.tensors[at], shape=shape)
    changed = edit.written() if edit.tensors else None
    if changed is None:
        return content, ()
    first = min(edit.tensors)
    layer = quoted(origin, graph.tensors[first].name)
    told = (
        "shapes that the file leaves open are those of one example now, from "
        f"{list(edit.tensors[first].shape)}{layer} on"
    )
    return changed, (told,)
