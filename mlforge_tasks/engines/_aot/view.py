"""Lowers slices, splits, transposition and resizing: copies that pick elements."""

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
    Parameters,
    Step,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Options
    from mlforge_tasks.engines._aot.program import Argument, Lowered, Value

VIEW_AXES = 5


def steps_of(shape: Sequence[int]) -> list[int]:
    """Distance of neighbours along each axis of a contiguous tensor."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def _merged(axes: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Axes as (size, step) without those of size 1; neighbours that lie like one are one."""
    merged: list[tuple[int, int]] = []
    for size, step in axes:
        if size == 1:
            continue
        if merged and merged[-1][1] == size * step:
            merged.append((merged.pop()[0] * size, step))
        else:
            merged.append((size, step))
    return merged or [(1, 1)]


def view_call(
    operator: Operator, axes: Sequence[tuple[int, int]], source: Data, target: Argument
) -> tuple[Call, Constant]:
    """The call that copies a view of a tensor, and the constant that describes it.

    Raises:
        CandidateFailure: It has too many axes.
    """
    merged = _merged(axes)
    if len(merged) > VIEW_AXES:
        raise unsupported(
            f"{operator.op} '{operator.name}' over more than {VIEW_AXES} axes", "reshape it first"
        )
    rows = [(1, 0)] * (VIEW_AXES - len(merged)) + merged
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


def _nearest(size: int, wanted: int, options: Options) -> list[int]:
    """Where each output element comes from, in the float32 that the reference computes in."""
    ends = options.align_corners and wanted > 1
    scale = np.float32(size - 1 if ends else size) / np.float32(wanted - 1 if ends else wanted)
    shift = np.float32(0.5 if options.half_pixel_centers else 0)
    places = [(np.float32(place) + shift) * scale for place in range(wanted)]
    up = np.float32(0.5 if options.align_corners else 0)
    return [min(int(np.floor(each + up)), size - 1) for each in places]


def resize_nearest(operator: Operator, graph: Graph) -> Step:
    """RESIZE_NEAREST_NEIGHBOR."""
    source = graph.inputs_of(operator)[0]
    output = graph.output_of(operator)
    names = [f"{operator.name}_{each}" for each in ("rows", "columns")]
    constants = []
    for name, size, wanted in zip(names, source.shape[1:3], output.shape[1:3], strict=True):
        picked = _nearest(size, wanted, operator.options)
        constants.append(Constant(name, "uint16_t", np.array(picked, np.uint16)))
    members: dict[str, Value] = {
        "rows": names[0],
        "columns": names[1],
        "height": output.shape[1],
        "width": output.shape[2],
        "channels": output.shape[3],
        "line": source.shape[2] * source.shape[3],
    }
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call("aot_view_s8.h", "aot_resize_s8", arguments),),
        constants=tuple(constants),
        parameters=Parameters(operator.name, "aot_resize_t", members),
    )
