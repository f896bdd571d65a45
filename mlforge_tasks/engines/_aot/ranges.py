"""What values every tensor of a graph can have, whatever the input: interval analysis by channel.

The arithmetic is the reference's, so a channel of one value is that value to the bit. An operator
that is not in the tables can make anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import (
    activation,
    addition,
    elementwise,
    fixed_point,
    intervals,
    mean,
    simple,
)
from mlforge_tasks.engines._aot.fixed_point import INT8_MAX, INT8_MIN, Factor
from mlforge_tasks.engines._aot.intervals import Interval, channels_of
from mlforge_tasks.engines._aot.islands import TABLE
from mlforge_tasks.engines._aot.program import Step
from mlforge_tasks.engines._aot.ratio import ratio, require_bounds
from mlforge_tasks.engines._aot.taps import taps_of
from mlforge_tasks.engines._aot.weighted import factors, parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Lowered

    _Range = Callable[[Operator, Graph, Sequence[Interval]], Interval | None]

# Operators that keep channels apart: each of the output is made of the same one of the inputs.
MAPS: Mapping[str, Callable[[Operator, Graph], Lowered]] = {
    "ABS": elementwise.absolute,
    "ELU": elementwise.elu,
    "HARD_SWISH": activation.hard_swish,
    "LEAKY_RELU": activation.leaky_relu,
    "LOGISTIC": simple.sigmoid,
    "QUANTIZE": simple.quantize,
    "RELU": simple.relu,
    "RELU6": simple.relu6,
    "RSQRT": elementwise.inverse_root,
    TABLE: elementwise.table,
    "TANH": simple.sigmoid,
}
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
SAME_ELEMENTS = ("EXPAND_DIMS", "RESHAPE", "SQUEEZE")


def _table(operator: Operator, graph: Graph) -> NDArray[np.int8]:
    """What a map of one tensor makes of every int8."""
    form = MAPS[operator.op](operator, graph)
    every = np.arange(INT8_MIN, INT8_MAX + 1).astype(np.int8)
    if not isinstance(form, Step):
        return every
    if form.constants:
        return form.constants[0].values.astype(np.int8)
    low, high, *_ = form.calls[0].arguments
    if not isinstance(low, int) or not isinstance(high, int):
        raise TypeError(f"bounds of {operator.name}: {low}, {high}")
    return every.clip(low, high)


def _map(operator: Operator, graph: Graph, inputs: Sequence[Interval]) -> Interval:
    return inputs[0].mapped(_table(operator, graph))


def _activated(operator: Operator, graph: Graph, made: Interval) -> Interval:
    """Within the bounds of the fused activation."""
    output = graph.output_of(operator)
    if operator.options.activation != "NONE":
        require_bounds(operator, output)
    return made.clamped(*fixed_point.activation_range(operator.options.activation, output))


def _weighted(operator: Operator, graph: Graph, inputs: Sequence[Interval]) -> Interval | None:
    taps = taps_of(operator, graph)
    if taps is None:
        return None
    source, _, bias = parts(operator, graph)
    output = graph.output_of(operator)
    by = factors(operator, graph, output.shape[-1])
    low, high = (each + bias for each in taps.bounds(inputs[0], source.zero_point))
    return _activated(operator, graph, intervals.requantised(low, high, by, output.zero_point))


def _pool(operator: Operator, graph: Graph, inputs: Sequence[Interval]) -> Interval:
    return _activated(operator, graph, inputs[0])


def averages_channels_apart(operator: Operator, graph: Graph) -> bool:
    """Whether a MEAN keeps the last axis."""
    source, axes = graph.inputs_of(operator)
    rank = len(source.shape)
    taken = {int(each) % rank for each in axes.constant.ravel()}
    return rank - 1 not in taken and graph.output_of(operator).shape[-1:] == source.shape[-1:]


def _mean(operator: Operator, graph: Graph, inputs: Sequence[Interval]) -> Interval | None:
    form = mean.mean(operator, graph)
    if form.parameters is None or not averages_channels_apart(operator, graph):
        return None
    names = ("count", "bias", "multiplier", "shift")
    count, bias, multiplier, shift = (int(str(form.parameters.members[each])) for each in names)
    by = [Factor(multiplier, shift)]
    low, high = (bias + count * each for each in (inputs[0].low, inputs[0].high))
    return intervals.requantised(low, high, by, graph.output_of(operator).zero_point)


def _extreme(operator: Operator, graph: Graph, inputs: Sequence[Interval]) -> Interval:
    """MAXIMUM and MINIMUM."""
    del graph
    of = np.maximum if operator.op == "MAXIMUM" else np.minimum
    first, second = inputs
    return Interval(of(first.low, second.low), of(first.high, second.high))


def _squared_difference(operator: Operator, graph: Graph, inputs: Sequence[Interval]) -> Interval:
    """Its least is of where the operands meet or come nearest."""
    *operands, by = elementwise.difference_factors(operator, graph)
    (low0, high0), (low1, high1) = (
        tuple(
            intervals.scaled((end - tensor.zero_point) << elementwise.DIFFERENCE_BITS, [factor])
            for end in (each.low, each.high)
        )
        for each, tensor, factor in zip(inputs, graph.inputs_of(operator), operands, strict=True)
    )
    least = np.maximum(np.maximum(low0 - high1, low1 - high0), 0)
    most = np.maximum(np.abs(low0 - high1), np.abs(high0 - low1))
    zero_point = graph.output_of(operator).zero_point
    return intervals.requantised(least * least, most * most, [by], zero_point)


def _sum(operator: Operator, graph: Graph, inputs: Sequence[Interval]) -> Interval:
    """ADD and SUB, whose operands are brought to a common scale."""
    first, second = graph.inputs_of(operator)
    output = graph.output_of(operator)
    *operands, by = addition.factors(addition.Operands((first, second), output, 1))
    ends = []
    for each, tensor, factor in zip(inputs, (first, second), operands, strict=True):
        lifted = (np.stack([each.low, each.high]) - tensor.zero_point) << addition.HEADROOM_BITS
        ends.append(intervals.scaled(lifted, [factor]))
    if operator.op == "SUB":
        ends[1] = -ends[1][::-1]
    low, high = ends[0] + ends[1]
    return _activated(operator, graph, intervals.requantised(low, high, [by], output.zero_point))


def _product(operator: Operator, graph: Graph, inputs: Sequence[Interval]) -> Interval:
    """MUL, whose least and greatest products are those of ends."""
    first, second = graph.inputs_of(operator)
    output = graph.output_of(operator)
    by = ratio(operator, float(first.scale) * float(second.scale) / float(output.scale))
    ends = [
        (a - first.zero_point) * (b - second.zero_point)
        for a in (inputs[0].low, inputs[0].high)
        for b in (inputs[1].low, inputs[1].high)
    ]
    low, high = np.min(ends, axis=0), np.max(ends, axis=0)
    return _activated(operator, graph, intervals.requantised(low, high, [by], output.zero_point))


def _padded(operator: Operator, graph: Graph, inputs: Sequence[Interval]) -> Interval | None:
    """PAD, and TRANSPOSE_CONV's spread input, of pixels; zero points are among them."""
    source, *others = graph.inputs_of(operator)
    output = graph.output_of(operator)
    if source.shape[-1] != output.shape[-1]:
        return None
    value = int(others[1].constant.ravel()[0]) if len(others) > 1 else output.zero_point
    border = np.full_like(inputs[0].low, value)
    return inputs[0].either(Interval(border, border))


def _joined(operator: Operator, graph: Graph, inputs: Sequence[Interval]) -> Interval:
    """CONCATENATION, of channels or along another axis."""
    if is_of_channels(operator, graph):
        return Interval(
            np.concatenate([each.low for each in inputs]),
            np.concatenate([each.high for each in inputs]),
        )
    return Interval(
        np.min([each.low for each in inputs], axis=0),
        np.max([each.high for each in inputs], axis=0),
    )


def is_of_channels(operator: Operator, graph: Graph) -> bool:
    """Whether a CONCATENATION is along the last axis."""
    rank = len(graph.output_of(operator).shape)
    return operator.options.axis % rank == rank - 1


def _reshaped(operator: Operator, graph: Graph, inputs: Sequence[Interval]) -> Interval:
    source = graph.inputs_of(operator)[0]
    return inputs[0].reshaped(source.shape, graph.output_of(operator).shape)


def _same(operator: Operator, graph: Graph, inputs: Sequence[Interval]) -> Interval:
    del operator, graph
    return inputs[0]


def _picked(operator: Operator, graph: Graph, inputs: Sequence[Interval]) -> Interval | None:
    """MIRROR_PAD, of pixels."""
    alike = graph.inputs_of(operator)[0].shape[-1:] == graph.output_of(operator).shape[-1:]
    return inputs[0] if alike else None


_RANGES: Mapping[str, _Range] = {
    "ADD": _sum,
    "AVERAGE_POOL_2D": _pool,
    "CONCATENATION": _joined,
    "MAXIMUM": _extreme,
    "MAX_POOL_2D": _pool,
    "MEAN": _mean,
    "MINIMUM": _extreme,
    "MUL": _product,
    "MIRROR_PAD": _picked,
    "PAD": _padded,
    "PADV2": _padded,
    "RESIZE_BILINEAR": _same,
    "RESIZE_NEAREST_NEIGHBOR": _same,
    "SQUARED_DIFFERENCE": _squared_difference,
    "SUB": _sum,
    "SUM": _mean,
    "TRANSPOSE_CONV": _padded,
    **dict.fromkeys(MAPS, _map),
    **dict.fromkeys(SAME_ELEMENTS, _reshaped),
    **dict.fromkeys(WEIGHTED, _weighted),
}


def range_of(index: int, graph: Graph, found: Mapping[int, Interval]) -> Interval:
    """What a tensor can have, of which nothing may have been found."""
    tensor = graph.tensors[index]
    if index in found:
        return found[index]
    if tensor.data is not None and tensor.dtype == "int8":
        return intervals.of_values(tensor.constant)
    return intervals.anything(channels_of(tensor.shape))


def ranges_of(graph: Graph) -> Mapping[int, Interval]:
    """What every int8 tensor can have; `graph` has its explicit padding joined."""
    found: dict[int, Interval] = {}
    for operator in graph.operators:
        if operator.op not in _RANGES:
            continue
        values = operator.inputs[:1] if operator.op in WEIGHTED else operator.inputs
        for index in values:
            if index >= 0:
                found[index] = range_of(index, graph, found)
        inputs = [found[index] for index in values if index >= 0]
        made = _RANGES[operator.op](operator, graph, inputs)
        if made is not None:
            channels = channels_of(graph.output_of(operator).shape)
            found[operator.output] = made.of(channels)
    return found
