"""REDUCE_MAX and REDUCE_MIN: reductions over neighbouring axes, of which maxima are a pooling."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.graph import Options
from mlforge_tasks.engines._aot.program import Call, Data, Step
from mlforge_tasks.engines._aot.simple import require_same_scale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Shape, Tensor

_REDUCTIONS = {"REDUCE_MAX", "REDUCE_MIN"}
_IMAGE_AXES = 4


def _groups(operator: Operator, graph: Graph) -> list[tuple[int, int]]:
    """Axes that are reduced, as runs of neighbours, the last first; size 1 is nothing to reduce."""
    shape = graph.inputs_of(operator)[0].shape
    named = {int(axis) % len(shape) for axis in graph.inputs_of(operator)[1].constant.ravel()}
    longer = [axis for axis in range(len(shape)) if shape[axis] > 1]
    found: list[tuple[int, int]] = []
    for reduced, run in itertools.groupby(longer, key=lambda axis: axis in named):
        axes = list(run)
        if reduced:
            found.append((axes[0], axes[-1] + 1))
    return found[::-1]


def _window(shape: Shape, group: tuple[int, int]) -> tuple[Shape, tuple[int, int]]:
    """The shape as an image, and the window in it that becomes one pixel."""
    first, end = group
    if len(shape) == _IMAGE_AXES and group == (1, 3):
        return shape, (shape[1], shape[2])
    count = math.prod(shape[first:end])
    return (1, math.prod(shape[:first]), count, math.prod(shape[end:])), (1, count)


class _Adding:
    """Operators and tensors in the place of one reduction."""

    def __init__(self, operator: Operator, tensors: list[Tensor]) -> None:
        self._operator = operator
        self._tensors = tensors
        self.operators: list[Operator] = []

    def add(self, op: str, source: int, shape: Shape, options: Options) -> int:
        """An operator of one input; its output."""
        self._tensors.append(replace(self._tensors[source], shape=shape, data=None))
        made = len(self._tensors) - 1
        name = f"{self._operator.name}_{len(self.operators)}"
        self.operators.append(
            replace(
                self._operator, op=op, inputs=(source,), outputs=(made,), options=options, name=name
            )
        )
        return made

    def end(self, source: int) -> list[Operator]:
        """With the reduction's own output, in its shape."""
        last = replace(self._operator, op="RESHAPE", inputs=(source,), options=Options())
        return [*self.operators, last]


def _reduced(operator: Operator, graph: Graph, tensors: list[Tensor]) -> list[Operator]:
    require_same_scale(operator, graph, graph.inputs_of(operator)[:1])
    adding = _Adding(operator, tensors)
    made = operator.inputs[0]
    shape = tensors[made].shape
    for group in _groups(operator, graph):
        image, kernel = _window(shape, group)
        if image != tensors[made].shape:
            made = adding.add("RESHAPE", made, image, Options())
        left = (1, image[1] // kernel[0], 1, image[3])
        op = "MAX_POOL_2D" if operator.op == "REDUCE_MAX" else "REDUCE_MIN"
        made = adding.add(op, made, left, Options(kernel=kernel))
        shape = tuple(1 if group[0] <= axis < group[1] else n for axis, n in enumerate(shape))
    return adding.end(made)


def with_reductions_expanded(graph: Graph) -> Graph:
    """Each reduction is one of the last but one axis of an image, or two of its axes, or several.

    Raises:
        CandidateFailure: One changes the scale, which the reference refuses.
    """

    def expanded(operators: tuple[Operator, ...]) -> Iterator[Operator]:
        for operator in operators:
            # Of int16 the reference has none, and `int16` says so.
            if operator.op in _REDUCTIONS and graph.output_of(operator).dtype == "int8":
                yield from _reduced(operator, graph, tensors)
            else:
                yield operator

    tensors = list(graph.tensors)
    operators = tuple(expanded(graph.operators))
    return replace(graph, operators=operators, tensors=tuple(tensors))


def reduce_min(operator: Operator, graph: Graph) -> Step:
    """REDUCE_MIN of an image over its rows' pixels."""
    _, height, width, channels = graph.inputs_of(operator)[0].shape
    rows, count = (1, height * width) if operator.options.kernel[0] > 1 else (height, width)
    arguments = (rows, count, channels, Data(operator.inputs[0]), Data(operator.output))
    return Step(calls=(Call("aot_least_s8.h", "aot_least_s8", arguments),))
