"""Says TILE in other words: TensorFlow Lite Micro has no kernel for it.

TensorFlow's converter makes it of UpSampling1D and UpSampling2D by interpolation "nearest",
RepeatVector, and attention whose heads share keys. One axis repeated is a CONCATENATION of the
tensor with itself, of as many as the reference takes; beyond these, one of size 1 is BROADCAST_TO.
A file is changed where it lies, and operators that need more room are put behind it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import flatbuffers  # type: ignore[import-untyped]
import tflite

from mlforge_tasks.tflite_file.flatbuffer import Table
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.origin import origin_of, quoted

if TYPE_CHECKING:
    from mlforge_tasks.tflite_file.model import FileGraph, FileOperator

# Slots of the schema: https://github.com/google-ai-edge/LiteRT, schema.fbs
_CODES, _GRAPHS, _BUFFERS = 1, 2, 4
_TENSORS, _OPERATORS = 0, 3
_OLD_CODE, _NEW_CODE = 0, 3
_BUFFER, _DATA = 2, 0
_CODE = 0
# Codes from here on do not fit into the older field.
_PLACEHOLDER = 127
# The reference's kernels take so many tensors to join, and so many axes.
_MOST_PARTS, _MOST_AXES = 10, 5
_ALIGNMENT = 16


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


def _joined(code: int, operator: FileOperator, repeat: _Repeat) -> tuple[bytes, int]:
    """A CONCATENATION as a table, and where that begins."""
    builder = flatbuffers.Builder(128)
    tflite.ConcatenationOptionsStart(builder)
    tflite.ConcatenationOptionsAddAxis(builder, repeat.axis)
    options = tflite.ConcatenationOptionsEnd(builder)
    lists = []
    for numbers in ([operator.inputs[0]] * repeat.times, operator.outputs):
        builder.StartVector(4, len(numbers), 4)
        for number in reversed(numbers):
            builder.PrependInt32(number)
        lists.append(builder.EndVector())
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, code)
    tflite.OperatorAddInputs(builder, lists[0])
    tflite.OperatorAddOutputs(builder, lists[1])
    kind = tflite.BuiltinOptions.ConcatenationOptions
    tflite.OperatorAddBuiltinOptionsType(builder, kind)
    tflite.OperatorAddBuiltinOptions(builder, options)
    builder.Finish(tflite.OperatorEnd(builder))
    content = bytes(builder.Output())
    return content, Table.root(content).place


def _with_code(changed: bytearray, root: Table, code: int, number: int) -> None:
    """Gives an entry of the list of operator codes another number."""
    table = root.tables(_CODES)[code]
    old, new = table.scalar_place(_OLD_CODE), table.scalar_place(_NEW_CODE)
    if old is not None:
        struct.pack_into("<b", changed, old, min(number, _PLACEHOLDER))
    if new is not None:
        struct.pack_into("<i", changed, new, number)


def _as_joined(content: bytes, repeats: list[_Repeat], graph: FileGraph) -> bytes:
    root = Table.root(content)
    table = root.tables(_GRAPHS)[0]
    entries, _ = table.place_of(_OPERATORS, 4)
    changed = bytearray(content)
    codes = [each.integer(_CODE, "I") for each in table.tables(_OPERATORS)]
    for repeat in repeats:
        made, start = _joined(codes[repeat.place], graph.operators[repeat.place], repeat)
        changed += bytes(-len(changed) % _ALIGNMENT)
        entry = entries + 4 * repeat.place
        struct.pack_into("<I", changed, entry, len(changed) + start - entry)
        changed += made
    for code in {codes[each.place] for each in repeats}:
        _with_code(changed, root, code, tflite.BuiltinOperator.CONCATENATION)
    return bytes(changed)


def _as_broadcast(content: bytes, repeats: list[_Repeat], graph: FileGraph) -> bytes:
    """The file as it is where a list of counts is also that of something else."""
    root = Table.root(content)
    table = root.tables(_GRAPHS)[0]
    tensors, buffers = table.tables(_TENSORS), root.tables(_BUFFERS)
    owners = [each.integer(_BUFFER, "I") for each in tensors]
    read_by = [index for operator in graph.operators for index in operator.inputs]
    changed = bytearray(content)
    for repeat in repeats:
        operator = graph.operators[repeat.place]
        counts, shape = operator.inputs[1], graph.tensors[operator.outputs[0]].shape
        if read_by.count(counts) > 1 or owners.count(owners[counts]) > 1:
            return content
        place, _ = buffers[owners[counts]].place_of(_DATA, 1)
        struct.pack_into(f"<{len(shape)}i", changed, place, *shape)
    for code in {table.tables(_OPERATORS)[each.place].integer(_CODE, "I") for each in repeats}:
        _with_code(changed, root, code, tflite.BuiltinOperator.BROADCAST_TO)
    return bytes(changed)


def without_tiles(content: bytes) -> bytes:
    """A model that repeats tensors by operators the reference has, else the model as it is.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    model = read(content)
    graph = model.main
    places = [at for at, each in enumerate(graph.operators) if each.op == "TILE"]
    repeats = [_repeat(at, graph.operators[at], graph) for at in places]
    known = [each for each in repeats if each is not None]
    if not places or len(model.graphs) != 1 or len(known) != len(places):
        return content
    if all(each.times <= _MOST_PARTS for each in known):
        return _as_joined(content, known, graph)
    shapes = [graph.tensors[graph.operators[each.place].inputs[0]].shape for each in known]
    ones = (shape[each.axis] == 1 for shape, each in zip(shapes, known, strict=True))
    if all(ones) and max(len(shape) for shape in shapes) <= _MOST_AXES:
        return _as_broadcast(content, known, graph)
    return content


def changed_tiles(before: bytes, after: bytes) -> tuple[str, ...]:
    """What `without_tiles` did to a model, for who brought it."""
    model = read(before)
    graph, origin = model.main, origin_of(model)
    pairs = zip(graph.operators, read(after).main.operators, strict=True)
    told = (
        f"its {was.op}{quoted(origin, graph.tensors[was.outputs[0]].name)} became {now.op}"
        for was, now in pairs
        if was.op != now.op
    )
    return tuple(dict.fromkeys(told))
