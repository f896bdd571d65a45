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
# Whether an engine runs first layers stripe by stripe: where it has to, never, or in any case.
Patches: TypeAlias = Literal["auto", "off", "streamed"]
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


def sliding(
    sides: Shape,
    output: Shape,
    kernel: Shape,
    stride: int = 1,
    dilation: int = 1,
    *,
    padding: Padding = "same",
) -> Window:
    """How a kernel slides over an input's sides to those of its output, both without channels."""
    return Window(
        kernel=_image(kernel),
        stride=stride,
        dilation=dilation,
        input=_image(sides),
        output=_image(output),
        padded=padding == "same",
    )


def _image(sides: Shape) -> tuple[int, int]:
    """Height and width; a series has one row."""
    height, width = (1, *sides)[-2:]
    return height, width


def conv_work(slide: Window, channels: int, filters: int) -> Work:
    """A convolution of all input channels by each of the filters."""
    per_output = prod(slide.kernel) * channels
    size = prod(slide.output) * filters
    return Work(
        "conv",
        size,
        size * per_output,
        weights=per_output * filters,
        channels=filters,
        window=slide,
    )


def depthwise_work(slide: Window, channels: int) -> Work:
    """A convolution of each channel on its own."""
    taps, size = prod(slide.kernel), prod(slide.output) * channels
    return Work(
        "depthwise",
        size,
        size * taps,
        weights=taps * channels,
        channels=channels,
        window=slide,
    )


def separable_work(slide: Window, channels: int, filters: int) -> tuple[Work, ...]:
    """The depthwise half and the pointwise half of a separable convolution."""
    pointwise = sliding(slide.output, slide.output, (1, 1))
    return depthwise_work(slide, channels), conv_work(pointwise, channels, filters)
