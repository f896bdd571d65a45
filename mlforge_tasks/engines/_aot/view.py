"""Lowers slices, splits and transposition: copies of elements that are equally far apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.program import (
    Alias,
    Call,
    Constant,
    Data,
    Folded,
    Step,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Argument, Lowered

VIEW_AXES = 5


def steps_of(shape: Sequence[int]) -> list[int]:
    """Distance of neighbours along each axis of a contiguous tensor."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def merged(axes: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Axes as (size, step) without those of size 1; neighbours that lie like one are one."""
    found: list[tuple[int, int]] = []
    for size, step in axes:
        if size == 1:
            continue
        if found and found[-1][1] == size * step:
            found.append((found.pop()[0] * size, step))
        else:
            found.append((size, step))
    return found or [(1, 1)]


def view_call(
    operator: Operator, axes: Sequence[tuple[int, int]], source: Argument, target: Argument
) -> tuple[Call, Constant]:
    """The call that copies a view of a tensor, and the constant that describes it.

    Raises:
        CandidateFailure: It has too many axes.
    """
    found = merged(axes)
    if len(found) > VIEW_AXES:
        raise unsupported(
            f"{operator.op} '{operator.name}' over more than {VIEW_AXES} axes", "reshape it first"
        )
    rows = [(1, 0)] * (VIEW_AXES - len(found)) + found
    name = f"{operator.name}_axes"
    constant = Constant(
        name, "aot_view_axis_t", np.array(rows, np.int32), "size, step; outermost first"
    )
    return Call("aot_view_s8.h", "aot_view_s8", (name, source, target)), constant


def _view(operator: Operator, axes: Sequence[tuple[int, int]], first: int = 0) -> Step:
    source = Data(operator.inputs[0], first)
    call, constant = view_call(operator, axes, source, Data(operator.output))
    return Step(calls=(call,), constants=(constant,))


def transpose(operator: Operator, graph: Graph) -> Lowered:
    """TRANSPOSE; free where it only moves axes of size 1."""
    source, permutation = graph.inputs_of(operator)
    order = [int(axis) for axis in permutation.constant.ravel()]
    if source.data is not None:
        return Folded(np.ascontiguousarray(source.data.transpose(order)))
    moved = [axis for axis in order if source.shape[axis] > 1]
    if moved == sorted(moved):
        return Alias(operator.inputs[0])
    steps = steps_of(source.shape)
    return _view(operator, [(source.shape[axis], steps[axis]) for axis in order])


def strided_slice(operator: Operator, graph: Graph) -> Lowered:
    """STRIDED_SLICE with constant bounds."""
    source, *bounds = graph.inputs_of(operator)
    options = operator.options
    if options.other_masks or any(each.data is None for each in bounds):
        raise unsupported(
            f"STRIDED_SLICE '{operator.name}' with an ellipsis, a new axis or computed bounds",
            "slice every axis by constant bounds",
        )
    begins, ends, strides = (each.constant.ravel().tolist() for each in bounds)
    axes, first = [], 0
    for axis, (size, step) in enumerate(zip(source.shape, steps_of(source.shape), strict=True)):
        bit = 1 << axis
        begin = None if options.begin_mask & bit else begins[axis]
        end = None if options.end_mask & bit else ends[axis]
        picked = range(size)[begin : end : strides[axis]]
        if options.shrink_mask & bit:
            picked = range(size)[begins[axis] :][:1]
        if not picked:
            raise unsupported(f"STRIDED_SLICE '{operator.name}' of nothing", "keep an element")
        first += picked[0] * step
        axes.append((len(picked), picked.step * step))
    if source.data is not None:
        raise unsupported(f"STRIDED_SLICE '{operator.name}' of a constant", "slice it in Python")
    return _view(operator, axes, first)


def _split(operator: Operator, graph: Graph, index: int, axis: int) -> Step:
    """Copies parts along an axis of an input to one output each."""
    source = graph.tensors[index]
    count = math.prod(source.shape[:axis])
    step = source.size // count
    calls, first = [], 0
    for output in operator.outputs:
        run = graph.tensors[output].size // count
        arguments = (count, run, step, Data(index, first), Data(output))
        calls.append(Call("aot_view_s8.h", "aot_take_runs_s8", arguments))
        first += run
    return Step(calls=tuple(calls))


def split(operator: Operator, graph: Graph) -> Step:
    """SPLIT and SPLIT_V, whose axis is an input."""
    index, axis = operator.inputs[0], operator.inputs[-1]
    if operator.op == "SPLIT":
        index, axis = axis, index
    value = int(graph.tensors[axis].constant.ravel()[0])
    return _split(operator, graph, index, value % len(graph.tensors[index].shape))


def unpack(operator: Operator, graph: Graph) -> Step:
    """UNPACK."""
    index = operator.inputs[0]
    axis = operator.options.axis % len(graph.tensors[index].shape)
    return _split(operator, graph, index, axis)
