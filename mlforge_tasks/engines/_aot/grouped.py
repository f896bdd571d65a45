"""CONV_2D with groups, each of which reads and makes channels of its own, as what kernels have.

Groups of one input channel are a depthwise convolution. Others are cut apart: the input is split,
each part has a convolution, and what they make is joined. Every output byte stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.graph import Graph, Operator, Options, Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHANNELS = 3


def with_groups_apart(graph: Graph) -> Graph:
    """The same without convolutions of several groups; those of computed weights stay."""
    tensors = list(graph.tensors)
    operators: list[Operator] = []
    for operator in graph.operators:
        count = _groups(operator, graph)
        if count == 1:
            operators.append(operator)
        elif _one_channel_each(operator, graph, count):
            operators.append(_depthwise(operator, graph, count, tensors))
        else:
            operators += _cut_apart(operator, graph, count, tensors)
    return replace(graph, operators=tuple(operators), tensors=tuple(tensors))


def _groups(operator: Operator, graph: Graph) -> int:
    """How many groups a convolution has; 1 of another operator."""
    if operator.op != "CONV_2D" or graph.tensors[operator.inputs[1]].data is None:
        return 1
    source, weights = (graph.tensors[index] for index in operator.inputs[:2])
    return source.shape[_CHANNELS] // weights.shape[_CHANNELS]


def _one_channel_each(operator: Operator, graph: Graph, count: int) -> bool:
    """Whether it may be a depthwise convolution: of int16 the reference has wide biases alone."""
    source, _, *bias = graph.inputs_of(operator)
    narrow = source.dtype == "int16" and any(each.dtype == "int32" for each in bias)
    return count == source.shape[_CHANNELS] and not narrow


def _added(tensors: list[Tensor], *more: Tensor) -> tuple[int, ...]:
    tensors += more
    return tuple(range(len(tensors) - len(more), len(tensors)))


def _depthwise(operator: Operator, graph: Graph, count: int, tensors: list[Tensor]) -> Operator:
    """With weights [channel, height, width, 1] as [1, height, width, channel]."""
    weights = graph.tensors[operator.inputs[1]]
    values = np.ascontiguousarray(weights.constant.transpose(3, 1, 2, 0))
    turned = replace(
        weights,
        shape=values.shape,
        data=values,
        quantisation=replace(weights.affine, axis=_CHANNELS),
    )
    inputs = (operator.inputs[0], *_added(tensors, turned), *operator.inputs[2:])
    options = replace(operator.options, count=len(weights.constant) // count)
    return replace(operator, op="DEPTHWISE_CONV_2D", inputs=inputs, options=options)


def _cut_apart(
    operator: Operator, graph: Graph, count: int, tensors: list[Tensor]
) -> list[Operator]:
    """The split, a convolution for each group, and what joins them."""
    source, output = graph.tensors[operator.inputs[0]], graph.output_of(operator)
    parts, made = (
        _added(tensors, *[_narrow(each, each.shape[_CHANNELS] // count)] * count)
        for each in (source, output)
    )
    axis = _added(tensors, Tensor("axis", (1,), "int32", data=np.array([_CHANNELS], np.int32)))
    split = Operator(
        op="SPLIT",
        inputs=(*axis, operator.inputs[0]),
        outputs=parts,
        options=Options(count=count),
        name=f"{operator.name}_groups",
    )
    convolutions = [
        replace(
            operator,
            inputs=(part, *_added(tensors, *_own_weights(operator, graph, at, count))),
            outputs=(target,),
            name=f"{operator.name}_group_{at}",
        )
        for at, (part, target) in enumerate(zip(parts, made, strict=True))
    ]
    joined = replace(operator, op="CONCATENATION", inputs=made, options=Options(axis=_CHANNELS))
    return [split, *convolutions, joined]


def _narrow(tensor: Tensor, channels: int) -> Tensor:
    """A computed tensor of fewer channels."""
    return replace(tensor, shape=(*tensor.shape[:_CHANNELS], channels), data=None)


def _own_weights(operator: Operator, graph: Graph, at: int, count: int) -> Sequence[Tensor]:
    """A group's weights, and its biases where there are any."""
    weights, *bias = (graph.tensors[index] for index in operator.inputs[1:] if index >= 0)
    size = len(weights.constant) // count
    of_group = slice(at * size, (at + 1) * size)
    affine = weights.affine
    if len(affine.scales) > 1:
        scales, zero_points = affine.scales[of_group], affine.zero_points[of_group]
        affine = replace(affine, scales=scales, zero_points=zero_points)
    values = weights.constant[of_group]
    own = replace(weights, shape=values.shape, data=values, quantisation=affine)
    return [own, *(_biases(each, of_group) for each in bias)]


def _biases(tensor: Tensor, of_group: slice) -> Tensor:
    values = tensor.constant.ravel()[of_group]
    return replace(tensor, shape=values.shape, data=values, quantisation=None)
