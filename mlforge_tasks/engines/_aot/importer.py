"""Reads a `.tflite` file into a `Graph`, and refuses what no int8 engine could run."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.constants import folded
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.forms import check_operands
from mlforge_tasks.engines._aot.graph import Graph, Operator, Quantisation, Tensor
from mlforge_tasks.engines._aot.islands import without_islands
from mlforge_tasks.engines._aot.joins import with_joins_quantised
from mlforge_tasks.engines._aot.options import read_options
from mlforge_tasks.engines._aot.order import check_order
from mlforge_tasks.engines._aot.shapes import check_shapes
from mlforge_tasks.engines._aot.states import with_states
from mlforge_tasks.engines._aot.variables import with_variables
from mlforge_tasks.engines._aot.weights import with_int8_weights
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.tflite_file.model import SCHEMA_VERSION, read
from mlforge_tasks.tflite_file.origin import module_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlforge_tasks.engines._aot.variables import Variables
    from mlforge_tasks.tflite_file.model import FileModel, FileTensor

_NUMPY_DTYPES = {
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "float32": np.float32,
    "bool": np.bool_,
}
_NOT_IN_NAMES = re.compile(r"[^a-z0-9_]+")
_MOST_NAME_LENGTH = 60
_WITH_WEIGHTS = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}


def _quantisation(tensor: FileTensor) -> Quantisation | None:
    """As the reference has it: none without zero points; one zero point may be for all scales."""
    if not tensor.scales or not tensor.zero_points:
        return None
    count = len(tensor.scales)
    zero_points = tensor.zero_points
    if len(zero_points) != count:
        zero_points = zero_points[:1] * count
    return Quantisation(
        scales=np.array(tensor.scales, np.float32),
        zero_points=np.array(zero_points, np.int64),
        axis=tensor.axis,
    )


def _data(tensor: FileTensor) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]] | None:
    """The value of a constant; bytes as they are of a type that no operator here takes.

    Raises:
        CandidateFailure: Its buffer is not of the size that type and shape say.
    """
    if tensor.data is None:
        return None
    if tensor.dtype not in _NUMPY_DTYPES:
        return np.frombuffer(tensor.data, np.uint8)
    dtype = np.dtype(_NUMPY_DTYPES[tensor.dtype])
    wanted = math.prod(tensor.shape) * dtype.itemsize
    if min(tensor.shape, default=1) < 0 or wanted != len(tensor.data):
        raise unsupported(
            f"a constant '{tensor.name}' of {len(tensor.data)} bytes, where "
            f"{tensor.dtype}{list(tensor.shape)} takes {wanted},",
            "convert the model again; compressed weights have to be expanded before",
        )
    values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]
    values = np.frombuffer(tensor.data, dtype).reshape(tensor.shape)
    return values


def _tensor(tensor: FileTensor) -> Tensor:
    return Tensor(
        name=tensor.name,
        shape=tensor.shape,
        dtype=tensor.dtype,
        quantisation=_quantisation(tensor),
        data=None if tensor.oddity else _data(tensor),
        oddity=tensor.oddity,
        scales_without_zero_points=bool(tensor.scales) and not tensor.zero_points,
    )


def layer_name(tensor_name: str, op: str) -> str:
    """The name of the Keras layer or PyTorch module that a tensor belongs to, as part of a C name.

    The converter joins the paths of all operations that it fuses: `model/relu/Relu;model/conv/...`.
    The last is the innermost, and its second part is the layer.
    """
    path = tensor_name.rpartition(";")[2].split("/")
    layer = module_path(tensor_name) or (path[1] if len(path) > 1 else "")
    name = _NOT_IN_NAMES.sub("_", layer.lower())[:_MOST_NAME_LENGTH].strip("_")
    return name or _NOT_IN_NAMES.sub("_", op.lower()).strip("_")


def _named(operators: Sequence[Operator], tensors: Sequence[Tensor]) -> tuple[Operator, ...]:
    """Numbers the names in the order of execution, which also makes them unique."""

    def name(operator: Operator) -> str:
        telling = [tensors[index].name for index in operator.outputs[:1]]
        if operator.op in _WITH_WEIGHTS and len(operator.inputs) > 1 and operator.inputs[1] >= 0:
            weights = tensors[operator.inputs[1]].name
            # Those that several steps of a layer have in common are called `arith.constant`.
            if "/" in weights or not telling:
                telling = [weights]
        return layer_name(telling[0] if telling else "", operator.op)

    return tuple(
        replace(operator, name=f"l{index}_{name(operator)}")
        for index, operator in enumerate(operators)
    )


def _main(model: FileModel) -> Variables:
    """The model's graph, with an input and an output, and its variables.

    Raises:
        CandidateFailure: It has none of any, or the file has control flow.
    """
    if model.version != SCHEMA_VERSION:
        raise unsupported(
            f"a file of schema version {model.version}", f"convert it to version {SCHEMA_VERSION}"
        )
    graph = model.main
    for which, count in (("inputs", len(graph.inputs)), ("outputs", len(graph.outputs))):
        if not count:
            raise unsupported(f"a model without {which}", "give it an input and an output")
    return with_variables(model)


def _check_batch(tensor: Tensor, which: str) -> None:
    """One example an inference, first axis 1."""
    shape = tensor.shape
    if shape[:1] != (1,):
        has = f"a batch of {shape[0]}" if shape else "no batch"
        raise unsupported(
            f"a model with an {which} {list(shape)}, {has},",
            "convert it for one example: a first axis of 1 for input and output",
        )


def import_model(tflite_bytes: bytes) -> Graph:
    """Reads a model.

    Raises:
        CandidateFailure: It is not full-integer int8, or uses something else that the engine does
            not have.
        ToolError: The bytes are not a TensorFlow Lite model.
    """
    graph = with_int8_weights(without_islands(_named_graph(_main(read(tflite_bytes)))))
    check_operands(graph)
    for index in graph.inputs:
        _check_batch(graph.tensors[index], "input")
    check_shapes(graph)
    for index in graph.outputs:
        _check_batch(graph.tensors[index], "output")
    return graph


def _named_graph(variables: Variables) -> Graph:
    """What a file has, shapes computed, and every operator with its name."""
    found = variables.graph
    operators = [
        Operator(each.op, each.inputs, each.outputs, read_options(each)) for each in found.operators
    ]
    graph = Graph(
        tensors=tuple(_tensor(each) for each in found.tensors),
        operators=tuple(operators),
        inputs=found.inputs,
        outputs=found.outputs,
    )
    read_ones = {index for each in found.operators for index in each.inputs}
    own = {at: None for at in sorted(read_ones - {-1}) if found.tensors[at].is_variable}
    graph = with_states(graph, {**own, **variables.first}, variables.written)
    check_order(graph)
    graph = with_joins_quantised(folded(graph))
    return replace(graph, operators=_named(graph.operators, graph.tensors))


def names_of(model: FileModel) -> Mapping[str, tuple[str, ...]]:
    """By an operator's name, names of tensors: those that it makes, and what is made of them next.

    Nothing of a file that is refused before its operators have names.
    """
    try:
        graph = _named_graph(_main(model))
    except CandidateFailure:
        return {}
    found = {}
    for operator in graph.operators:
        readers = [one for one in graph.operators if set(one.inputs) & set(operator.outputs)]
        made = (*operator.outputs, *(index for one in readers for index in one.outputs))
        found[operator.name] = tuple(graph.tensors[index].name for index in made)
    return found
