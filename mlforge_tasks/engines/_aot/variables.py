"""A file's variables as tensors: what VAR_HANDLE names, and READ_ and ASSIGN_VARIABLE are about.

A variable becomes a tensor that nothing makes, its handle goes, and what writes it gets the tensor
as a second input, and an output that lies where the variable does.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.tflite_file.flatbuffer import Table
from mlforge_tasks.tflite_file.model import FileGraph, FileOperator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.tflite_file.model import FileModel, FileTensor

_Name = tuple[bytes, bytes]
READ, ASSIGN, HANDLE, ONCE = "READ_VARIABLE", "ASSIGN_VARIABLE", "VAR_HANDLE", "CALL_ONCE"
_AGAIN = "convert the model again, its variables of one shape and set to constants at first"


@dataclass(frozen=True)
class Variables:
    """A graph without handles.

    Attributes:
        graph: It.
        first: Bytes that each variable begins with, by tensor; None where it begins at zero.
        written: By the output of what writes a variable, the variable's tensor.
    """

    graph: FileGraph
    first: Mapping[int, memoryview | None] = field(default_factory=dict)
    written: Mapping[int, int] = field(default_factory=dict)


def _handles(graph: FileGraph) -> Mapping[int, _Name]:
    """Names of variables, by the tensor that is their handle."""
    found = {}
    for each in graph.operators:
        if each.op == HANDLE and each.outputs:
            options = each.options or Table.empty()
            found[each.outputs[0]] = (bytes(options.raw(0) or b""), bytes(options.raw(1) or b""))
    return found


def _initial(model: FileModel) -> Mapping[_Name, FileTensor]:
    """The constants that variables are set to once, by name.

    Raises:
        CandidateFailure: More than that is done there, or there is control flow.
    """
    once = [each for each in model.main.operators if each.op == ONCE]
    if model.has_control_flow:
        raise unsupported("control flow (several subgraphs)", "unroll loops and recurrent layers")
    found: dict[_Name, FileTensor] = {}
    for each in once:
        number = (each.options or Table.empty()).integer(0, "i")
        graph = model.graphs[number if 0 < number < len(model.graphs) else 0]
        handles = _handles(graph)
        for operator in graph.operators:
            if operator.op == HANDLE:
                continue
            value = graph.tensors[operator.inputs[-1]] if operator.inputs else None
            if operator.op != ASSIGN or value is None or value.data is None or value.oddity:
                raise unsupported(f"variables that {operator.op} sets once", _AGAIN)
            found[_name_of(operator, handles)] = value
    return found


def _name_of(operator: FileOperator, handles: Mapping[int, _Name]) -> _Name:
    name = handles.get(operator.inputs[0]) if operator.inputs else None
    counts = {READ: (1, 1), ASSIGN: (2, 0)}[operator.op]
    if name is None or (len(operator.inputs), len(operator.outputs)) != counts:
        raise unsupported(f"{operator.op} of something else than a variable", _AGAIN)
    return name


def _values(graph: FileGraph, handles: Mapping[int, _Name]) -> Mapping[_Name, list[FileTensor]]:
    """What is assigned to each variable, in this order, and then what is read of it."""
    found: dict[_Name, list[FileTensor]] = {}
    for kind in (ASSIGN, READ):
        for each in graph.operators:
            if each.op == kind:
                name = _name_of(each, handles)
                index = each.inputs[-1] if kind == ASSIGN else each.outputs[0]
                found.setdefault(name, []).append(graph.tensors[index])
    return found


def _tensor(name: _Name, values: list[FileTensor], first: FileTensor | None) -> FileTensor:
    """A variable as a tensor.

    Raises:
        CandidateFailure: What it is set to, and what is read, are of several types or shapes.
    """
    text = name[1].decode(errors="replace")
    kinds = {(each.dtype, each.shape) for each in (*values, *([first] if first else []))}
    if len(kinds) > 1:
        raise unsupported(f"a variable '{text}' of several types or shapes", _AGAIN)
    return replace(values[0], name=f"variable/{text}", data=None, is_variable=False)


def _check_order(graph: FileGraph) -> None:
    """Variables are set once before they are read."""
    kinds = [each.op for each in graph.operators]
    used = min((kinds.index(op) for op in (READ, ASSIGN) if op in kinds), default=len(kinds))
    if ONCE in kinds[used:]:
        raise unsupported(f"{ONCE} behind what reads or writes variables", _AGAIN)


def with_variables(model: FileModel) -> Variables:
    """The model's graph with its variables as tensors.

    Raises:
        CandidateFailure: They are of several shapes or types, or more is done before the first
            inference than to set them to constants.
    """
    graph, initial = model.main, _initial(model)
    _check_order(graph)
    handles = _handles(graph)
    values = _values(graph, handles)
    tensors, places = list(graph.tensors), {}
    for name, found in values.items():
        tensors.append(_tensor(name, found, initial.get(name)))
        places[name] = len(tensors) - 1
    operators, written = [], {}
    for each in (one for one in graph.operators if one.op not in {HANDLE, ONCE}):
        if each.op not in {READ, ASSIGN}:
            operators.append(each)
            continue
        place = places[_name_of(each, handles)]
        if each.op == READ:
            operators.append(replace(each, inputs=(place,)))
            continue
        tensors.append(tensors[place])
        written[len(tensors) - 1] = place
        inputs, outputs = (each.inputs[1], place), (len(tensors) - 1,)
        operators.append(replace(each, inputs=inputs, outputs=outputs))
    first = {
        place: initial[name].data if name in initial else None for name, place in places.items()
    }
    made = replace(graph, tensors=tuple(tensors), operators=tuple(operators))
    return Variables(made, first, written)
