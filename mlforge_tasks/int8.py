"""Between int8 tensors and the quantities they stand for.

TFLite's int8 scheme: real = scale * (quantised - zero_point), one scale for a whole input or output
(https://ai.google.dev/edge/litert/models/quantization_spec). Of int16 the zero point is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.quantisation import TensorQuantisation

INT8_MIN, INT8_MAX = -128, 127
INT16_MAX = (1 << 15) - 1


# Elements of a model's ends: int8, or int16.
Quantised = np.signedinteger[Any]


def quantise(values: NDArray[np.float32], tensor: TensorQuantisation) -> NDArray[Quantised]:
    """The int8 or int16 values that a device feeds its model with.

    The same as `roundf(value / scale) + zero_point`, clamped, in C: the division is in float32 and
    halves are rounded away from zero.

    Args:
        values: Normalised inputs, float32.
        tensor: The model's input.
    """
    steps = (values / np.float32(tensor.scale)).astype(np.float64)
    rounded = np.trunc(steps + np.copysign(0.5, steps)) + tensor.zero_point
    ends = np.iinfo(tensor.dtype)
    clamped: NDArray[Quantised] = np.clip(rounded, ends.min, ends.max).astype(tensor.dtype)
    return clamped


def dequantise(values: NDArray[Quantised], tensor: TensorQuantisation) -> NDArray[np.float64]:
    """The real values that int8 or int16 ones stand for."""
    return (values.astype(np.float64) - tensor.zero_point) * tensor.scale
