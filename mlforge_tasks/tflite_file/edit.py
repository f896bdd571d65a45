"""Writes what is to be changed of a model's graph into its file, and nothing else.

A file is changed where it lies, and tables that need more room are put behind it: offsets of the
format point forward. What was written is read again; a file whose lists share their place, so that
more than what was meant changed with them, is left as it was.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import flatbuffers  # type: ignore[import-untyped]
import tflite

from mlforge_tasks.tflite_file.flatbuffer import Table
from mlforge_tasks.tflite_file.model import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.tflite_file.model import FileGraph, FileOperator, FileTensor

# Slots of the schema: https://github.com/google-ai-edge/LiteRT, schema.fbs
_CODES, _GRAPHS, _BUFFERS = 1, 2, 4
_TENSORS, _ENDS, _OPERATORS = 0, {"inputs": 1, "outputs": 2}, 3
_BUFFER, _NAME = 2, 3
_CODE, _READ, _MADE, _OPTIONS = 0, 1, 2, 4
_OLD_CODE, _NEW_CODE = 0, 3
# Codes from here on do not fit into the older field.
_PLACEHOLDER = 127
_ALIGNMENT = 16


def _numbers(builder: Any, code: str, numbers: Sequence[float]) -> int:
    """A vector of scalars."""
    size = struct.calcsize(code)
    builder.StartVector(size, len(numbers), size)
    add = {"i": builder.PrependInt32, "f": builder.PrependFloat32, "q": builder.PrependInt64}[code]
    for number in reversed(numbers):
        add(number)
    return int(builder.EndVector())


def _as_table(tensor: FileTensor, buffer: int, name: memoryview | None) -> bytes:
    """A tensor as a file of its own."""
    builder = flatbuffers.Builder(256)
    scales = _numbers(builder, "f", tensor.scales)
    zero_points = _numbers(builder, "q", tensor.zero_points)
    tflite.QuantizationParametersStart(builder)
    tflite.QuantizationParametersAddScale(builder, scales)
    tflite.QuantizationParametersAddZeroPoint(builder, zero_points)
    tflite.QuantizationParametersAddQuantizedDimension(builder, tensor.axis)
    quantisation = tflite.QuantizationParametersEnd(builder)
    shape = _numbers(builder, "i", tensor.shape)
    called = builder.CreateString(bytes(name or b""))
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, getattr(tflite.TensorType, tensor.dtype.upper()))
    tflite.TensorAddBuffer(builder, buffer)
    tflite.TensorAddName(builder, called)
    if tensor.scales:
        tflite.TensorAddQuantization(builder, quantisation)
    builder.Finish(tflite.TensorEnd(builder))
    return bytes(builder.Output())


def _as_buffer(data: bytes) -> bytes:
    """A constant's value as a file of its own."""
    builder = flatbuffers.Builder(len(data) + 64)
    builder.StartVector(1, len(data), _ALIGNMENT)
    builder.head -= len(data)
    builder.Bytes[builder.head : builder.head + len(data)] = data
    values = builder.EndVector()
    tflite.BufferStart(builder)
    tflite.BufferAddData(builder, values)
    builder.Finish(tflite.BufferEnd(builder))
    return bytes(builder.Output())


def _as_operator(operator: FileOperator, code: int) -> bytes:
    """An operator as a file of its own, whose options are still to be set."""
    builder = flatbuffers.Builder(128)
    lists = [_numbers(builder, "i", each) for each in (operator.inputs, operator.outputs)]
    builder.StartObject(0)
    options = builder.EndObject()
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, code)
    tflite.OperatorAddInputs(builder, lists[0])
    tflite.OperatorAddOutputs(builder, lists[1])
    kind = getattr(tflite.BuiltinOptions, operator.options_type)
    tflite.OperatorAddBuiltinOptionsType(builder, kind)
    tflite.OperatorAddBuiltinOptions(builder, options)
    builder.Finish(tflite.OperatorEnd(builder))
    return bytes(builder.Output())


class _SharedError(Exception):
    """What is to be changed is also something else's, or unknown."""


@dataclass
class Edit:
    """Changes of the graph of a file that has one.

    Attributes:
        content: The file.
        tensors: What becomes of tensors, by their place. One may become a constant.
        operators: Likewise; those that go are None. Another operator is what all of its code
            become. One with another type of options has them in `options`.
        options: Of operators, each as a file of its own.
        inputs: The graph's, as many as it has.
        outputs: Likewise.
    """

    content: bytes
    tensors: dict[int, FileTensor] = field(default_factory=dict)
    operators: dict[int, FileOperator | None] = field(default_factory=dict)
    options: dict[int, bytes] = field(default_factory=dict)
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()

    def after(self) -> FileGraph:
        """The graph as it is to be."""
        before = read(self.content).main
        kept = (self.operators.get(at, one) for at, one in enumerate(before.operators))
        return replace(
            before,
            tensors=tuple(self.tensors.get(at, one) for at, one in enumerate(before.tensors)),
            operators=tuple(one for one in kept if one is not None),
            inputs=self.inputs or before.inputs,
            outputs=self.outputs or before.outputs,
        )

    def without_unread(self) -> None:
        """Lets operators go whose results nothing reads any more."""
        before = read(self.content).main
        while True:
            now = self.after()
            needed = set(now.outputs).union(*(one.inputs for one in now.operators))
            kept = [(at, self.operators.get(at, one)) for at, one in enumerate(before.operators)]
            idle = [
                at
                for at, one in kept
                if one is not None and one.outputs and needed.isdisjoint(one.outputs)
            ]
            if not idle:
                return
            self.operators.update(dict.fromkeys(idle))

    def written(self) -> bytes | None:
        """The file with the changes; None where they would change more.

        Raises:
            DamagedError: It is no model, or not a whole one.
        """
        model = read(self.content)
        if model.has_control_flow:
            return None
        try:
            changed = _Writing(self, model.main).written()
        except _SharedError:
            return None
        wanted, (found, *others) = self.after(), read(changed).graphs
        if [*map(_whole, others)] != [*map(_whole, model.graphs[1:])]:
            return None
        if not _made(wanted) >= _needed(wanted) & _made(model.main):
            return None
        same = _said(wanted) == _said(found) and wanted.tensors == found.tensors
        return changed if same else None


def _made(graph: FileGraph) -> set[int]:
    return {index for one in graph.operators for index in one.outputs}.union(graph.inputs)


def _needed(graph: FileGraph) -> set[int]:
    """Tensors whose values are to be computed."""
    read_ones = set(graph.outputs).union(*(one.inputs for one in graph.operators)) - {-1}
    return {index for index in read_ones if graph.tensors[index].data is None}


def _whole(graph: FileGraph) -> tuple[Any, ...]:
    return _said(graph), graph.tensors


def _said(graph: FileGraph) -> tuple[Any, ...]:
    operators = [(one.op, one.inputs, one.outputs, one.options_type) for one in graph.operators]
    return graph.inputs, graph.outputs, operators


class _Writing:
    """A file that is being changed."""

    def __init__(self, edit: Edit, before: FileGraph) -> None:
        self._edit = edit
        self._before = before
        self._root = Table.root(edit.content)
        self._graph = self._root.tables(_GRAPHS)[0]
        self._changed = bytearray(edit.content)

    def written(self) -> bytes:
        for at, tensor in self._edit.tensors.items():
            self._tensor(at, tensor)
        for at, operator in self._edit.operators.items():
            if operator is not None:
                self._operator(at, operator)
        for code, op in self._codes().items():
            self._rename(self._root.tables(_CODES)[code], getattr(tflite.BuiltinOperator, op))
        for which, slot in _ENDS.items():
            numbers = getattr(self._edit, which)
            if numbers:
                place, count = self._graph.place_of(slot, 4)
                struct.pack_into(f"<{count}i", self._changed, place, *numbers)
        self._leave([at for at, one in self._edit.operators.items() if one is None])
        return bytes(self._changed)

    def _point(self, place: int | None, made: bytes, inner: int | None = None) -> int:
        """Puts something behind the file, has an offset point to it, and says where it begins."""
        if place is None:
            raise _SharedError
        self._changed += bytes(-len(self._changed) % _ALIGNMENT)
        start = len(self._changed)
        inner = Table.root(made).place if inner is None else inner
        struct.pack_into("<I", self._changed, place, start + inner - place)
        self._changed += made
        return start

    def _tensor(self, at: int, tensor: FileTensor) -> None:
        tables = self._graph.tables(_TENSORS)
        buffer = tables[at].integer(_BUFFER, "I")
        start, _ = self._graph.place_of(_TENSORS, 4)
        if not hasattr(tflite.TensorType, tensor.dtype.upper()):  # of a newer schema
            raise _SharedError
        self._point(start + 4 * at, _as_table(tensor, buffer, tables[at].raw(_NAME)))
        if tensor.data != self._before.tensors[at].data and tensor.data is not None:
            owners = [one.integer(_BUFFER, "I") for one in tables]
            if not buffer or owners.count(buffer) > 1:
                raise _SharedError
            start, _ = self._root.place_of(_BUFFERS, 4)
            self._point(start + 4 * buffer, _as_buffer(bytes(tensor.data)))

    def _operator(self, at: int, after: FileOperator) -> None:
        before, table = self._before.operators[at], self._graph.tables(_OPERATORS)[at]
        options = self._edit.options.get(at)
        if before.options_type != after.options_type:
            made = _as_operator(after, table.integer(_CODE, "I"))
            entries, _ = self._graph.place_of(_OPERATORS, 4)
            start = self._point(entries + 4 * at, made)
            place = Table.root(made).scalar_place(_OPTIONS)
            self._point(None if place is None else start + place, options or b"")
            return
        for slot, was, numbers in (
            (_READ, before.inputs, after.inputs),
            (_MADE, before.outputs, after.outputs),
        ):
            if was != numbers:
                row = struct.pack(f"<I{len(numbers)}i", len(numbers), *numbers)
                self._point(table.scalar_place(slot), row, 0)
        if options is not None:
            self._point(table.scalar_place(_OPTIONS), options)

    def _codes(self) -> dict[int, str]:
        """Entries of the list of operators' codes that are to have another."""
        tables = self._graph.tables(_OPERATORS)
        were, become = dict[int, str](), dict[int, set[str]]()
        for at, (table, before) in enumerate(zip(tables, self._before.operators, strict=True)):
            after = self._edit.operators.get(at, before)
            if after is not None:
                code = table.integer(_CODE, "I")
                were[code] = before.op
                become.setdefault(code, set()).add(after.op)
        changed = {code: ops for code, ops in become.items() if ops != {were[code]}}
        if any(len(ops) > 1 for ops in changed.values()):
            raise _SharedError
        return {code: op for code, (op,) in changed.items()}

    def _rename(self, table: Table, number: int) -> None:
        """Gives an entry of the list of operators' codes another."""
        for slot, code, written in (
            (_OLD_CODE, "<b", min(number, _PLACEHOLDER)),
            (_NEW_CODE, "<i", number),
        ):
            place = table.scalar_place(slot)
            if place is not None:
                struct.pack_into(code, self._changed, place, written)

    def _leave(self, gone: list[int]) -> None:
        """Shortens the list of operators."""
        start, count = self._graph.place_of(_OPERATORS, 4)
        places = range(start, start + 4 * count, 4)
        targets = [
            place + struct.unpack_from("<I", self._changed, place)[0]
            for at, place in enumerate(places)
            if at not in gone
        ]
        for place, target in zip(places, targets, strict=False):
            struct.pack_into("<I", self._changed, place, target - place)
        struct.pack_into("<I", self._changed, start - 4, len(targets))
