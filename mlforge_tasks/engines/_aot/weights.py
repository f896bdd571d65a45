"""Brings weights to what kernels take: int8 without zero points.

int4 weights lie in the file two to a byte, the first in the lower half. They become int8 ones;
dense layers keep them packed in flash (`four_bits`), the others, whose kernels read them in many
orders, do not.

A dense layer's weights may have a zero point. What is left of them without it needs up to nine
bits: so it is the sum of several int8 weights, each of them multiplied by a copy of the input.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.fixed_point import INT8_MAX
from mlforge_tasks.engines._aot.graph import Operator, Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Tensor

_FOUR_BITS = 4
_ROWS_AXES = 2
_LEAST_OF_FOUR, _MOST_OF_FOUR = -8, 7
_TAKE_INT4 = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}


def _unpacked(tensor: Tensor) -> NDArray[np.int8]:
    """Both halves of every byte as int8.

    Raises:
        CandidateFailure: There are not as many bytes as the shape takes.
    """
    packed = tensor.constant.astype(np.uint8)
    if packed.size != -(-tensor.size // 2) or min(tensor.shape, default=1) < 0:
        raise unsupported(
            f"a constant '{tensor.name}' of {packed.size} bytes, where int4{list(tensor.shape)} "
            f"takes {-(-tensor.size // 2)},",
            "convert the model again",
        )
    halves = np.stack([packed << _FOUR_BITS, packed], axis=-1).astype(np.uint8).view(np.int8)
    values: NDArray[np.int8] = (halves >> _FOUR_BITS).ravel()[: tensor.size]
    return values.reshape(tensor.shape)


def with_int8_weights(graph: Graph) -> Graph:
    """The graph with int4 weights of layers that the reference takes them of as int8.

    Raises:
        CandidateFailure: It is a dense layer with several scales, which the reference refuses.
    """
    tensors = list(graph.tensors)
    for operator in graph.operators:
        index = operator.inputs[1] if len(operator.inputs) > 1 else -1
        if operator.op not in _TAKE_INT4 or index < 0 or tensors[index].dtype != "int4":
            continue
        tensor = tensors[index]
        if tensor.data is None or tensors[operator.inputs[0]].dtype != "int8":
            continue
        scales = 1 if tensor.quantisation is None else len(tensor.quantisation.scales)
        dense = operator.op == "FULLY_CONNECTED"
        if dense and scales > 1:
            raise unsupported(
                f"{operator.op} '{operator.name}' with int4 weights of {scales} scales",
                "quantise it to int8, or with one scale: TFLite Micro refuses it as well",
            )
        tensors[index] = replace(tensor, dtype="int8", data=_unpacked(tensor), four_bits=dense)
    return replace(graph, tensors=tuple(tensors))


def _parts(steps: NDArray[np.int64]) -> list[NDArray[np.int8]]:
    """int8 weights whose sum these are."""
    found = []
    while True:
        part = steps.clip(-INT8_MAX, INT8_MAX)
        found.append(part.astype(np.int8))
        steps = steps - part
        if not steps.any():
            return found


def _with_copies(operator: Operator, graph: Graph, tensors: list[Tensor]) -> list[Operator]:
    """The operators that a dense layer with a zero point of its weights becomes."""
    source, filters, *bias = operator.inputs
    weights = graph.tensors[filters]
    steps = weights.constant.astype(np.int64) - weights.zero_point
    parts = _parts(steps)
    symmetric = replace(weights.affine, zero_points=np.zeros(1, np.int64))
    narrow = weights.four_bits and steps.min() >= _LEAST_OF_FOUR and steps.max() <= _MOST_OF_FOUR
    values = np.concatenate(parts, axis=1)
    changed = replace(
        weights, shape=values.shape, data=values, quantisation=symmetric, four_bits=narrow
    )
    tensors.append(changed)
    inputs = (source, len(tensors) - 1, *bias)
    if len(parts) == 1:
        changed_graph = replace(graph, tensors=tuple(tensors))
        return _in_rows(replace(operator, inputs=inputs), changed_graph, tensors)
    flat, reshaped = _as_rows(operator, graph, weights.shape[1], tensors)
    copied = replace(tensors[flat], shape=(tensors[flat].shape[0], values.shape[1]))
    tensors.append(copied)
    joined, options = (flat,) * len(parts), Options(axis=1)
    name = f"{operator.name}_copies"
    return [
        *reshaped,
        Operator("CONCATENATION", joined, (len(tensors) - 1,), options, name=name),
        replace(operator, inputs=(len(tensors) - 1, *inputs[1:])),
    ]


def _as_rows(
    operator: Operator, graph: Graph, inputs: int, tensors: list[Tensor]
) -> tuple[int, list[Operator]]:
    """A dense layer's input as rows of what an output is made of, and what makes it so."""
    source = graph.tensors[operator.inputs[0]]
    if source.shape[-1] == inputs and len(source.shape) == _ROWS_AXES:
        return operator.inputs[0], []
    tensors.append(replace(source, shape=(source.size // inputs, inputs), data=None))
    flat = len(tensors) - 1
    return flat, [Operator("RESHAPE", operator.inputs[:1], (flat,), name=f"{operator.name}_rows")]


def _in_rows(operator: Operator, graph: Graph, tensors: list[Tensor]) -> list[Operator]:
    """A dense layer of several rows that its input's last axis is not one of, with such ones."""
    source, weights = graph.inputs_of(operator)[:2]
    inputs = weights.shape[-1]
    if source.size == inputs or source.shape[-1] == inputs:
        return [operator]
    flat, reshaped = _as_rows(operator, graph, inputs, tensors)
    return [*reshaped, replace(operator, inputs=(flat, *operator.inputs[1:]))]


def with_symmetric_weights(graph: Graph) -> Graph:
    """The graph with dense layers whose weights have no zero point, over rows of the input."""
    tensors, operators = list(graph.tensors), []
    for operator in graph.operators:
        dense = operator.op == "FULLY_CONNECTED"
        weights = graph.inputs_of(operator)[1] if dense else None
        if weights is None or weights.data is None:
            operators.append(operator)
        elif weights.zero_point:
            operators += _with_copies(operator, graph, tensors)
        else:
            operators += _in_rows(operator, graph, tensors)
    return replace(graph, operators=tuple(operators), tensors=tuple(tensors))
