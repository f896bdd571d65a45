"""A `.tflite` file as records, with nothing judged: what an engine takes of it is the engine's.

Slots are positions in TensorFlow's `schema.fbs`.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tflite

from mlforge_tasks.tflite_file.flatbuffer import DamagedError, Table, is_tflite

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 3
CUSTOM = "CUSTOM"
MOST_NAME_LENGTH = 120
_CONVERSION = b"CONVERSION_METADATA"
_VERSION = re.compile(rb"\d+\.\d+\.\d+")
# litert-torch names where each module is from, and of what it fused all paths, the innermost last.
_TORCH, _TORCH_FILE = "torch.nn.", re.compile(r"torch\.nn\.modules\.\w+\.")
_MOST_BYTES = 4096


def _names(enum: type) -> Mapping[int, str]:
    return {number: name for name, number in vars(enum).items() if name[0].isupper()}


_OPERATORS = _names(tflite.BuiltinOperator)
_TYPES = {number: name.lower() for number, name in _names(tflite.TensorType).items()}
_OPTIONS = _names(tflite.BuiltinOptions)


@dataclass(frozen=True)
class FileTensor:
    """A tensor.

    Attributes:
        name: Readable, at most `MOST_NAME_LENGTH` characters; empty where it was stripped.
        shape: As declared; an absent one is that of a scalar.
        dtype: As the schema has it, lower case (`int8`), or `type 99` of a newer schema.
        scales: Of its quantisation; empty where it has none.
        zero_points: As many, one for all, or none.
        axis: The dimension that has several scales.
        data: Its value where it is constant.
        oddity: What it is that no reader here takes (`sparse`), or empty.
        is_variable: Whether it keeps its value from one inference to the next.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int
    data: memoryview | None
    oddity: str
    is_variable: bool = False

    @property
    def integers(self) -> tuple[int, ...]:
        """The values of an int32 constant; empty where it is none, or not whole."""
        if self.data is None or self.dtype != "int32" or self.oddity or len(self.data) % 4:
            return ()
        return tuple(each for (each,) in struct.iter_unpack("<i", self.data))


@dataclass(frozen=True)
class FileOperator:
    """An operator.

    Attributes:
        op: As the schema has it (`CONV_2D`), `custom operator 'name'`, or `operator 250` of a newer
            schema.
        inputs: Tensors; -1 where an optional one is absent.
        outputs: Tensors.
        options_type: As the schema has it (`Conv2DOptions`); `NONE` where it has none.
        options: Its table of options.
    """

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options_type: str
    options: Table | None


@dataclass(frozen=True)
class FileGraph:
    """A graph; operators in the order they run.

    Attributes:
        tensors: All of them.
        operators: All of them.
        inputs: Tensors.
        outputs: Tensors.
        signature: Names that a signature of the file gives to some of these tensors.
    """

    tensors: tuple[FileTensor, ...]
    operators: tuple[FileOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    signature: Mapping[int, str]

    def name_of(self, tensor: int) -> str:
        """What a tensor is called by whoever uses the model."""
        return self.signature.get(tensor) or self.tensors[tensor].name


@dataclass(frozen=True)
class FileModel:
    """A model.

    Attributes:
        version: The schema's.
        graphs: All of them.
        description: What the tool that made it says of itself.
        tensorflow: The version of TensorFlow that converted it, where it says so.
    """

    version: int
    graphs: tuple[FileGraph, ...]
    description: str = ""
    tensorflow: str = ""

    @property
    def main(self) -> FileGraph:
        """The graph that runs first."""
        return self.graphs[0]

    @property
    def has_control_flow(self) -> bool:
        """Whether further graphs do more than to set variables once."""
        once = [each for each in self.main.operators if each.op == "CALL_ONCE"]
        return len(once) != len(self.graphs) - 1


def _readable(raw: memoryview | None) -> str:
    """A name in any bytes as text that can stand in a message, a report and a C comment."""
    text = bytes(raw or b"")[:_MOST_BYTES].decode(errors="replace")
    text = _TORCH_FILE.sub(_TORCH, text)
    if _TORCH in text and len(text) > MOST_NAME_LENGTH:
        text = text.rpartition(";;")[2]
    return "".join(each if each.isprintable() else "?" for each in text)[:MOST_NAME_LENGTH]


def _oddity(table: Table, buffer: Table) -> str:
    if table.table(6) is not None:
        return "sparse"
    if table.integer(5, "?"):
        return "a variable, which keeps its value from one inference to the next"
    if table.tables(9):
        return "of variant type"
    # 1 is how a converter writes a place that it is yet to fill in.
    if buffer.integer(1, "Q") > 1 or table.integer(10, "I"):
        return "stored outside the flatbuffer"
    return ""


def _tensor(table: Table, buffers: tuple[Table, ...]) -> FileTensor:
    number, kind = table.integer(2, "I"), table.integer(1, "b")
    if number >= len(buffers):
        raise DamagedError(f"a tensor lies in buffer {number} of {len(buffers)}")
    quantisation = table.table(4)
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis = 0
    if quantisation is not None:
        scales = quantisation.numbers(2, "f") or ()
        zero_points = tuple(int(each) for each in quantisation.numbers(3, "q") or ())
        axis = quantisation.integer(6, "i")
    return FileTensor(
        name=_readable(table.raw(3)),
        shape=table.integers(0),
        dtype=_TYPES.get(kind, f"type {kind}"),
        scales=scales,
        zero_points=zero_points,
        axis=axis,
        data=buffers[number].raw(0) or None,
        oddity=_oddity(table, buffers[number]),
        is_variable=bool(table.integer(5, "?")),
    )


def _operator_name(code: Table) -> str:
    number = max(code.integer(3, "i"), code.integer(0, "b"))
    name = _OPERATORS.get(number, f"operator {number}")
    return f"custom operator '{_readable(code.raw(1))}'" if name == CUSTOM else name


def _operator(table: Table, codes: tuple[str, ...], tensors: int) -> FileOperator:
    code = table.integer(0, "I")
    inputs, outputs = table.integers(1), table.integers(2)
    if code >= len(codes):
        raise DamagedError(f"an operator has code {code} of {len(codes)}")
    if any(not -1 <= each < tensors for each in inputs):
        raise DamagedError(f"{codes[code]} reads a tensor that is not there")
    if any(not 0 <= each < tensors for each in outputs):
        raise DamagedError(f"{codes[code]} writes a tensor that is not there")
    kind = table.integer(3, "B")
    options_type = _OPTIONS.get(kind, f"type {kind}")
    options = table.table(4) if kind else None
    return FileOperator(codes[code], inputs, outputs, options_type, options)


def _signature(model: Table) -> Mapping[int, str]:
    """Names of the first graph's inputs and outputs, where the file has them."""
    return {
        one.integer(1, "I"): _readable(one.raw(0))
        for signature in model.tables(7)
        if signature.integer(4, "I") == 0
        for slot in (0, 1)
        for one in signature.tables(slot)
    }


def _graph(
    table: Table, codes: tuple[str, ...], buffers: tuple[Table, ...], names: Mapping[int, str]
) -> FileGraph:
    tensors = tuple(_tensor(each, buffers) for each in table.tables(0))
    inputs, outputs = table.integers(1), table.integers(2)
    if any(not 0 <= each < len(tensors) for each in (*inputs, *outputs)):
        raise DamagedError("an input or output of the graph is not there")
    operators = tuple(_operator(each, codes, len(tensors)) for each in table.tables(3))
    return FileGraph(tensors, operators, inputs, outputs, names)


def _tensorflow(model: Table, buffers: tuple[Table, ...]) -> str:
    """The version in TensorFlow's own metadata, which is a flatbuffer of another schema."""
    for entry in model.tables(6):
        number = entry.integer(1, "I")
        if bytes(entry.raw(0) or b"") == _CONVERSION and number < len(buffers):
            found = _VERSION.search(bytes(buffers[number].raw(0) or b""))
            return found[0].decode() if found else ""
    return ""


def read(content: bytes) -> FileModel:
    """Reads a file.

    Raises:
        DamagedError: It is no TensorFlow Lite model, or not a whole one.
    """
    if not is_tflite(content):
        raise DamagedError("it has no mark of such a file")
    model = Table.root(content)
    codes = tuple(_operator_name(each) for each in model.tables(1))
    buffers = model.tables(4)
    names = _signature(model)
    graphs = tuple(_graph(each, codes, buffers, names) for each in model.tables(2))
    if not graphs:
        raise DamagedError("it holds no graph")
    about = _readable(model.raw(3)), _tensorflow(model, buffers)
    return FileModel(model.integer(0, "I"), graphs, *about)
