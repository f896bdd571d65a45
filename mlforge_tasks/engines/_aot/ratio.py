"""Factors between scales, with what the reference's arithmetic does not define refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot import fixed_point
from mlforge_tasks.engines._aot.failure import unsupported

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.fixed_point import Factor
    from mlforge_tasks.engines._aot.graph import Operator, Tensor

# The reference shifts an int32 left by as many bits as a factor has above 1.
_MOST_LEFT_SHIFT = 30
_CALIBRATE = "calibrate with representative data"


def ratio(operator: Operator, real: float) -> Factor:
    """The factor that an operator multiplies by.

    Raises:
        CandidateFailure: It is 2^30 or more, where 32 bits overflow whatever the value.
    """
    by = fixed_point.factor(real)
    if by.shift > _MOST_LEFT_SHIFT:
        raise unsupported(
            f"{operator.op} '{operator.name}' whose scales have a ratio of {real:.3g}",
            _CALIBRATE,
        )
    return by


def require_bounds(operator: Operator, output: Tensor, most: float = 6.0) -> None:
    """Refuses an activation whose bounds are no int32 under the output's scale.

    Raises:
        CandidateFailure: The reference refuses it as well.
    """
    if most / float(output.scale) > fixed_point.INT32_MAX:
        raise unsupported(
            f"{operator.op} '{operator.name}' with an activation and a scale of {output.scale:.3g}",
            _CALIBRATE,
        )
