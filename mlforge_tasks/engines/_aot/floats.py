"""Float functions of one int8 as the reference computes them, or word that it cannot be known.

The reference runs them in float32 with the C library of the machine it is on. Operators of IEEE 754
are the same everywhere. What a C library makes of `expf` is one of the two floats around the exact
value, which of them is its own affair; so both are carried along, and a table is only made where
every byte is the same for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.fixed_point import INT8_MAX, INT8_MIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Activation, Options, Tensor

    _Values = NDArray[Any]
    _Reals = NDArray[np.float64]
    _Function = Callable[[list[_Values], Options], _Values]

EVERY_INT8 = np.arange(INT8_MIN, INT8_MAX + 1)
_MOST_STEPS = float(1 << 30)
_BOUNDS: Mapping[Activation, tuple[float, float]] = {
    "NONE": (-np.inf, np.inf),
    "RELU": (0.0, np.inf),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}


@dataclass(frozen=True)
class Function:
    """What a tensor is of another one, element by element.

    Attributes:
        source: The other tensor, int8.
        values: [variant, 256], by int8: float32, int8 or bool.
    """

    source: int
    values: _Values


def dequantised(tensor: Tensor) -> NDArray[np.float32]:
    """Every int8 as the float that it stands for: [1, 256]."""
    steps = EVERY_INT8 - tensor.zero_point
    return (float(tensor.scale) * steps).astype(np.float32)[None]


def _both_around(exact: Callable[[_Reals], _Reals], values: _Values) -> _Values:
    """The floats around a function's exact values, of every variant."""
    with np.errstate(all="ignore"):
        reals = exact(values.astype(np.float64))
        near = reals.astype(np.float32)
        beyond = np.where(reals > near, np.float32(np.inf), np.float32(-np.inf))
        other = np.where(reals == near, near, np.nextafter(near, beyond))
    return np.concatenate([near, other])


def _elu(values: list[_Values], options: Options) -> _Values:
    del options
    twice = np.concatenate([values[0], values[0]])
    return np.where(twice < 0, _both_around(np.expm1, values[0]), twice)


def less_one_below_zero(values: NDArray[np.float32]) -> _Values:
    """exp(x) - 1 below zero and x above, as the reference's table of ELU has it."""
    raised = _both_around(np.exp, values)
    return np.where(raised < 1, raised - np.float32(1), np.concatenate([values, values]))


def _leaky(values: list[_Values], options: Options) -> _Values:
    x = values[0]
    return np.where(x > 0, x, x * np.float32(options.alpha))


def _exact(function: Callable[..., _Values]) -> _Function:
    """An operator whose result IEEE 754 says, with its fused activation."""

    def run(values: list[_Values], options: Options) -> _Values:
        low, high = _BOUNDS[options.activation]
        return function(*values).clip(np.float32(low), np.float32(high))

    return run


def _rounded_by(library: Callable[[_Reals], _Reals]) -> _Function:
    return lambda values, _: _both_around(library, values[0])


def _compared(function: Callable[..., _Values]) -> _Function:
    return lambda values, _: np.asarray(function(*values))


FLOAT_FUNCTIONS: Mapping[str, _Function] = {
    "ABS": _exact(np.abs),
    "ADD": _exact(np.add),
    "CEIL": _exact(np.ceil),
    "COS": _rounded_by(np.cos),
    "DIV": _exact(np.divide),
    "ELU": _elu,
    "EXP": _rounded_by(np.exp),
    "FLOOR": _exact(np.floor),
    "FLOOR_DIV": _exact(lambda x, y: np.floor(x / y)),
    "LEAKY_RELU": _leaky,
    "LOG": _rounded_by(np.log),
    "MAXIMUM": _exact(np.maximum),
    "MINIMUM": _exact(np.minimum),
    "MUL": _exact(np.multiply),
    "NEG": _exact(np.negative),
    "RELU": _exact(lambda x: np.maximum(x, np.float32(0))),
    "RELU6": _exact(lambda x: x.clip(np.float32(0), np.float32(6))),
    "ROUND": _exact(np.rint),
    "RSQRT": _exact(lambda x: np.float32(1) / np.sqrt(x)),
    "SIN": _rounded_by(np.sin),
    "SQRT": _exact(np.sqrt),
    "SQUARE": _exact(np.square),
    "SQUARED_DIFFERENCE": _exact(lambda x, y: (x - y) * (x - y)),
    "SUB": _exact(np.subtract),
}
# Of two int8 values of one scale, or two floats.
COMPARISONS: Mapping[str, _Function] = {
    "EQUAL": _compared(np.equal),
    "GREATER": _compared(np.greater),
    "GREATER_EQUAL": _compared(np.greater_equal),
    "LESS": _compared(np.less),
    "LESS_EQUAL": _compared(np.less_equal),
    "NOT_EQUAL": _compared(np.not_equal),
}


def applied(function: _Function, values: list[_Values], options: Options, what: str) -> _Values:
    """What a function makes of operands, of which those of one variant go with all.

    Raises:
        CandidateFailure: Both operands have variants, too many to follow.
    """
    if sum(len(each) > 1 for each in values) > 1:
        same = all(each is values[0] for each in values)
        if not same:
            raise unsupported(what, "compute it before the model or behind it")
    with np.errstate(all="ignore"):
        return function(values, options)


_CALIBRATE = "calibrate with other data, or leave the layer out"


def quantised(values: _Values, output: Tensor, what: str) -> NDArray[np.int8]:
    """A table of floats in an int8 tensor's steps, as QUANTIZE rounds them.

    Args:
        values: float32 [variant, 256].
        output: The int8 tensor.
        what: The operator, for errors.

    Raises:
        CandidateFailure: A value is no number, beyond 32 bits, or so near the middle between two
            bytes that the C library decides which it is.
    """
    with np.errstate(all="ignore"):
        steps = values.astype(np.float32) / output.scale
    return _settled(steps, output, what)


def scaled(values: _Values, output: Tensor, what: str) -> NDArray[np.int8]:
    """The same with a product by the scale's reciprocal, as tables of int8 operators are made."""
    with np.errstate(all="ignore"):
        steps = values.astype(np.float32) * (np.float32(1) / output.scale)
    return _settled(steps, output, what)


def _settled(steps: NDArray[np.float32], output: Tensor, what: str) -> NDArray[np.int8]:
    if not (np.abs(steps) < _MOST_STEPS).all():
        raise unsupported(f"{what} of values for which it has no result", _CALIBRATE)
    rounded = np.trunc(steps + np.copysign(np.float64(0.5), steps))
    entries = (rounded + output.zero_point).clip(INT8_MIN, INT8_MAX).astype(np.int8)
    if (entries != entries[0]).any():
        cause = "with a value so near the middle of two bytes that the C library decides"
        raise unsupported(f"{what} {cause}", _CALIBRATE)
    table: NDArray[np.int8] = entries[0]
    return table
