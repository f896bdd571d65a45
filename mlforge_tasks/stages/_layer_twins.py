"""A float network of the same operators and tensors as an int8 model, in three forms.

Its tensors have the places that the model's have, so a layer is found again without its name. One
form is the network with an addend behind each layer; of the other every layer is fed on its own.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np

from mlforge_tasks.engines._aot.importer import import_model, layer_name
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.stages._layer_tensors import (
    WEIGHTED,
    NoTwinError,
    channel_axis,
    constants_of,
    is_stepped,
    is_value,
)
from mlforge_tasks.tflite_file.model import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.tflite_file.model import FileGraph, FileOperator

_SCHEMA = "tensorflow.lite.python.schema_py_generated"
_MARK = b"TFL3"
_RETYPED = ("QUANTIZE", "DEQUANTIZE")  # of which nothing is left in float


@dataclass(frozen=True)
class Layer:
    """An operator that makes values.

    Attributes:
        name: As in a profile.
        op: As the schema has it.
        operator: Its place.
        outputs: Tensors that it makes, of values.
        weights: Its weights' tensor; None where it has none.
        retypes: Whether its float form is what it is given.
    """

    name: str
    op: str
    operator: int
    outputs: tuple[int, ...]
    weights: int | None
    retypes: bool


@dataclass(frozen=True)
class Form:
    """A float model.

    Attributes:
        content: The file.
        addends: By tensor, the input that is added to it.
        feeds: By operator and the place among its inputs, the input that it reads there, and the
            tensor for which that stands.
    """

    content: bytes
    addends: Mapping[int, int]
    feeds: Mapping[tuple[int, int], tuple[int, int]]


class Twins:
    """Float forms of a model.

    Args:
        content: The model's file.

    Raises:
        NoTwinError: It has none.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        model = read(content)
        if len(model.graphs) > 1:
            raise NoTwinError("the model has graphs within its graph, or variables")
        self.graph = model.main
        self.constants = dict(constants_of(self.graph))
        self.layers = tuple(_layers(self.graph, _names(content)))

    @property
    def macs(self) -> int:
        """Multiplications of its weights in an inference."""
        found = 0
        for layer in self.layers:
            if layer.weights is not None:
                weights = self.graph.tensors[layer.weights].shape
                channels = weights[channel_axis(layer.op, len(weights))]
                made = math.prod(self.graph.tensors[layer.outputs[0]].shape)
                found += made * math.prod(weights) // channels
        return found

    def with_addends(self, weights: Mapping[int, NDArray[np.float32]]) -> Form:
        """The network, with an input for each layer's output that is added to it.

        Args:
            weights: Constants' values, by tensor; of the others those of the file.
        """
        made = _Made(self, weights)
        addends = {}
        operators = []
        of = {one.operator: one for one in self.layers}
        for at, operator in enumerate(made.graph.operators):
            layer = of.get(at)
            if layer is None:
                operators.append(operator)
                continue
            sources = []
            for output in layer.outputs:
                addends[output] = made.like(output)
                sources.append(operator.inputs[0] if layer.retypes else made.like(output))
            if not layer.retypes:
                renamed = dict(zip(layer.outputs, sources, strict=True))
                operator.outputs = [renamed.get(int(one), int(one)) for one in operator.outputs]
                operators.append(operator)
            for output, source in zip(layer.outputs, sources, strict=True):
                operators.append(made.addition(source, addends[output], output))
        made.graph.operators = operators
        made.graph.inputs = [*made.graph.inputs, *addends.values()]
        return Form(made.written(), addends, {})

    def apart(self, weights: Mapping[int, NDArray[np.float32]]) -> Form:
        """Every layer with inputs of its own; args as `with_addends`."""
        made = _Made(self, weights)
        feeds = {}
        keep = []
        for at, operator in enumerate(made.graph.operators):
            if self.graph.operators[at].op in _RETYPED:
                continue
            inputs = [int(one) for one in operator.inputs]
            for place, tensor in enumerate(inputs):
                if tensor >= 0 and is_value(self.graph.tensors[tensor]):
                    inputs[place] = made.like(tensor)
                    feeds[at, place] = inputs[place], tensor
            operator.inputs = inputs
            keep.append(operator)
        made.graph.operators = keep
        made.graph.inputs = [feed for feed, _ in feeds.values()]
        retyped = {one.outputs[0] for one in self.layers if one.retypes}
        ends = [one for layer in self.layers for one in layer.outputs if one not in retyped]
        made.graph.outputs = ends
        return Form(made.written(), {}, feeds)


class _Made:
    """A float model under construction."""

    def __init__(self, twins: Twins, weights: Mapping[int, NDArray[np.float32]]) -> None:
        self._schema: Any = importlib.import_module(_SCHEMA)
        schema = self._schema
        self._model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(twins._content, 0))  # noqa: SLF001 - one module
        self.graph: Any = self._model.subgraphs[0]
        self._model.signatureDefs = None  # of inputs that it no longer has
        self._addition: int | None = None
        for at, tensor in enumerate(self.graph.tensors):
            constant = twins.constants.get(at)
            if constant is not None:
                values = np.asarray(weights.get(at, constant.values), np.float32)
                data = np.frombuffer(values.tobytes(), np.uint8)
                self._model.buffers.append(schema.BufferT(data=data))
                tensor.buffer = len(self._model.buffers) - 1
            if constant is not None or is_stepped(twins.graph.tensors[at]):
                tensor.type = schema.TensorType.FLOAT32
                tensor.quantization = None

    def like(self, index: int) -> int:
        """A new tensor of another's shape."""
        other = self.graph.tensors[index]
        tensor = self._schema.TensorT(
            shape=other.shape, type=self._schema.TensorType.FLOAT32, buffer=0, hasRank=True
        )
        tensor.name = f"mlforge/{len(self.graph.tensors)}"
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def addition(self, first: int, second: int, output: int) -> Any:
        schema = self._schema
        if self._addition is None:
            code = schema.BuiltinOperator.ADD
            self._model.operatorCodes.append(
                schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code, version=1)
            )
            self._addition = len(self._model.operatorCodes) - 1
        return schema.OperatorT(
            opcodeIndex=self._addition,
            inputs=[first, second],
            outputs=[output],
            builtinOptionsType=schema.BuiltinOptions.AddOptions,
            builtinOptions=schema.AddOptionsT(),
        )

    def written(self) -> bytes:
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self._model.Pack(builder), _MARK)
        return bytes(builder.Output())


def _names(content: bytes) -> Mapping[int, str]:
    """By what it makes, the name of an operator in a profile."""
    try:
        return {one.output: one.name for one in import_model(content).operators}
    except MlforgeError:  # another engine may run it
        return {}


def _layers(graph: FileGraph, names: Mapping[int, str]) -> Iterator[Layer]:
    for at, operator in enumerate(graph.operators):
        outputs = tuple(one for one in operator.outputs if is_value(graph.tensors[one]))
        if not outputs:
            continue
        called = layer_name(graph.tensors[outputs[0]].name, operator.op)
        yield Layer(
            name=names.get(outputs[0], f"l{at}_{called}"),
            op=operator.op,
            operator=at,
            outputs=outputs,
            weights=_weights(operator, graph),
            retypes=operator.op in _RETYPED,
        )


def _weights(operator: FileOperator, graph: FileGraph) -> int | None:
    if operator.op not in WEIGHTED:
        return None
    found = operator.inputs[WEIGHTED[operator.op][1]]
    return found if graph.tensors[found].data is not None else None
