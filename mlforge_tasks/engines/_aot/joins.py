"""Brings QUANTIZE in front of CONCATENATION of floats, which copies whatever it is given.

The converter leaves the join of a variable and of what comes in float32.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.graph import Operator

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.graph import Graph, Tensor


def with_joins_quantised(graph: Graph) -> Graph:
    """The graph with CONCATENATION of int8, where it was of floats and QUANTIZE behind it."""
    joins = {
        each.output: each
        for each in graph.operators
        if each.op == "CONCATENATION" and _is_of_floats(each, graph)
    }
    tensors, operators = list(graph.tensors), []
    for operator in graph.operators:
        join = joins.get(operator.inputs[0]) if _quantises(operator) else None
        operators += [operator] if join is None else _apart(operator, join, tensors)
    read = {index for each in operators for index in each.inputs} | set(graph.outputs)
    kept = (one for one in operators if one.output in read or joins.get(one.output) is not one)
    return replace(graph, tensors=tuple(tensors), operators=tuple(kept))


def _is_of_floats(operator: Operator, graph: Graph) -> bool:
    tensors = (*graph.inputs_of(operator), *graph.outputs_of(operator))
    computed = all(each.dtype == "float32" and each.data is None for each in tensors)
    whole = min(operator.inputs, default=-1) >= 0
    return computed and whole and operator.options.activation == "NONE"


def _quantises(operator: Operator) -> bool:
    return operator.op == "QUANTIZE" and len(operator.inputs) == 1


def _apart(quantize: Operator, join: Operator, tensors: list[Tensor]) -> list[Operator]:
    """QUANTIZE of each part, and their join; new tensors are added."""
    output = tensors[quantize.output]
    operators, parts = [], []
    for index in join.inputs:
        tensors.append(replace(output, name=tensors[index].name, shape=tensors[index].shape))
        parts.append(len(tensors) - 1)
        operators.append(replace(quantize, inputs=(index,), outputs=(parts[-1],)))
    return [*operators, replace(join, inputs=tuple(parts), outputs=quantize.outputs)]
