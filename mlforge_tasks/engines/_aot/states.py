"""What a model keeps from one inference to the next: tensors that nothing makes.

They are variables (see `variables`), and what an LSTM or SVDF keeps of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import floats
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.fixed_point import INT8_MAX, INT8_MIN
from mlforge_tasks.engines._aot.forms import check_value
from mlforge_tasks.engines._aot.graph import Operator, State, View
from mlforge_tasks.engines._aot.program import Alias, Call, Data, Step
from mlforge_tasks.engines._aot.variables import ASSIGN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Tensor
    from mlforge_tasks.engines._aot.program import Lowered

_DTYPES = {"int8": np.int8, "int16": np.int16, "float32": np.float32}
# Operators that may be given no place of their own for what they make.
_VIEWS = {
    *("BROADCAST_TO", "CONCATENATION", "DEPTH_TO_SPACE", "EXPAND_DIMS", "GATHER", "GATHER_ND"),
    *("MIRROR_PAD", "PACK", "PAD", "PADV2", "QUANTIZE", "RESHAPE", "REVERSE_V2", "SLICE"),
    *("SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TRANSPOSE", "UNPACK"),
}
_QUANTISE = (
    "have what it is set to computed by layers that the converter brings to int8, and begin at zero"
)


def with_states(
    graph: Graph, first: Mapping[int, memoryview | None], written: Mapping[int, int]
) -> Graph:
    """The graph with what it keeps, and what that begins with.

    Args:
        graph: As imported.
        first: Bytes by tensor; None where it begins at zero.
        written: See `Variables`.

    Raises:
        CandidateFailure: One is of a type that nothing here keeps.
    """
    states = tuple(State(at, _first(graph.tensors[at], data)) for at, data in first.items())
    views = {output: View(of, 0) for output, of in written.items()}
    return _with_int8_variables(replace(graph, states=states, views=views))


def _first(tensor: Tensor, data: memoryview | None) -> NDArray[np.generic]:
    """What a state begins with; zero is a zero point, as the reference has it."""
    dtype = _DTYPES.get(tensor.dtype)
    if dtype is None or min(tensor.shape, default=1) <= 0:
        what = f"a state '{tensor.name}' of {tensor.dtype}{list(tensor.shape)}"
        raise unsupported(what, "keep int8 values of a static shape")
    if data is not None and len(data) == tensor.size * np.dtype(dtype).itemsize:
        return np.frombuffer(data, dtype).reshape(tensor.shape)
    known = dtype is np.int8 and tensor.quantisation is not None
    zero = np.array(tensor.zero_point if known else 0).astype(dtype)
    return np.broadcast_to(zero, tensor.shape)  # of a damaged file it may be of any size


def _with_int8_variables(graph: Graph) -> Graph:
    """The graph with float variables kept as the int8 values that they are set to.

    The converter leaves a variable in float32 between DEQUANTIZE and QUANTIZE.

    Raises:
        CandidateFailure: One is set to something that was no int8.
    """
    made = _Kept(list(graph.tensors), _dequantised(graph))
    states = tuple(made.state(each, graph) for each in graph.states)
    operators = [new for each in graph.operators for new in made.operator(each)]
    return replace(graph, tensors=tuple(made.tensors), states=states, operators=tuple(operators))


def _dequantised(graph: Graph) -> Mapping[int, int]:
    """By a float tensor that DEQUANTIZE makes, the int8 one that it is made of."""
    return {
        each.output: each.inputs[0]
        for each in graph.operators
        if each.op == "DEQUANTIZE"
        and each.outputs
        and [one.dtype for one in graph.inputs_of(each)] == ["int8"]
    }


@dataclass
class _Kept:
    """A graph whose variables become int8."""

    tensors: list[Tensor]
    sources: Mapping[int, int]
    changed: set[int] = field(default_factory=set)

    def state(self, state: State, graph: Graph) -> State:
        """A variable in int8."""
        tensor = self.tensors[state.tensor]
        if tensor.dtype != "float32" or tensor.oddity:
            return state
        name = f"a variable '{tensor.name}'"
        values = [each.inputs[0] for each in graph.operators if _sets(each, state.tensor)]
        if not values or not set(values) <= self.sources.keys():
            raise unsupported(f"{name} that is set to float32 values", _QUANTISE)
        kept = [self.tensors[self.sources[each]] for each in values]
        for one in kept:
            check_value(one, name)
        if len({(one.scale, one.zero_point) for one in kept}) > 1:
            raise unsupported(f"{name} that is set to values of several scales", _QUANTISE)
        steps = np.rint(state.first.astype(float) / float(kept[0].scale)) + kept[0].zero_point
        first = steps.clip(INT8_MIN, INT8_MAX).astype(np.int8)
        if not np.array_equal(
            floats.dequantised(kept[0])[0][first.astype(int) - INT8_MIN], state.first
        ):
            raise unsupported(f"{name} that begins with no step of its scale", _QUANTISE)
        self._make_int8(state.tensor, kept[0])
        for each in graph.operators:
            if _sets(each, state.tensor):
                self._make_int8(each.output, kept[0])
        return State(state.tensor, first)

    def _make_int8(self, index: int, like: Tensor) -> None:
        tensor = self.tensors[index]
        self.tensors[index] = replace(tensor, dtype="int8", quantisation=like.quantisation)
        self.changed.add(index)

    def operator(self, operator: Operator) -> list[Operator]:
        """What becomes of an operator."""
        if self.changed.isdisjoint(operator.inputs):
            return [operator]
        if operator.op == ASSIGN:
            return [
                replace(operator, inputs=(self.sources[operator.inputs[0]], operator.inputs[1]))
            ]
        kept = self.tensors[operator.inputs[0]]
        self.tensors.append(replace(kept, name=self.tensors[operator.output].name))
        read = len(self.tensors) - 1
        return [
            replace(operator, outputs=(read,)),
            Operator("DEQUANTIZE", (read,), operator.outputs),
        ]


def _sets(operator: Operator, variable: int) -> bool:
    return operator.op == ASSIGN and operator.inputs[1] == variable


def assign(operator: Operator, graph: Graph) -> Lowered:
    """ASSIGN_VARIABLE: a copy to where the variable lies."""
    source = operator.inputs[0]
    arguments = (graph.tensors[source].bytes, Data(source), Data(operator.output))
    return Step(calls=(Call("aot_move_s8.h", "aot_move_s8", arguments),))


def read(operator: Operator, graph: Graph) -> Lowered:
    """READ_VARIABLE: the variable itself, or a copy where that is written before all is read."""
    if _is_read_in_time(operator, graph):
        return Alias(operator.inputs[0])
    source = operator.inputs[0]
    arguments = (graph.tensors[source].bytes, Data(source), Data(operator.output))
    return Step(calls=(Call("aot_move_s8.h", "aot_move_s8", arguments),))


def _is_read_in_time(operator: Operator, graph: Graph) -> bool:
    """Whether nothing reads a variable's value, or what may lie where it does, once it is set."""
    same, is_set = {operator.output}, False
    behind = [each.name for each in graph.operators].index(operator.name) + 1
    for each in graph.operators[behind:]:
        if not same.isdisjoint(each.inputs):
            if is_set:
                return False
            if each.op in _VIEWS:
                same.update(each.outputs)
        is_set = is_set or _sets(each, operator.inputs[0])
    return same.isdisjoint(graph.outputs)
