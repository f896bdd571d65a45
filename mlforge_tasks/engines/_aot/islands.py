"""Takes float islands that only copy out of a graph, as the converter leaves one in a GRU."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.graph import Graph, Operator

_COPIES = {"RESHAPE", "SPLIT", "SPLIT_V", "STRIDED_SLICE", "TRANSPOSE", "UNPACK"}


def _island(start: Operator, graph: Graph) -> tuple[set[int], set[str]] | None:
    """Float tensors that come from a DEQUANTIZE, and the QUANTIZEs they go to, if nothing else."""
    floats, ends = {start.output}, set()
    if graph.tensors[start.output].shape != graph.tensors[start.inputs[0]].shape:
        return None
    for operator in graph.operators:
        if floats.isdisjoint(operator.inputs):
            continue
        if operator.op == "QUANTIZE":
            ends.add(operator.name)
        elif operator.op in _COPIES:
            floats.update(operator.outputs)
        else:
            return None
    return None if not floats.isdisjoint(graph.outputs) else (floats, ends)


def without_float_copies(graph: Graph) -> Graph:
    """Such an island copies int8; its QUANTIZEs take them as the floats they stand for."""
    for start in graph.operators:
        if start.op != "DEQUANTIZE" or not start.inputs or not start.outputs:
            continue
        if start.inputs[0] < 0 or graph.tensors[start.inputs[0]].dtype != "int8":
            continue
        island = _island(start, graph)
        if island is not None:
            graph = _without(start, *island, graph)
    return graph


def _without(start: Operator, floats: set[int], ends: set[str], graph: Graph) -> Graph:
    source = start.inputs[0]
    tensors = list(graph.tensors)
    for index in floats:
        quantisation = tensors[source].quantisation
        tensors[index] = replace(tensors[index], dtype="int8", quantisation=quantisation)

    def kept(operator: Operator) -> Operator:
        inputs = tuple(source if each == start.output else each for each in operator.inputs)
        from_float = operator.options.from_float or operator.name in ends
        options = replace(operator.options, from_float=from_float)
        return replace(operator, inputs=inputs, options=options)

    operators = tuple(kept(each) for each in graph.operators if each.name != start.name)
    return replace(graph, tensors=tuple(tensors), operators=operators)
