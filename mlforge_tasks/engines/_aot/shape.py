"""Lowers operators that move bytes: RESHAPE and its kin, PAD, CONCATENATION, PACK."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.program import Alias, Call, Data, Folded, Parameters, Step
from mlforge_tasks.engines._aot.simple import require_same_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Lowered, Value

PAD_DIMENSIONS = 4


def reshape(operator: Operator, graph: Graph) -> Lowered:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: the same bytes."""
    source = graph.inputs_of(operator)[0]
    output = graph.output_of(operator)
    if source.size != output.size:
        raise unsupported(f"{operator.op} '{operator.name}' of dynamic shape", "fix the shape")
    if source.data is not None:
        return Folded(source.data.reshape(output.shape))
    return Alias(operator.inputs[0])


def _merged(
    shape: Sequence[int], before: Sequence[int], after: Sequence[int]
) -> list[tuple[int, int, int]]:
    """Axes as (size, before, after); axes that are not padded join the one in front of them."""
    axes: list[tuple[int, int, int]] = []
    for size, first, last in zip(shape, before, after, strict=True):
        if axes and not first and not last:
            merged = axes.pop()
            axes.append((merged[0] * size, merged[1] * size, merged[2] * size))
        else:
            axes.append((size, first, last))
    return axes


def pad(operator: Operator, graph: Graph) -> Step:
    """PAD and PADV2, whose value has the scale of the output."""
    source, paddings, *value = graph.inputs_of(operator)
    output = graph.output_of(operator)
    if value:
        require_same_scale(operator, graph, value)
    before, after = paddings.constant.reshape(-1, 2).T.tolist()
    axes = _merged(source.shape, before, after)
    if len(axes) > PAD_DIMENSIONS:
        raise unsupported(f"{operator.op} '{operator.name}' of many axes", "pad height and width")
    axes = [(1, 0, 0)] * (PAD_DIMENSIONS - len(axes)) + axes
    members: dict[str, Value] = {
        "input": tuple(size for size, _, _ in axes),
        "before": tuple(first for _, first, _ in axes),
        "output": tuple(sum(axis) for axis in axes),
        "value": int(value[0].constant.ravel()[0]) if value else output.zero_point,
    }
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call("aot_copy_s8.h", "aot_pad_s8", arguments),),
        parameters=Parameters(operator.name, "aot_pad_t", members),
    )


def spread(operator: Operator, graph: Graph) -> Step:
    """TRANSPOSE_CONV's first half: every pixel with zero points right of it and below."""
    source = graph.inputs_of(operator)[0]
    output = graph.output_of(operator)
    _, height, width, channels = source.shape
    members: dict[str, Value] = {
        "input": (height, 1, width, channels),
        "before": (0, 0, 0, 0),
        "output": (height, output.shape[1] // height, width, output.shape[2] // width * channels),
        "value": output.zero_point,
    }
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call("aot_copy_s8.h", "aot_pad_s8", arguments),),
        parameters=Parameters(operator.name, "aot_pad_t", members),
    )


def concatenation(operator: Operator, graph: Graph) -> Step:
    """CONCATENATION and PACK: every input is copied into its place.

    Raises:
        CandidateFailure: Scales differ, or there is a fused activation: the reference refuses both.
    """
    require_same_scale(operator, graph)
    if operator.options.activation != "NONE":
        raise unsupported(
            f"CONCATENATION '{operator.name}' with a fused activation",
            "activate the parts before they are joined",
        )
    output = graph.output_of(operator)
    axis = operator.options.axis % len(output.shape)
    count = math.prod(output.shape[:axis])
    step = output.size // count
    calls = []
    offset = 0
    for index, source in zip(operator.inputs, graph.inputs_of(operator), strict=True):
        run = source.size // count
        place = Data(operator.output, offset)
        arguments = (count, run, step, Data(index), place)
        calls.append(Call("aot_copy_s8.h", "aot_copy_runs_s8", arguments))
        offset += run
    return Step(calls=tuple(calls))
