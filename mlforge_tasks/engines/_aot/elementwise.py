"""Lowers what is done element by element, but for sums and products: `binary` has those."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import fixed_point, floats
from mlforge_tasks.engines._aot.binary import (
    broadcast_record,
    operand_record,
    pair_step,
    scale_record,
)
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.fixed_point import INT8_MAX, INT8_MIN
from mlforge_tasks.engines._aot.program import Parameters
from mlforge_tasks.engines._aot.ratio import ratio
from mlforge_tasks.engines._aot.simple import clamp, lookup, require_same_scale

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.fixed_point import Factor
    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor
    from mlforge_tasks.engines._aot.program import Step, Value

# The reference scales operands of a difference up by so many bits; its square then has 30 at most.
DIFFERENCE_BITS = 7
MOST_SQUARE = (255 << DIFFERENCE_BITS) ** 2
# The reference keeps 1 / sqrt of an integer in so many bits, and shifts right by 31 at most.
_ROOT_BITS, _MOST_RIGHT_SHIFT = 20, 31


def table(operator: Operator, graph: Graph) -> Step:
    """A map that an island became."""
    return lookup(operator, graph, np.array(operator.options.table, np.int8))


def elu(operator: Operator, graph: Graph) -> Step:
    """ELU from int8 to int8, by way of float32 as in the reference."""
    source = graph.inputs_of(operator)[0]
    values = floats.dequantised(source)
    what = f"ELU '{operator.name}'"
    made = floats.less_one_below_zero(values)
    return lookup(operator, graph, floats.scaled(made, graph.output_of(operator), what))


def absolute(operator: Operator, graph: Graph) -> Step:
    """ABS, which may change the scale."""
    source = graph.inputs_of(operator)[0]
    output = graph.output_of(operator)
    by = ratio(operator, float(source.scale) / float(output.scale))

    def entry(value: int) -> int:
        steps = abs(value - source.zero_point)
        scaled = steps if source.scale == output.scale else fixed_point.scale(steps, by)
        return fixed_point.saturate(scaled + output.zero_point)

    return lookup(operator, graph, np.array([entry(each) for each in _INT8], np.int8))


_INT8 = range(INT8_MIN, INT8_MAX + 1)


def _root_factor(operator: Operator, source: Tensor, output: Tensor) -> Factor:
    """From 1 / sqrt of the source's steps, in `_ROOT_BITS`, to the output's."""
    by = ratio(operator, 1 / (math.sqrt(float(source.scale)) * float(output.scale)))
    shift = by.shift - _ROOT_BITS
    if by.multiplier == 0 or shift < -_MOST_RIGHT_SHIFT:
        raise unsupported(
            f"RSQRT '{operator.name}' with scales of {source.scale:.3g} and {output.scale:.3g}",
            "calibrate with representative data",
        )
    return fixed_point.Factor(by.multiplier, shift)


def inverse_root(operator: Operator, graph: Graph) -> Step:
    """RSQRT of what is never below zero; of zero it is the greatest int8.

    Raises:
        CandidateFailure: There are int8 values below zero, at which the reference stops.
    """
    source = graph.inputs_of(operator)[0]
    output = graph.output_of(operator)
    if source.zero_point != INT8_MIN:
        raise unsupported(
            f"RSQRT '{operator.name}' of values that may be negative",
            "calibrate with representative data: its input's zero point has to be -128",
        )
    by = _root_factor(operator, source, output)

    def entry(steps: int) -> int:
        if steps == 0:
            return INT8_MAX
        root = fixed_point.inverse_root(steps)
        raised = fixed_point.Factor(root.multiplier, root.shift + _ROOT_BITS)
        scaled = fixed_point.scale(fixed_point.scale(1, raised), by)
        return fixed_point.saturate(fixed_point.wrap(scaled + output.zero_point))

    return lookup(operator, graph, np.array([entry(each) for each in range(256)], np.int8))


def _is_scalar(tensor: Tensor) -> bool:
    return tensor.data is not None and tensor.size == 1


def extreme(operator: Operator, graph: Graph) -> Step:
    """MAXIMUM and MINIMUM; the reference compares bytes, whatever their scales.

    Raises:
        CandidateFailure: Scales differ.
    """
    require_same_scale(operator, graph)
    first, second = graph.inputs_of(operator)
    output = graph.output_of(operator)
    if _is_scalar(second) and first.shape == output.shape:
        bound = int(second.constant.ravel()[0])
        bounds = (bound, INT8_MAX) if operator.op == "MAXIMUM" else (INT8_MIN, bound)
        return clamp(operator, graph, *bounds)
    members: dict[str, Value] = {
        "broadcast": broadcast_record(operator, graph),
        "sign": 1 if operator.op == "MAXIMUM" else -1,
    }
    parameters = Parameters(operator.name, "aot_extreme_t", members)
    return pair_step(operator, graph, parameters, "aot_extreme_s8", "aot_extreme_s8.h")


def difference_factors(operator: Operator, graph: Graph) -> tuple[Factor, Factor, Factor]:
    """Of SQUARED_DIFFERENCE: operands to their common scale, and its square to the output's."""
    first, second = (float(each.scale) for each in graph.inputs_of(operator))
    twice = 2 * max(first, second)
    output = float(graph.output_of(operator).scale)
    square = ratio(operator, twice * twice / ((1 << 2 * DIFFERENCE_BITS) * output))
    return fixed_point.factor(first / twice), fixed_point.factor(second / twice), square


def squared_difference(operator: Operator, graph: Graph) -> Step:
    """SQUARED_DIFFERENCE."""
    first, second = graph.inputs_of(operator)
    by = difference_factors(operator, graph)
    members: dict[str, Value] = {
        "broadcast": broadcast_record(operator, graph),
        "operand0": operand_record(first, by[0], DIFFERENCE_BITS),
        "operand1": operand_record(second, by[1], DIFFERENCE_BITS),
        "output": scale_record(by[2], MOST_SQUARE),
        "output_zero_point": graph.output_of(operator).zero_point,
    }
    parameters = Parameters(operator.name, "aot_difference_t", members)
    return pair_step(operator, graph, parameters, "aot_difference_s8", "aot_difference_s8.h")
