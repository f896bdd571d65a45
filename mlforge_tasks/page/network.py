"""A model file's operators as the page shows them: names, shapes, parameters, options."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.page.lanes import Node, Row, rows
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.origin import origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlforge_tasks.engines._aot.graph import Options
    from mlforge_tasks.tflite_file.model import FileGraph, FileModel, FileOperator, FileTensor
    from mlforge_tasks.tflite_file.origin import Origin

_TIMES = "\N{MULTIPLICATION SIGN}"
_WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}
_POOLS = {"AVERAGE_POOL_2D", "MAX_POOL_2D"}


@dataclass(frozen=True)
class Place:
    """A row of the drawing: an input of the model, or an operator.

    Attributes:
        number: The operator's, from 1 in the order they run; None of an input.
        op: The operator, or `input`.
        layer: What the user calls it.
        made: Shape and type of what comes out.
        parameters: How many it has.
        weight_bytes: What they take in the model file.
        options: Kernel, stride and the like, in words.
        reads: In words, what it reads; empty where that is only the row above.
        is_output: Whether the model gives out what it makes.
        row: Where it is drawn.
    """

    number: int | None
    op: str
    layer: str
    made: str
    parameters: int
    weight_bytes: int
    options: str
    reads: str
    is_output: bool
    row: Row


def _times(sizes: Sequence[int]) -> str:
    return _TIMES.join(map(str, sizes))


def _shape(tensor: FileTensor) -> str:
    sizes = _times(tensor.shape) or "1"
    return f"{sizes} {tensor.dtype}"


def _layer(origin: Origin, graph: FileGraph, operator: FileOperator) -> str:
    """As the tool has it that the network was written with; else the tensor's own name."""
    telling = [graph.tensors[at].name for at in operator.outputs[:1]]
    if operator.op in _WEIGHTED and len(operator.inputs) > 1 and operator.inputs[1] >= 0:
        weights = graph.tensors[operator.inputs[1]].name
        telling = [weights] if "/" in weights or not telling else telling
    name = telling[0] if telling else ""
    found = origin.layer(name)
    quoted = found.partition("'")[2].partition("'")[0]
    return quoted or found or ("" if origin.tool else name)


def _options(operator: FileOperator) -> Options | None:
    from mlforge_tasks.engines._aot.options import read_options  # noqa: PLC0415 - numpy

    with contextlib.suppress(MlforgeError):  # what no engine here has is drawn all the same
        return read_options(operator)
    return None


def _said(graph: FileGraph, operator: FileOperator) -> Iterator[str]:
    """Its options in words: those that change anything."""
    options = _options(operator)
    if options is None:
        return
    if operator.op in _WEIGHTED - {"FULLY_CONNECTED"} and operator.inputs[1] >= 0:
        yield f"kernel {_times(graph.tensors[operator.inputs[1]].shape[1:3])}"
    if operator.op in _POOLS:
        yield f"window {_times(options.kernel)}"
    if options.stride != (1, 1):
        yield f"stride {_times(options.stride)}"
    if options.dilation != (1, 1):
        yield f"dilation {_times(options.dilation)}"
    if options.activation != "NONE":
        yield {"RELU": "ReLU", "RELU6": "ReLU6"}.get(options.activation, "ReLU from -1 to 1")


def _constants(graph: FileGraph, operator: FileOperator) -> list[FileTensor]:
    """Weights and biases: constants that stand for real numbers."""
    read_ones = (graph.tensors[at] for at in operator.inputs if at >= 0)
    return [
        one
        for one in read_ones
        if one.data is not None
        and one.dtype != "bool"
        and (one.scales or one.dtype.startswith("float"))
    ]


def _nodes(graph: FileGraph) -> list[Node]:
    """Inputs, then operators; what is constant has no lane."""
    moving = {at for at, one in enumerate(graph.tensors) if one.data is None}
    inputs = [Node((), (at,)) for at in graph.inputs]
    return inputs + [
        Node([at for at in one.inputs if at in moving], [at for at in one.outputs if at in moving])
        for one in graph.operators
    ]


class _Drawn:
    """A model's rows."""

    def __init__(self, model: FileModel) -> None:
        self._graph = model.main
        self._origin = origin_of(model)
        self._nodes = _nodes(self._graph)
        self._rows = rows(self._nodes)
        self._maker = {value: at for at, node in enumerate(self._nodes) for value in node.makes}

    def _name(self, at: int) -> str:
        inputs = self._graph.inputs
        if at >= len(inputs):
            return str(at - len(inputs) + 1)
        return "the input" if len(inputs) == 1 else f"input {self._graph.name_of(inputs[at])}"

    def _reads(self, at: int) -> str:
        makers = list(
            dict.fromkeys(
                self._maker[value] for value in self._nodes[at].reads if value in self._maker
            )
        )
        return "" if makers == [at - 1] else " and ".join(map(self._name, makers))

    def _input(self, at: int) -> Place:
        tensor = self._graph.inputs[at]
        name, shape = self._graph.name_of(tensor), _shape(self._graph.tensors[tensor])
        output = tensor in self._graph.outputs
        return Place(None, "input", name, shape, 0, 0, "", "", output, self._rows[at])

    def _operator(self, index: int) -> Place:
        graph, operator = self._graph, self._graph.operators[index]
        at = index + len(graph.inputs)
        constants = _constants(graph, operator)
        return Place(
            number=index + 1,
            op=operator.op,
            layer=_layer(self._origin, graph, operator),
            made=", ".join(_shape(graph.tensors[one]) for one in operator.outputs),
            parameters=sum(math.prod(one.shape) for one in constants),
            weight_bytes=sum(len(one.data or b"") for one in constants),
            options=", ".join(_said(graph, operator)),
            reads=self._reads(at),
            is_output=bool(set(operator.outputs) & set(graph.outputs)),
            row=self._rows[at],
        )

    def places(self) -> tuple[Place, ...]:
        """Inputs, then operators in the order they run."""
        inputs = map(self._input, range(len(self._graph.inputs)))
        return (*inputs, *map(self._operator, range(len(self._graph.operators))))


def places(tflite: bytes) -> tuple[Place, ...]:
    """A model's inputs and operators.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    return _Drawn(read(tflite)).places()
