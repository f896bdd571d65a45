"""Lowers DIV, and checks that the reference's arithmetic of it is defined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.binary import broadcast_record, pair_step
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.program import Parameters
from mlforge_tasks.engines._aot.ranges import range_of, ranges_of
from mlforge_tasks.engines._aot.ratio import ratio

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.fixed_point import Factor
    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Step, Value

# Sign bits that a dividend has at least: the quotient is shifted right by them.
_LEAST_HEADROOM = 23


def _factor(operator: Operator, graph: Graph) -> Factor:
    """Of a quotient to the output's steps."""
    first, second = (float(each.scale) for each in graph.inputs_of(operator))
    return ratio(operator, first / (second * float(graph.output_of(operator).scale)))


def divide(operator: Operator, graph: Graph) -> Step:
    """DIV."""
    first, second = graph.inputs_of(operator)
    by = _factor(operator, graph)
    members: dict[str, Value] = {
        "broadcast": broadcast_record(operator, graph),
        "zero_point0": first.zero_point,
        "zero_point1": second.zero_point,
        "multiplier": by.multiplier,
        "shift": by.shift,
        "output_zero_point": graph.output_of(operator).zero_point,
    }
    parameters = Parameters(operator.name, "aot_divide_t", members)
    return pair_step(operator, graph, parameters, "aot_divide_s8", "aot_divide_s8.h")


def check_divisions(graph: Graph) -> None:
    """No divisor of a DIV can be 0, and no quotient shifts by more bits than an int32 has.

    Raises:
        CandidateFailure: One can, and the reference's result is not defined.
    """
    divisions = [each for each in graph.operators if each.op == "DIV"]
    ranges = ranges_of(graph) if divisions and graph.is_int8 else {}
    for operator in divisions:
        divisor = graph.inputs_of(operator)[1]
        found = range_of(operator.inputs[1], graph, ranges)
        low, high = found.low - divisor.zero_point, found.high - divisor.zero_point
        if ((low <= 0) & (high >= 0)).any():
            raise unsupported(
                f"DIV '{operator.name}' by what may be 0",
                "add a constant to the divisor, and calibrate with representative data",
            )
        most = int(np.maximum(np.abs(low), np.abs(high)).max())
        shift = _factor(operator, graph).shift
        if not most.bit_length() - 1 <= shift <= _LEAST_HEADROOM:
            raise unsupported(
                f"DIV '{operator.name}' of scales under which TFLite Micro shifts a quotient by "
                "more bits than there are",
                "add a larger constant to the divisor, so that quotients need no such coarse scale",
            )
