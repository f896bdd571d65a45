"""Shapes and the work that operators do on them.

A shape has no batch axis: `(features,)`, `(steps, channels)` or `(height, width, channels)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

from mlforge_tasks.records import Record

Shape: TypeAlias = tuple[int, ...]
Padding: TypeAlias = Literal["same", "valid"]

Operation: TypeAlias = Literal["conv", "depthwise", "dense", "pool", "elementwise", "distance"]
RANK_NAMES = {1: "(features,)", 2: "(steps, channels)", 3: "(height, width, channels)"}


class ShapeError(ValueError):
    """A layer met a shape that it cannot take; the message says which it wants."""


class Window(Record):
    """How a convolution or a pool slides over its input; a series is an image one row high.

    Attributes:
        kernel: Height and width.
        stride: Distance of windows.
        dilation: Distance of taps along a row.
        input: Height and width of what it slides over.
        output: Height and width of what comes out.
        padded: Whether it reaches beyond the input, as TensorFlow's SAME does.
    """

    kernel: tuple[int, int]
    stride: int
    dilation: int
    input: tuple[int, int]
    output: tuple[int, int]
    padded: bool


@dataclass(frozen=True)
class Work:
    """One operator that a layer costs on the device.

    Attributes:
        operation: Class of operator: those of one class cost about the same per step.
        macs: Multiply-accumulates.
        reads: Elements read without a multiplication (pooling windows, element-wise inputs).
        weights: int8 constants.
        channels: Output channels with an int32 bias and a requantisation scale of their own.
        output_elements: Size of the output tensor.
        window: A convolution's or pool's; None where it is the whole input.
    """

    operation: Operation
    output_elements: int
    macs: int = 0
    reads: int = 0
    weights: int = 0
    channels: int = 0
    window: Window | None = None


def need_rank(shape: Shape, *ranks: int) -> None:
    """Refuses shapes of other ranks.

    Raises:
        ShapeError: The shape's rank is none of `ranks`.
    """
    if len(shape) not in ranks:
        wanted = " or ".join(RANK_NAMES[rank] for rank in ranks)
        raise ShapeError(f"needs an input of {wanted}")


def window(length: int, kernel: int, stride: int, dilation: int, padding: Padding) -> int:
    """Output length of a sliding window, as TensorFlow's SAME and VALID define it.

    Raises:
        ShapeError: Without padding the window does not fit once.
    """
    if padding == "same":
        return -(-length // stride)
    reach = (kernel - 1) * dilation + 1
    if reach > length:
        raise ShapeError(f"its window of {reach} does not fit into {length} with valid padding")
    return (length - reach) // stride + 1


def _image(sides: Shape) -> tuple[int, int]:
    """Height and width; a series has one row."""
    height, width = (1, *sides)[-2:]
    return height, width


def sliding(
    shape: Shape,
    output: Shape,
    kernel: Shape,
    stride: int = 1,
    dilation: int = 1,
    *,
    padding: Padding = "same",
) -> Window:
    """How a kernel slides from one shape to another."""
    return Window(
        kernel=_image(kernel),
        stride=stride,
        dilation=dilation,
        input=_image(shape[:-1]),
        output=_image(output[:-1]),
        padded=padding == "same",
    )


def conv_work(
    shape: Shape,
    output: Shape,
    kernel: Shape,
    stride: int = 1,
    dilation: int = 1,
    *,
    padding: Padding = "same",
) -> Work:
    """A convolution from one shape to another."""
    per_output = prod(kernel) * shape[-1]
    size, channels = prod(output), output[-1]
    return Work(
        "conv",
        size,
        size * per_output,
        weights=per_output * channels,
        channels=channels,
        window=sliding(shape, output, kernel, stride, dilation, padding=padding),
    )


def depthwise_work(
    shape: Shape,
    output: Shape,
    kernel: Shape,
    stride: int = 1,
    dilation: int = 1,
    *,
    padding: Padding = "same",
) -> Work:
    """A convolution of each input channel on its own, to the sides of `output`."""
    size, channels = prod(output[:-1]) * shape[-1], shape[-1]
    return Work(
        "depthwise",
        size,
        size * prod(kernel),
        weights=prod(kernel) * channels,
        channels=channels,
        window=sliding(shape, output, kernel, stride, dilation, padding=padding),
    )


def separable_work(
    shape: Shape,
    output: Shape,
    kernel: Shape,
    stride: int = 1,
    dilation: int = 1,
    *,
    padding: Padding = "same",
) -> tuple[Work, ...]:
    """The depthwise half and the pointwise half of a separable convolution."""
    between = (*output[:-1], shape[-1])
    pointwise = (1,) * len(kernel)
    return (
        depthwise_work(shape, output, kernel, stride, dilation, padding=padding),
        conv_work(between, output, pointwise),
    )
