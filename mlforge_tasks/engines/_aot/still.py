"""Gives channels that have one value whatever the input the form that costs least.

Where such a channel stays, because an ADD reads it or a border depends on it, its weights may as
well be zero and its scale one for which requantisation is fast. The converter gives a channel of
zero weights a scale so small that it would need the wide form, and some kernels take that for a
whole layer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import fixed_point
from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor
from mlforge_tasks.engines._aot.ranges import WEIGHTED
from mlforge_tasks.engines._aot.weighted import parts
from mlforge_tasks.quantisation import SMALLEST_SCALE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mlforge_tasks.engines._aot.intervals import Interval

# An output's step is as many of the accumulator: a factor of 1/4 has a right shift, and is exact.
_STEP = 4


def _scale(operator: Operator, graph: Graph) -> np.float32 | None:
    """Of weights, so that `_STEP` of the accumulator make one of the output, if there is one."""
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    real = float(output.scale) / float(source.scale) / _STEP
    if not SMALLEST_SCALE <= real <= float(np.finfo(np.float32).max):
        return None
    scale = np.float32(real)
    by = fixed_point.factor(float(source.scale) * float(scale) / float(output.scale))
    steps = range(-fixed_point.INT8_MAX * 2 - 1, fixed_point.INT8_MAX * 2 + 2)
    return scale if all(fixed_point.scale(_STEP * t, by) == t for t in steps) else None


def _still(
    operator: Operator, graph: Graph, made: Interval, tensors: list[Tensor]
) -> Operator | None:
    """The operator with zeros for weights of constant channels; None where that cannot be."""
    weights = graph.inputs_of(operator)[1]
    output = graph.output_of(operator)
    regular = weights.data is not None and len(weights.affine.scales) == len(made.low)
    scale = _scale(operator, graph) if regular and made.constant.any() else None
    if scale is None:
        return None
    constant = made.constant
    along = (Ellipsis, constant) if operator.op == "DEPTHWISE_CONV_2D" else constant
    values = weights.constant.copy()
    values[along] = 0
    scales = np.where(constant, scale, weights.affine.scales)
    bias = np.where(constant, _STEP * (made.low - output.zero_point), parts(operator, graph)[2])
    tensors.append(
        replace(weights, data=values, quantisation=replace(weights.affine, scales=scales))
    )
    tensors.append(Tensor(f"{weights.name}_bias", bias.shape, "int32", data=bias))
    inputs = (operator.inputs[0], len(tensors) - 2, len(tensors) - 1)
    return replace(operator, inputs=inputs)


def with_still_channels(
    graph: Graph, ranges: Mapping[int, Interval], whole: Collection[str] = ()
) -> Graph:
    """The graph with constant channels of convolutions and dense layers as they cost least.

    Args:
        graph: The model.
        ranges: What its tensors can be, as `ranges_of` finds it.
        whole: Names of operators that are to keep their weights.
    """
    tensors, operators = list(graph.tensors), []
    for operator in graph.operators:
        changes = operator.op in WEIGHTED and operator.name not in whole
        made = ranges.get(operator.output) if changes else None
        new = None if made is None else _still(operator, graph, made, tensors)
        operators.append(new or operator)
    if len(tensors) == len(graph.tensors):
        return graph
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators))
