"""Gives a dilated convolution its dilation back, where a converter cut it into parts.

TensorFlow runs one on a batch of as many parts as the dilation makes, between SPACE_TO_BATCH_ND and
its counterpart. Where the model's own batch is open, the converter leaves it so, with 1 in the file
for each of these batches; and TensorFlow Lite Micro leaves the border unset that the first adds.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import flatbuffers  # type: ignore[import-untyped]
import tflite

from mlforge_tasks.tflite_file.edit import Edit
from mlforge_tasks.tflite_file.integers import alike
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.origin import origin_of, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlforge_tasks.tflite_file.flatbuffer import Table
    from mlforge_tasks.tflite_file.model import FileGraph, FileOperator

_APART, _TOGETHER = "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"
_WITH_PARTS = 3  # what either reads: a tensor, the block, and what is added or left out
_CONVOLUTIONS: Mapping[str, str] = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
}
_AXES, _RANK = (1, 2), 4
# Slots of both tables of options, by axis; those between differ.
_STRIDES = (2, 1)
_DILATIONS: Mapping[str, tuple[int, int]] = {"CONV_2D": (5, 4), "DEPTHWISE_CONV_2D": (6, 5)}


@dataclass(frozen=True)
class _Cut:
    """A convolution that was cut, by the places of what it became; one-dimensional ones have all.

    Attributes:
        apart: SPACE_TO_BATCH_ND.
        longer: EXPAND_DIMS, or None.
        convolution: What is done to the parts.
        shorter: RESHAPE or SQUEEZE, or None.
        together: BATCH_TO_SPACE_ND.
    """

    apart: int
    longer: int | None
    convolution: int
    shorter: int | None
    together: int


def _only_reader(graph: FileGraph, tensor: int) -> int | None:
    """The operator whose first operand a tensor is, if nothing else reads its values."""
    readers = [
        at
        for at, one in enumerate(graph.operators)
        if tensor in one.inputs and one.op != "SHAPE"  # that is gone with what computes shapes
    ]
    if len(readers) != 1 or tensor in graph.outputs:
        return None
    return readers[0] if graph.operators[readers[0]].inputs[:1] == (tensor,) else None


def _cut(graph: FileGraph, apart: int) -> _Cut | None:
    """What follows SPACE_TO_BATCH_ND, where that is a convolution and its counterpart."""
    names, places = [], []
    at: int | None = apart
    while at is not None and len(graph.operators[at].outputs) == 1:
        names.append(graph.operators[at].op)
        places.append(at)
        if names[-1] == _TOGETHER:
            break
        at = _only_reader(graph, graph.operators[at].outputs[0])
    inner = [name if name not in _CONVOLUTIONS else "" for name in names[1:-1]]
    if names[-1] != _TOGETHER:
        return None
    if inner == [""]:
        return _Cut(places[0], None, places[1], None, places[2])
    if inner in (["EXPAND_DIMS", "", "RESHAPE"], ["EXPAND_DIMS", "", "SQUEEZE"]):
        return _Cut(places[0], places[1], places[2], places[3], places[4])
    return None


def _as_image(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    return shape if axis is None else (*shape[:axis], 1, *shape[axis:])


@dataclass(frozen=True)
class _Dilated:
    """What the parts make together.

    Attributes:
        source: The shape that is convolved, of an image.
        made: What comes out.
        dilations: By axis.
        padding: `tflite.Padding`.
    """

    source: tuple[int, ...]
    made: tuple[int, ...]
    dilations: tuple[int, int]
    padding: int


def _axis_of(graph: FileGraph, cut: _Cut) -> int | None:
    """Where EXPAND_DIMS puts the axis that a sequence lacks; None where nothing is put."""
    if cut.longer is None:
        return None
    operator = graph.operators[cut.longer]
    index = operator.inputs[1] if len(operator.inputs) > 1 else -1
    found = graph.tensors[index].integers if index >= 0 else ()
    return found[0] % _RANK if len(found) == 1 else _RANK


def _moved(graph: FileGraph, cut: _Cut) -> Sequence[tuple[int, tuple[int, int], tuple[int, int]]]:
    """By axis of what is cut: into how many parts, what is added on both sides, what is left out.

    Nothing where it is computed.
    """
    found = []
    for at in (cut.apart, cut.together):
        operands = graph.operators[at].inputs
        if len(operands) != _WITH_PARTS or min(operands) < 0:
            return []
        found.append([graph.tensors[index].integers for index in operands[1:]])
    (block, added), (again, left_out) = found
    if not block or block != again or {len(added), len(left_out)} != {2 * len(block)}:
        return []
    sides = [list(zip(each[::2], each[1::2], strict=True)) for each in (added, left_out)]
    return list(zip(block, *sides, strict=True))


def _padding(
    length: int, made: int, reach: int, added: tuple[int, int], left_out: tuple[int, int]
) -> set[int]:
    """What an axis may be called: the schema's SAME and VALID, or one of them."""
    before = added[0] - left_out[0]
    inner = length + sum(added) - sum(left_out) - reach
    if inner != made:
        return set()
    found = {tflite.Padding.VALID} if not before and made == length - reach else set()
    return found | ({tflite.Padding.SAME} if before == reach // 2 and made == length else set())


def _dilated(graph: FileGraph, cut: _Cut) -> _Dilated | None:
    """What a cut convolution is as one; None where a convolution is no such thing."""
    convolution = graph.operators[cut.convolution]
    axis, moved = _axis_of(graph, cut), _moved(graph, cut)
    ends = graph.operators[cut.apart].inputs[0], graph.operators[cut.together].outputs[0]
    source, made = (_as_image(graph.tensors[index].shape, axis) for index in ends)
    kernel = graph.tensors[convolution.inputs[1]].shape
    if not moved or {len(source), len(made), len(kernel)} != {_RANK} or source[0] != 1:
        return None
    free = [each for each in _AXES if each != axis]
    if len(free) != len(moved):
        return None
    dilations, paddings = {1: 1, 2: 1}, {tflite.Padding.SAME, tflite.Padding.VALID}
    for each, (parts, added, left_out) in zip(free, moved, strict=True):
        reach = (kernel[each] - 1) * parts
        if parts < 1 or (source[each] + sum(added)) % parts:
            return None
        dilations[each] = parts
        paddings &= _padding(source[each], made[each], reach, added, left_out)
    if not paddings or (axis in _AXES and kernel[axis] != 1):
        return None
    return _Dilated(source, made, (dilations[1], dilations[2]), min(paddings))


def _plain(options: Table, op: str) -> bool:
    """Whether a convolution goes step by step, and pads nothing."""
    steps = [options.integer(slot, "i", 1) for slot in (*_STRIDES, *_DILATIONS[op])]
    # Strides are 0 where they are absent, which no converter leaves them.
    return steps == [1] * 4 and options.integer(0, "b") == tflite.Padding.VALID


def _options(options: Table, op: str, found: _Dilated) -> bytes:
    """Of a dilated convolution, as a file of its own."""
    builder = flatbuffers.Builder(128)
    kind = _CONVOLUTIONS[op]
    getattr(tflite, f"{kind}Start")(builder)

    def add(what: str, value: int) -> None:
        getattr(tflite, f"{kind}Add{what}")(builder, value)

    add("Padding", found.padding)
    add("StrideH", 1)
    add("StrideW", 1)
    add("DilationHFactor", found.dilations[0])
    add("DilationWFactor", found.dilations[1])
    if op == "CONV_2D":
        add("FusedActivationFunction", options.integer(3, "b"))
        add("QuantizedBiasType", options.integer(6, "b"))
    else:
        add("DepthMultiplier", options.integer(3, "i"))
        add("FusedActivationFunction", options.integer(4, "b"))
    builder.Finish(getattr(tflite, f"{kind}End")(builder))
    return bytes(builder.Output())


def _alike(graph: FileGraph, cut: _Cut) -> bool:
    """Whether what only moves values leaves them what they are."""
    moves = [
        graph.operators[at]
        for at in (cut.apart, cut.longer, cut.shorter, cut.together)
        if at is not None
    ]
    return all(alike(graph.tensors[one.inputs[0]], graph.tensors[one.outputs[0]]) for one in moves)


def _as_one(edit: Edit, graph: FileGraph, cut: _Cut, found: _Dilated) -> None:
    """The same as a dilated convolution."""
    source, target = graph.operators[cut.apart].inputs[0], graph.operators[cut.together].outputs[0]
    convolution = graph.operators[cut.convolution]
    edit.operators |= {cut.apart: None, cut.together: None}
    inputs = (source, *convolution.inputs[1:])
    outputs: tuple[int, ...] = (target,)
    if cut.longer is not None and cut.shorter is not None:
        longer, shorter = graph.operators[cut.longer], graph.operators[cut.shorter]
        inputs, outputs = convolution.inputs, convolution.outputs
        edit.operators[cut.longer] = replace(longer, inputs=(source, *longer.inputs[1:]))
        for index, shape in ((inputs[0], found.source), (outputs[0], found.made)):
            edit.tensors[index] = replace(graph.tensors[index], shape=shape)
        edit.operators[cut.shorter] = _shortened(edit, graph, shorter, target)
    edit.operators[cut.convolution] = replace(convolution, inputs=inputs, outputs=outputs)


def _shortened(edit: Edit, graph: FileGraph, operator: FileOperator, target: int) -> FileOperator:
    """RESHAPE or SQUEEZE to the whole.

    The shape that RESHAPE reads is changed, or of one that others read too the tensor of a part
    becomes that of the whole.
    """
    if operator.op == "SQUEEZE":
        return replace(operator, outputs=(target,))
    shape, at = graph.tensors[target].shape, operator.outputs[0]
    if len(operator.inputs) > 1 and _is_own(graph, operator.inputs[1]):
        at = operator.inputs[1]
    edit.tensors[at] = replace(
        graph.tensors[at],
        shape=(len(shape),),
        dtype="int32",
        scales=(),
        zero_points=(),
        axis=0,
        data=memoryview(struct.pack(f"<{len(shape)}i", *shape)),
    )
    return replace(operator, inputs=(operator.inputs[0], at), outputs=(target,))


def _is_own(graph: FileGraph, tensor: int) -> bool:
    """Whether a constant is one operator's."""
    read_by = sum(one.inputs.count(tensor) for one in graph.operators)
    return tensor >= 0 and graph.tensors[tensor].data is not None and read_by == 1


def with_dilations(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A model whose dilated convolutions are whole, and what was done; else as it is.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    model = read(content)
    graph, origin = model.main, origin_of(model)
    edit, told = Edit(content), []
    for at, one in enumerate(graph.operators):
        cut = _cut(graph, at) if one.op == _APART and one.inputs[:1] > (-1,) else None
        if cut is None or not _alike(graph, cut):
            continue
        convolution = graph.operators[cut.convolution]
        options, weighted = convolution.options, convolution.inputs[1:2] > (-1,)
        if options is None or not weighted or not _plain(options, convolution.op):
            continue
        found = _dilated(graph, cut)
        if found is None:
            continue
        _as_one(edit, graph, cut, found)
        edit.options[cut.convolution] = _options(options, convolution.op, found)
        layer = quoted(origin, graph.tensors[convolution.outputs[0]].name)
        told.append(f"its dilated convolution{layer} is one again, which was cut into parts")
    if not told:
        return content, ()
    edit.without_unread()
    changed = edit.written()
    return (content, ()) if changed is None else (changed, tuple(dict.fromkeys(told)))
