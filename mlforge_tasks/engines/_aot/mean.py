"""Lowers MEAN and SUM."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.program import Call, Data, Parameters, Scratch, Step
from mlforge_tasks.engines._aot.ratio import ratio
from mlforge_tasks.engines._aot.view import steps_of, view_call

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Argument, Value


def _axes(operator: Operator, graph: Graph) -> list[int]:
    """The axes that the mean is taken over; those of size 1 do not matter."""
    source = graph.inputs_of(operator)[0]
    rank = len(source.shape)
    axes = graph.inputs_of(operator)[1].constant.ravel()
    return sorted({int(axis) % rank for axis in axes if source.shape[int(axis) % rank] > 1})


def _step(operator: Operator, graph: Graph, extents: tuple[int, int, int], place: Argument) -> Step:
    """A step over an input of [outer, count, inner]."""
    source = graph.inputs_of(operator)[0]
    output = graph.output_of(operator)
    outer, count, inner = extents
    by = ratio(operator, float(source.scale) / float(output.scale))
    # The reference divides the multiplier by the count, with as many more bits as it has room for.
    by_count = 1 if operator.op == "SUM" else count
    bits = min(by_count.bit_length() - 1, 32, 31 + by.shift)
    members: dict[str, Value] = {
        "outer": outer,
        "count": count,
        "inner": inner,
        "bias": -count * source.zero_point,
        "multiplier": (by.multiplier << bits) // by_count,
        "shift": by.shift - bits,
        "output_zero_point": output.zero_point,
    }
    arguments = (f"&{operator.name}", place, Data(operator.output))
    return Step(
        calls=(Call("aot_mean_s8.h", "aot_mean_s8", arguments),),
        parameters=Parameters(operator.name, "aot_mean_t", members),
    )


def _scattered(operator: Operator, graph: Graph, axes: list[int]) -> Step:
    """Over axes that are no neighbours: they are brought together in scratch memory first."""
    source = graph.inputs_of(operator)[0]
    steps = steps_of(source.shape)
    kept = [axis for axis in range(len(source.shape)) if axis not in axes]
    view = [(source.shape[axis], steps[axis]) for axis in (*kept, *axes)]
    call, constant = view_call(operator, view, Data(operator.inputs[0]), Scratch())
    count = math.prod(source.shape[axis] for axis in axes)
    step = _step(operator, graph, (source.size // count, count, 1), Scratch())
    return Step(
        calls=(call, *step.calls),
        constants=(constant,),
        parameters=step.parameters,
        scratch_bytes=source.size,
    )


def mean(operator: Operator, graph: Graph) -> Step:
    """MEAN and SUM over any axes."""
    shape = graph.inputs_of(operator)[0].shape
    axes = _axes(operator, graph)
    first, end = (axes[0], axes[-1] + 1) if axes else (0, 0)
    between = math.prod(shape[first:end])
    if between != math.prod(shape[axis] for axis in axes):
        return _scattered(operator, graph, axes)
    extents = math.prod(shape[:first]), between, math.prod(shape[end:])
    return _step(operator, graph, extents, Data(operator.inputs[0]))
