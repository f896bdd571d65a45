"""Tensors of an int8 model as what they stand for: constants, and the ranges of values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.tflite_file.model import FileGraph, FileTensor

_STEPPED: Mapping[str, type[np.signedinteger[Any]]] = {
    "int4": np.int8,
    "int8": np.int8,
    "int16": np.int16,
}
_INTEGERS = {**_STEPPED, "int32": np.int32, "int64": np.int64}
# Where an operator with weights has its input, its weights and its bias.
WEIGHTED = {
    "CONV_2D": (0, 1, 2),
    "DEPTHWISE_CONV_2D": (0, 1, 2),
    "FULLY_CONNECTED": (0, 1, 2),
    "TRANSPOSE_CONV": (2, 1, 3),
}


class NoTwinError(Exception):
    """The model has something that has no float form here."""


@dataclass(frozen=True)
class Constant:
    """A constant of an int8 model.

    Attributes:
        values: What its steps stand for, float32.
        step: What one of them is, of the same number of axes.
    """

    values: NDArray[np.float32]
    step: NDArray[np.float64]


def channel_axis(op: str, axes: int) -> int:
    """Which axis of an operator's weights is that of its output channels."""
    return axes - 1 if op == "DEPTHWISE_CONV_2D" else 0


def is_value(tensor: FileTensor) -> bool:
    """Whether it holds what a network computes, which is not known before it runs."""
    return tensor.data is None and (is_stepped(tensor) or tensor.dtype == "float32")


def range_of(tensor: FileTensor) -> tuple[float, float] | None:
    """The least and the greatest that a tensor of values can say; None in float."""
    if not is_stepped(tensor):
        return None
    ends = np.iinfo(_STEPPED[tensor.dtype])
    zero = tensor.zero_points[0] if tensor.zero_points else 0
    return (ends.min - zero) * tensor.scales[0], (ends.max - zero) * tensor.scales[0]


def is_stepped(tensor: FileTensor) -> bool:
    """Whether a tensor holds steps of a scale."""
    return tensor.dtype in _STEPPED and bool(tensor.scales)


def constants_of(graph: FileGraph) -> Iterator[tuple[int, Constant]]:
    """Quantised ones, by tensor."""
    biases = dict(_biases(graph))
    for at, tensor in enumerate(graph.tensors):
        scales = biases.get(at, tensor.scales)
        if tensor.data is None or not len(scales) or tensor.dtype not in _INTEGERS:
            continue
        if tensor.oddity:
            raise NoTwinError(f"the constant '{tensor.name}' is {tensor.oddity}")
        steps = _spread(np.asarray(scales, np.float64), tensor)
        zero = _spread(np.asarray(tensor.zero_points or (0,), np.float64), tensor)
        values = (_raw(tensor).astype(np.float64) - zero) * steps
        yield at, Constant(values.astype(np.float32), steps)


def _biases(graph: FileGraph) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Scales of biases, which are products of others': a file need not name them."""
    for operator in graph.operators:
        if operator.op in WEIGHTED:
            source, weights, bias = WEIGHTED[operator.op]
            if len(operator.inputs) > bias and operator.inputs[bias] >= 0:
                by, of = (graph.tensors[operator.inputs[one]] for one in (source, weights))
                if by.scales and of.scales:
                    yield operator.inputs[bias], np.array(of.scales, np.float64) * by.scales[0]


def _spread(numbers: NDArray[np.float64], tensor: FileTensor) -> NDArray[np.float64]:
    """One for all, or one for each channel, of as many axes as the tensor has."""
    if len(numbers) == 1:
        return numbers.reshape((1,) * len(tensor.shape))
    shape = [1] * len(tensor.shape)
    shape[tensor.axis] = len(numbers)
    return numbers.reshape(shape)


def _raw(tensor: FileTensor) -> NDArray[Any]:
    data = tensor.data if tensor.data is not None else b""
    if tensor.dtype != "int4":
        return np.frombuffer(data, _INTEGERS[tensor.dtype]).reshape(tensor.shape)
    packed = np.frombuffer(data, np.uint8)  # two in a byte, the first in its low half
    halves = np.stack([packed & 15, packed >> 4], axis=1).ravel().astype(np.int8)
    count = int(np.prod(tensor.shape))
    return ((halves[:count] ^ 8) - 8).reshape(tensor.shape)
