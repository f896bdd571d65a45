"""SELECT_V2 by a constant condition, as a mask of attention has it: bounds of a tensor.

Where the condition picks the tensor the bounds are all of int8, elsewhere both are the constant.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.fixed_point import INT8_MAX, INT8_MIN
from mlforge_tasks.engines._aot.simple import require_same_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor

    _Values = NDArray[np.generic]


def _small(values: _Values) -> _Values:
    """With one element along each axis of equal ones."""
    for axis in range(values.ndim):
        first = values.take([0], axis)
        if (values == first).all():
            values = first
    return values


def _bounded(operator: Operator, graph: Graph, tensors: list[Tensor]) -> list[Operator]:
    """MAXIMUM and MINIMUM with constants, as far as they change anything.

    Raises:
        CandidateFailure: Both of what is chosen from are computed, or scales differ.
    """
    condition, *values = graph.inputs_of(operator)
    computed = [place for place, each in enumerate(values) if each.data is None]
    if len(computed) != 1:
        raise unsupported(
            f"SELECT_V2 '{operator.name}' of {len(computed)} computed tensors",
            "choose between a tensor and a constant, or add both multiplied by 0 and 1",
        )
    require_same_scale(operator, graph, values)
    (place,) = computed
    chosen = condition.constant.reshape(condition.shape).astype(bool) == (place == 0)
    constant = values[1 - place]
    output = graph.output_of(operator)
    source = operator.inputs[1 + place]
    made = []
    for op, open_end in (("MINIMUM", INT8_MAX), ("MAXIMUM", INT8_MIN)):
        bounds = _small(np.where(chosen, open_end, constant.constant).astype(np.int8))
        if (bounds == open_end).all():
            continue
        tensors.append(replace(output, shape=bounds.shape, data=bounds))
        tensors.append(output)
        target = len(tensors) - 1
        inputs, name = (source, target - 1), f"{operator.name}_{op.lower()}"
        made.append(replace(operator, op=op, inputs=inputs, outputs=(target,), name=name))
        source = target
    last = replace(operator, op="RESHAPE", inputs=(source,))
    return [*made, last]


def with_constant_choices(graph: Graph) -> Graph:
    """The graph with bounds in place of choices by constants.

    Raises:
        CandidateFailure: A choice is not between a tensor and a constant, or changes the scale.
    """
    tensors = list(graph.tensors)
    operators: list[Operator] = []
    for operator in graph.operators:
        if operator.op == "SELECT_V2":
            operators += _bounded(operator, graph, tensors)
        else:
            operators.append(operator)
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators))
