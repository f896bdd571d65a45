"""Takes float islands out of a graph, as the converter leaves one in a GRU or LayerNormalization.

What is between DEQUANTIZE and QUANTIZE may copy, which int8 values do as well; and it may compute
element by element from one tensor, which a table of every int8 does. So may comparisons of an int8
tensor with a constant, and what is chosen by them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.engines._aot import fixed_point, floats
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.floats import COMPARISONS, EVERY_INT8, FLOAT_FUNCTIONS, Function
from mlforge_tasks.engines._aot.forms import check_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Options, Tensor

    _Values = NDArray[Any]

# What an island becomes: an int8 tensor by a table of every int8.
TABLE = "TABLE"
_COPIES = {
    "BROADCAST_TO",
    "DEPTH_TO_SPACE",
    "EXPAND_DIMS",
    "GATHER",
    "GATHER_ND",
    "MIRROR_PAD",
    "RESHAPE",
    "REVERSE_V2",
    "SLICE",
    "SPACE_TO_DEPTH",
    "SPLIT",
    "SPLIT_V",
    "SQUEEZE",
    "STRIDED_SLICE",
    "TRANSPOSE",
    "UNPACK",
}
_CHOICES: Mapping[str, Callable[[list[_Values], Options], _Values]] = {
    "SELECT_V2": lambda values, _: np.where(*values)
}
# Types of what they make; of all others it is float32.
_DTYPES = {"SELECT_V2": ("float32", "int8"), **dict.fromkeys(COMPARISONS, ("bool",))}
# By so many bits the reference lifts what it compares.
_COMPARED_BITS = 8
_INSTEAD = (
    "only what is made of one tensor, element by element, becomes a table; use a layer whose "
    "operators the converter brings to int8"
)
# By which operand is a layer's value; the others are its weights.
_WEIGHTED = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 0, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 2}
_LEFT_OUT = "the file leaves this layer in float among integers: have it quantised as well"
_OF_INT16 = (
    "between int16 values nothing is computed in float: use relu, sigmoid, tanh or softmax, or "
    "quantise to int8, of which a table is made"
)


@dataclass
class _Islands:
    """A graph whose islands are being taken out.

    Attributes:
        graph: As it was.
        tensors: Of the graph; those of an island that stay become int8.
        ends: Floats that the model's outputs are made of, which are no island's.
        functions: By tensor of an island.
        makers: Operators that computed them, of those that are more than copies.
        named: Of which a table has the name.
    """

    graph: Graph
    tensors: list[Tensor]
    ends: set[int]
    functions: dict[int, Function] = field(default_factory=dict)
    makers: dict[int, Operator] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)

    def taken(self, operator: Operator) -> list[Operator]:
        """What stays of an operator."""
        if operator.op == "DEQUANTIZE" and self._begins(operator):
            source = operator.inputs[0]
            values = floats.dequantised(self.tensors[source])
            self.functions[operator.output] = Function(source, values)
            return []
        if not self._is_of_island(operator):
            return [operator]
        if operator.op in _COPIES:
            return [self._copied(operator)]
        if operator.op == "QUANTIZE":
            return [self._ended(operator)]
        return self._computed(operator)

    def _begins(self, operator: Operator) -> bool:
        """Whether it makes floats of an int8 tensor that go to QUANTIZE."""
        index = operator.inputs[0] if operator.inputs else -1
        if index < 0 or operator.output in self.ends:
            return False
        source = self.tensors[index]
        alike = source.shape == self.tensors[operator.output].shape
        if source.dtype != "int8" or source.data is not None or not alike:
            return False
        check_value(source, f"{operator.op} '{operator.name}'")
        return True

    def _is_of_island(self, operator: Operator) -> bool:
        """Whether one operand is of an island; of what is told elsewhere, since no table has it."""
        if any(index in self.functions for index in operator.inputs):
            made = self.tensors[operator.output].dtype
            return made != "int8" or operator.op in {*_COPIES, *_DTYPES, "QUANTIZE"}
        return operator.op in COMPARISONS and self._source_of(operator) is not None

    def _copied(self, operator: Operator) -> Operator:
        """The copy of what the floats stand for."""
        index = next(each for each in operator.inputs if each in self.functions)
        found = self.functions[index]
        quantisation = self.tensors[found.source].quantisation
        for each in operator.outputs:
            self.tensors[each] = replace(
                self.tensors[each], dtype="int8", quantisation=quantisation
            )
            self.functions[each] = Function(each, found.values)
            if index in self.makers:
                self.makers[each] = self.makers[index]
        inputs = tuple(found.source if each == index else each for each in operator.inputs)
        return replace(operator, inputs=inputs)

    def _ended(self, operator: Operator) -> Operator:
        """QUANTIZE: a table, or a change of scale where nothing is computed."""
        index = operator.inputs[0]
        found = self.functions[index]
        maker = self.makers.get(index)
        output = self.tensors[operator.output]
        check_value(output, f"{operator.op} '{operator.name}'")
        if output.dtype != "int8":
            raise unsupported(
                f"{operator.op} '{operator.name}' of int8 to {output.dtype}", _INSTEAD
            )
        if maker is None:
            options = replace(operator.options, from_float=True)
            return replace(operator, inputs=(found.source,), options=options)
        table = floats.quantised(found.values, output, _in_float(maker))
        name = operator.name if maker.name in self.named else maker.name
        made = self._table(operator, found.source, table, name)
        least, greatest = float(found.values.min()), float(found.values.max())
        return replace(made, options=replace(made.options, least=least, greatest=greatest))

    def _table(
        self, operator: Operator, source: int, table: NDArray[np.int8], name: str
    ) -> Operator:
        self.named.add(name)
        for index in (source, operator.output):
            check_value(self.tensors[index], f"{operator.op} '{operator.name}'")
        options = replace(operator.options, table=tuple(table.tolist()))
        return replace(operator, op=TABLE, inputs=(source,), options=options, name=name)

    def _computed(self, operator: Operator) -> list[Operator]:
        """A function of what its operands are functions of."""
        source = self._source_of(operator)
        output = self.tensors[operator.output]
        if source is None or output.dtype not in _DTYPES.get(operator.op, ("float32",)):
            raise unsupported(_in_float(operator), _INSTEAD)
        made = self._made(operator, [self._values(each, operator) for each in operator.inputs])
        if output.dtype == "int8":
            return [self._table(operator, source, made[0].astype(np.int8), operator.name)]
        self.functions[operator.output] = Function(source, made)
        self.makers[operator.output] = operator
        return []

    def _made(self, operator: Operator, values: list[_Values]) -> _Values:
        if operator.op == "CAST":
            return values[0].astype(np.float32)
        function = {**COMPARISONS, **FLOAT_FUNCTIONS, **_CHOICES}.get(operator.op)
        if function is None:
            raise unsupported(_in_float(operator), _INSTEAD)
        return floats.applied(function, values, operator.options, _in_float(operator))

    def _source_of(self, operator: Operator) -> int | None:
        """The one tensor that all operands are made of; None where there are several."""
        sources = set()
        for index in operator.inputs:
            tensor = self.tensors[index]
            if index in self.functions:
                sources.add(self.functions[index].source)
            elif tensor.data is None and tensor.dtype == "int8":
                sources.add(index)
            elif tensor.data is None or tensor.size != 1:
                return None
        shapes = {self.tensors[each].shape for each in (*sources, operator.output)}
        return sources.pop() if len(sources) == len(shapes) == 1 else None

    def _values(self, index: int, operator: Operator) -> _Values:
        """An operand, by the int8 of the source.

        Raises:
            CandidateFailure: What is chosen from has several scales.
        """
        if index in self.functions:
            return self.functions[index].values
        tensor = self.tensors[index]
        constant = tensor.data is not None
        values = tensor.constant.reshape(1, 1) if constant else EVERY_INT8.astype(np.int8)[None]
        if tensor.dtype != "int8":
            return values
        if operator.op in COMPARISONS:
            return _lifted(values, tensor, operator)
        output = self.tensors[operator.output]
        if (tensor.scale, tensor.zero_point) != (output.scale, output.zero_point):
            raise unsupported(f"{operator.op} '{operator.name}' of several scales", _INSTEAD)
        return values


def _in_float(operator: Operator) -> str:
    return f"{operator.op} '{operator.name}' in float32"


def _lifted(values: _Values, tensor: Tensor, operator: Operator) -> _Values:
    """What the reference compares: int8 brought to a common scale."""
    by = fixed_point.factor(float(tensor.scale))
    if by.shift > 0:
        raise unsupported(
            f"{operator.op} '{operator.name}' with a scale of {tensor.scale:.3g}",
            "calibrate with representative data",
        )
    steps = (values.astype(int) - tensor.zero_point) << _COMPARED_BITS
    return np.array([[fixed_point.scale(int(each), by) for each in row] for row in steps])


def _ends_of(graph: Graph) -> set[int]:
    """Floats that outputs are made of, back to where they are made of int8."""
    ends = {index for index in graph.outputs if graph.tensors[index].dtype == "float32"}
    for operator in reversed(graph.operators):
        if not ends.isdisjoint(operator.outputs):
            floats_read = (i for i in operator.inputs if graph.tensors[i].dtype == "float32")
            ends.update(floats_read)
    return ends


def _refuse_layers(graph: Graph) -> None:
    """Layers with weights that a quantiser was told to leave out."""
    for operator in graph.operators:
        at = _WEIGHTED.get(operator.op)
        if at is None or at >= len(operator.inputs) or operator.inputs[at] < 0:
            continue
        if graph.tensors[operator.inputs[at]].dtype == "float32":
            raise unsupported(_in_float(operator), _LEFT_OUT)


def _refuse_of_int16(graph: Graph, ends: set[int]) -> None:
    """What reads int16 values as floats, other than at an end."""
    for operator in graph.operators:
        made = {*operator.outputs} - ends
        if operator.op != "DEQUANTIZE" or not made or min(operator.inputs, default=-1) < 0:
            continue
        source = graph.tensors[operator.inputs[0]]
        readers = [one for one in graph.operators if not made.isdisjoint(one.inputs)]
        if source.dtype == "int16" and source.data is None and readers:
            raise unsupported(_in_float(readers[0]), _OF_INT16)


def without_islands(graph: Graph) -> Graph:
    """The graph with copies of int8, and tables, in place of islands.

    Raises:
        CandidateFailure: An island computes what no table can be of.
    """
    ends = _ends_of(graph)
    _refuse_layers(graph)
    _refuse_of_int16(graph, ends)
    islands = _Islands(graph, list(graph.tensors), ends)
    operators = [kept for operator in graph.operators for kept in islands.taken(operator)]
    return replace(graph, tensors=tuple(islands.tensors), operators=tuple(operators))
