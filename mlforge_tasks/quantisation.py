"""Between int8 tensors and the quantities they stand for.

TFLite's int8 scheme: real = scale * (quantised - zero_point), one scale for a whole input or output
(https://ai.google.dev/edge/litert/models/quantization_spec).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from numpy.typing import NDArray

INT8_MIN, INT8_MAX = -128, 127


class TensorQuantisation(Record):
    """An int8 input or output.

    Attributes:
        name: The tensor's name in the graph.
        shape: Its shape, without the batch axis of 1.
        scale: Real difference of one step.
        zero_point: The int8 value that stands for 0.
    """

    name: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int


class Quantisation(Record):
    """What there is to know about an int8 model; `quantisation.json`.

    Attributes:
        input: The input tensor.
        output: The output tensor.
        operators: TFLite operators in the order of execution.
        tflite_bytes: Size of the file.
        tflite_sha256: Its digest.
        float_validation: Metrics of the float model on the validation split; None for a probe.
        float_test: The same on the test split.
    """

    input: TensorQuantisation
    output: TensorQuantisation
    operators: tuple[str, ...]
    tflite_bytes: int
    tflite_sha256: str
    float_validation: dict[str, float] | None
    float_test: dict[str, float] | None


def quantise(values: NDArray[np.float32], tensor: TensorQuantisation) -> NDArray[np.int8]:
    """The int8 values that a device feeds its model with.

    The same as `roundf(value / scale) + zero_point`, clamped, in C: the division is in float32 and
    halves are rounded away from zero.

    Args:
        values: Normalised inputs, float32.
        tensor: The model's input.
    """
    steps = (values / np.float32(tensor.scale)).astype(np.float64)
    rounded = np.trunc(steps + np.copysign(0.5, steps)) + tensor.zero_point
    clamped: NDArray[np.int8] = np.clip(rounded, INT8_MIN, INT8_MAX).astype(np.int8)
    return clamped


def dequantise(values: NDArray[np.int8], tensor: TensorQuantisation) -> NDArray[np.float64]:
    """The real values that int8 ones stand for."""
    return (values.astype(np.float64) - tensor.zero_point) * tensor.scale
