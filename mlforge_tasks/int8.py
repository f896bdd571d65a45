"""Between int8 tensors and the quantities they stand for.

TFLite's int8 scheme: real = scale * (quantised - zero_point), one scale for a whole input or output
(https://ai.google.dev/edge/litert/models/quantization_spec). Of int16 the zero point is 0.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.quantisation import (
    Joined,
    JoinedInputs,
    JoinedOutputs,
    TensorQuantisation,
    alone,
)
from mlforge_tasks.windows import places

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlforge_tasks.windows import Windows

INT8_MIN, INT8_MAX = -128, 127
INT16_MAX = (1 << 15) - 1


# Elements of a model's ends: int8, or int16.
Quantised = np.signedinteger[Any]


def quantise(values: NDArray[np.float32], end: TensorQuantisation | Joined) -> NDArray[Quantised]:
    """The int8 or int16 values that a device feeds its model with.

    The same as `roundf(value / scale) + zero_point`, clamped, in C: the division is in float32 and
    halves are rounded away from zero.

    Args:
        values: Normalised inputs, float32.
        end: What they are given to, a model's only input; of several, one of the parts.
    """
    tensor = alone(end)
    steps = (values / np.float32(tensor.scale)).astype(np.float64)
    rounded = np.trunc(steps + np.copysign(0.5, steps)) + tensor.zero_point
    ends = np.iinfo(tensor.dtype)
    clamped: NDArray[Quantised] = np.clip(rounded, ends.min, ends.max).astype(tensor.dtype)
    return clamped


def given(examples: Windows, end: TensorQuantisation | JoinedInputs) -> Windows:
    """Examples as a device gets them, in int8 or int16, one input behind the other.

    Args:
        examples: Normalised, float32, of the data set's shape.
        end: The model's input or inputs.
    """
    return _given(examples, end, quantise)


def given_in_float(examples: Windows, end: TensorQuantisation | JoinedInputs) -> Windows:
    """The same in the same order, as its float network gets them."""
    return _given(examples, end, lambda rows, _: rows)


def _given(
    examples: Windows,
    end: TensorQuantisation | JoinedInputs,
    change: Callable[[NDArray[np.float32], TensorQuantisation], NDArray[Any]],
) -> Windows:
    if isinstance(end, TensorQuantisation):
        changed = examples.changed(lambda rows: change(rows, end))
        return changed.given(end.shape, channels_first=end.channels_first)

    def beside_each_other(rows: NDArray[np.float32]) -> NDArray[Any]:
        parts = [change(rows[..., one.features], one) for one in end.parts]
        return np.concatenate(parts, axis=-1)

    wide = examples.changed(beside_each_other)
    widths = [len(one.features) for one in end.parts]
    ends = list(accumulate(widths))
    order = [
        places(wide.shape, slice(at - width, at), one.rows, channels_first=one.channels_first)
        for one, width, at in zip(end.parts, widths, ends, strict=True)
    ]
    return wide.picked(np.concatenate(order))


def judged(raw: NDArray[Any], end: TensorQuantisation | JoinedOutputs) -> NDArray[Any]:
    """Of a device's outputs, [N, elements], those that are judged, in the data set's order."""
    if isinstance(end, TensorQuantisation):
        return raw
    return raw[:, [at for at, _ in end.judged]]


def dequantise(
    values: NDArray[Quantised], end: TensorQuantisation | JoinedOutputs
) -> NDArray[np.float64]:
    """The real values that quantised ones stand for; of several outputs, those `judged`."""
    scales, zero_points = steps_of(end)
    return (values.astype(np.float64) - zero_points) * scales


def steps_of(
    end: TensorQuantisation | JoinedOutputs,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scales and zero points of the outputs that are judged; one of each where all have it."""
    parts = [end] if isinstance(end, TensorQuantisation) else [one for _, one in end.judged]
    return np.array([one.scale for one in parts]), np.array(
        [float(one.zero_point) for one in parts]
    )
