"""Says TILE in other words: TensorFlow Lite Micro has no kernel for it.

TensorFlow's converter makes it of UpSampling1D and UpSampling2D by interpolation "nearest",
RepeatVector, and attention whose heads share keys. One axis repeated is a CONCATENATION of the
tensor with itself, of as many as the reference takes; beyond these, one of size 1 is BROADCAST_TO.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import flatbuffers  # type: ignore[import-untyped]
import tflite

from mlforge_tasks.tflite_file.edit import Edit
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.origin import origin_of, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.tflite_file.model import FileGraph, FileOperator

# The reference's kernels take so many tensors to join, and so many axes.
_MOST_PARTS, _MOST_AXES = 10, 5


@dataclass(frozen=True)
class _Repeat:
    """A TILE along one axis.

    Attributes:
        place: Of the operator in the graph.
        axis: Which axis.
        times: How often what is there comes.
    """

    place: int
    axis: int
    times: int


def _repeat(place: int, operator: FileOperator, graph: FileGraph) -> _Repeat | None:
    """How it repeats its input; None where that is computed, or along several axes."""
    if len(operator.inputs) != 2 or min(operator.inputs) < 0 or len(operator.outputs) != 1:
        return None
    source, counts = (graph.tensors[index] for index in operator.inputs)
    times = counts.integers
    if not times:
        return None
    made = tuple(size * each for size, each in zip(source.shape, times, strict=False))
    longer = [axis for axis, each in enumerate(times) if each != 1]
    if made != graph.tensors[operator.outputs[0]].shape or len(longer) > 1 or min(made) < 1:
        return None
    axis = longer[0] if longer else 0
    return _Repeat(place, axis, times[axis])


def _options(axis: int) -> bytes:
    """Of a CONCATENATION, as a file of its own."""
    builder = flatbuffers.Builder(64)
    tflite.ConcatenationOptionsStart(builder)
    tflite.ConcatenationOptionsAddAxis(builder, axis)
    builder.Finish(tflite.ConcatenationOptionsEnd(builder))
    return bytes(builder.Output())


def _join(edit: Edit, repeats: Sequence[_Repeat], graph: FileGraph) -> None:
    for repeat in repeats:
        operator = graph.operators[repeat.place]
        edit.operators[repeat.place] = replace(
            operator,
            op="CONCATENATION",
            inputs=operator.inputs[:1] * repeat.times,
            options_type="ConcatenationOptions",
        )
        edit.options[repeat.place] = _options(repeat.axis)


def _broadcast(edit: Edit, repeats: Sequence[_Repeat], graph: FileGraph) -> bool:
    """Whether they can be: a list of counts that something else reads is to stay."""
    read_by = [index for operator in graph.operators for index in operator.inputs]
    for repeat in repeats:
        operator = graph.operators[repeat.place]
        counts, shape = operator.inputs[1], graph.tensors[operator.outputs[0]].shape
        if read_by.count(counts) > 1:
            return False
        data = memoryview(struct.pack(f"<{len(shape)}i", *shape))
        edit.tensors[counts] = replace(graph.tensors[counts], data=data)
        edit.operators[repeat.place] = replace(operator, op="BROADCAST_TO")
    return True


def _changed(edit: Edit, repeats: Sequence[_Repeat], graph: FileGraph) -> bool:
    """Whether they all have other words now."""
    if all(each.times <= _MOST_PARTS for each in repeats):
        _join(edit, repeats, graph)
        return True
    shapes = [graph.tensors[graph.operators[each.place].inputs[0]].shape for each in repeats]
    ones = (shape[each.axis] == 1 for shape, each in zip(shapes, repeats, strict=True))
    few = max(len(shape) for shape in shapes) <= _MOST_AXES
    return all(ones) and few and _broadcast(edit, repeats, graph)


def without_tiles(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A model that repeats tensors by operators the reference has, and what was done.

    Where there is nothing to do, or no other words are there, it is as it was.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    model = read(content)
    graph, origin = model.main, origin_of(model)
    places = [at for at, each in enumerate(graph.operators) if each.op == "TILE"]
    repeats = [_repeat(at, graph.operators[at], graph) for at in places]
    known = [each for each in repeats if each is not None]
    edit = Edit(content)
    if not places or len(known) != len(places) or not _changed(edit, known, graph):
        return content, ()
    changed = edit.written()
    if changed is None:
        return content, ()
    told = (
        f"its TILE{quoted(origin, graph.tensors[one.outputs[0]].name)} became {one.op}"
        for one in edit.operators.values()
        if one is not None
    )
    return changed, tuple(dict.fromkeys(told))
