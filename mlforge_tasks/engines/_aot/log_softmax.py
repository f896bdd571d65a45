"""Lowers LOG_SOFTMAX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import fixed_point
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.program import Call, Constant, Data, Parameters, Step

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.fixed_point import SoftmaxScale
    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Value

_SCALE, _ZERO_POINT = 1 / 16, 127
_INPUT_BITS = 5
# The sum of exponentials is kept with so many bits after the point, and has 12 before.
_SUM_SHIFT = 12
_MOST_DEPTH = 4095
_MOST_DISTANCE = 255


def _exponentials(by: SoftmaxScale) -> list[int]:
    """exp(-distance) in Q12.19, up to the last that is not 0."""
    found: list[int] = []
    for distance in range(min(by.reach, _MOST_DISTANCE) + 1):
        exponent = fixed_point.multiply_high(-distance * by.step, by.multiplier)
        value = fixed_point.exp_of_negative(exponent, _INPUT_BITS)
        found.append(fixed_point.round_shift(value, _SUM_SHIFT))
    while found[-1] == 0:
        found.pop()
    return found


def log_softmax(operator: Operator, graph: Graph) -> Step:
    """LOG_SOFTMAX along the last axis.

    Raises:
        CandidateFailure: A scale is none that the reference takes, or rows are too long.
    """
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    what = f"LOG_SOFTMAX '{operator.name}'"
    if output.scale != np.float32(_SCALE) or output.zero_point != _ZERO_POINT:
        raise unsupported(
            f"{what} with an output scale other than 1/16",
            "convert with TensorFlow's own quantiser",
        )
    depth = source.shape[-1]
    if float(source.scale) * (1 << 26) <= 1 or depth > _MOST_DEPTH:
        raise unsupported(
            f"{what} of {depth} values with an input scale of {source.scale:.3g}",
            f"calibrate with representative data; rows have {_MOST_DEPTH} values at most",
        )
    by = fixed_point.softmax_scale(source, 1.0)
    back = fixed_point.factor(2.0**31 / by.step / by.multiplier)
    exponentials = _exponentials(by)
    name = f"{operator.name}_exponentials"
    members: dict[str, Value] = {
        "rows": source.size // depth,
        "depth": depth,
        "exponentials": name,
        "count": len(exponentials),
        "step": by.step,
        "multiplier": by.multiplier,
        "back": {"multiplier": back.multiplier, "shift": back.shift},
        "reach": by.reach,
    }
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call("aot_log_softmax_s8.h", "aot_log_softmax_s8", arguments),),
        constants=(Constant(name, "int32_t", np.array(exponentials, np.int32), "by distance"),),
        parameters=Parameters(operator.name, "aot_log_softmax_t", members),
        overwrites=operator.inputs[0],
    )
