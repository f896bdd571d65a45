"""Rewrites a graph before it is lowered: joins PAD and convolution, expands TRANSPOSE_CONV.

Convolutions of several groups are cut apart, see `grouped`; for weights with zero points see
`weights`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.choices import with_constant_choices
from mlforge_tasks.engines._aot.division import check_divisions
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.graph import Graph, Operator, Options, Tensor
from mlforge_tasks.engines._aot.grouped import with_groups_apart
from mlforge_tasks.engines._aot.reduction import with_reductions_expanded
from mlforge_tasks.engines._aot.weights import with_symmetric_weights
from mlforge_tasks.engines._aot.window import window_axes

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONVOLUTIONS = {"CONV_2D", "DEPTHWISE_CONV_2D"}


def rewrite(graph: Graph) -> Graph:
    """All rewrites; each keeps every output byte.

    Raises:
        CandidateFailure: What values can be in the rewritten graph makes an operator undefined.
    """
    graph = with_constant_choices(with_reductions_expanded(graph))
    graph = _with_transposed_expanded(graph)
    graph = with_symmetric_weights(with_groups_apart(_with_padding_joined(graph)))
    check_divisions(graph)
    return graph


def _readers(graph: Graph) -> Mapping[int, list[Operator]]:
    readers: dict[int, list[Operator]] = {}
    for operator in graph.operators:
        for tensor in operator.inputs:
            readers.setdefault(tensor, []).append(operator)
    return readers


def _border(pad: Operator, graph: Graph) -> tuple[int, int] | None:
    """Rows and columns in front of the input, where only those and zero points are added."""
    source, paddings = graph.inputs_of(pad)
    output = graph.output_of(pad)
    if len(source.shape) != 4 or source.data is not None:
        return None
    if (source.scale, source.zero_point) != (output.scale, output.zero_point):
        return None
    counts = paddings.constant.reshape(-1, 2)
    if counts[[0, 3]].any():
        return None
    return int(counts[1, 0]), int(counts[2, 0])


def _joined(pad: Operator, convolution: Operator, graph: Graph) -> Operator | None:
    """The convolution with the padding as its own, if every window still touches the input."""
    border = _border(pad, graph)
    options = convolution.options
    if border is None or options.same_padding or options.before is not None:
        return None
    joined = replace(
        convolution,
        inputs=(pad.inputs[0], *convolution.inputs[1:]),
        options=replace(options, before=border),
    )
    source, weights = graph.inputs_of(joined)[:2]
    kernel = (weights.shape[1], weights.shape[2])
    axes = window_axes(joined, source, graph.output_of(joined), kernel)
    touch = all(
        axis.before < axis.span and axis.reach - axis.span - axis.before < axis.input
        for axis in axes
    )
    return joined if touch else None


def _with_padding_joined(graph: Graph) -> Graph:
    """PAD and the only convolution that reads it are one operator, and need one tensor less."""
    readers = _readers(graph)
    joined: dict[str, Operator | None] = {}
    for pad in graph.operators:
        reading = readers.get(pad.output, []) if pad.op == "PAD" else []
        if len(reading) != 1 or reading[0].op not in _CONVOLUTIONS or pad.output in graph.outputs:
            continue
        if reading[0].inputs[0] != pad.output:
            continue
        both = _joined(pad, reading[0], graph)
        if both is not None:
            joined[pad.name], joined[both.name] = None, both
    operators = (joined.get(each.name, each) for each in graph.operators)
    return replace(graph, operators=tuple(each for each in operators if each is not None))


def _with_transposed_expanded(graph: Graph) -> Graph:
    """TRANSPOSE_CONV spreads its input over as many more pixels, and CONV_2D finishes it."""
    tensors = list(graph.tensors)
    operators: list[Operator] = []
    for operator in graph.operators:
        if operator.op == "TRANSPOSE_CONV":
            operators += _expanded(operator, graph, tensors)
        else:
            operators.append(operator)
    return replace(graph, operators=tuple(operators), tensors=tuple(tensors))


def _expanded(operator: Operator, graph: Graph, tensors: list[Tensor]) -> list[Operator]:
    """The two operators; the tensors that they need are added."""
    _, filters, index, *bias = operator.inputs
    source, weights = graph.tensors[index], graph.tensors[filters]
    if weights.data is None:
        raise unsupported(f"TRANSPOSE_CONV '{operator.name}' with computed weights", "use Conv2D")
    flipped = np.ascontiguousarray(weights.constant[:, ::-1, ::-1, :])
    tensors.append(replace(weights, data=flipped))
    inputs = (index, len(tensors) - 1, *bias)
    if source.dtype == "int16" and max(bias, default=-1) < 0:
        # Without a bias the reference adds up in 64 bits here, and in 32 in a CONV_2D.
        zeros = np.zeros(weights.shape[0], np.int64)
        tensors.append(Tensor(f"{weights.name}_bias", zeros.shape, "int64", data=zeros))
        inputs = (*inputs[:2], len(tensors) - 1)
    before = _before(operator, weights, graph.output_of(operator))
    options = Options(before=before, activation=operator.options.activation)
    convolution = replace(operator, op="CONV_2D", inputs=inputs, options=options)
    stride = operator.options.stride
    if stride == (1, 1):
        return [convolution]
    height, width = (size * step for size, step in zip(source.shape[1:3], stride, strict=True))
    tensors.append(replace(source, shape=(1, height, width, source.shape[3]), data=None))
    spread = replace(
        operator, inputs=(index,), outputs=(len(tensors) - 1,), name=f"{operator.name}_spread"
    )
    return [spread, replace(convolution, inputs=(len(tensors) - 1, *inputs[1:]))]


def _before(operator: Operator, weights: Tensor, output: Tensor) -> tuple[int, int]:
    """Padding of the convolution that a TRANSPOSE_CONV is, in front of the spread input."""

    def along(axis: int) -> int:
        step, taps = operator.options.stride[axis - 1], weights.shape[axis]
        reach = (-(-output.shape[axis] // step) - 1) * step + taps
        cut = max(reach - output.shape[axis], 0) // 2 if operator.options.same_padding else 0
        return taps - 1 - cut

    return along(1), along(2)
