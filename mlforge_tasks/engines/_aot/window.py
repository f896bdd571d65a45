"""Geometry of sliding windows, shared by convolution and pooling."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.graph import Operator, Tensor


@dataclass(frozen=True)
class Axis:
    """A sliding window along one axis.

    Attributes:
        input: Elements of the input.
        output: Elements of the output.
        kernel: Taps.
        stride: Distance of windows.
        dilation: Distance of taps.
        before: Padding before the first element.
    """

    input: int
    output: int
    kernel: int
    stride: int
    dilation: int
    before: int

    @property
    def span(self) -> int:
        """Elements from a window's first tap to its last."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def reach(self) -> int:
        """Elements from the first window to the last, padding included."""
        return (self.output - 1) * self.stride + self.span

    @property
    def inside(self) -> bool:
        """Whether no window touches padding."""
        return self.before == 0 and self.reach <= self.input

    @property
    def windows_inside(self) -> int:
        """How many of the windows touch no padding."""
        first = -(-self.before // self.stride)
        last = (self.input + self.before - self.span) // self.stride
        return max(min(last, self.output - 1) - first + 1, 0)


@functools.lru_cache(maxsize=4096)
def _padded(axis: Axis) -> Axis:
    """TensorFlow's SAME: the smaller half of the missing elements goes in front."""
    return replace(axis, before=max(axis.reach - axis.input, 0) // 2)


def window_axes(
    operator: Operator, source: Tensor, output: Tensor, kernel: tuple[int, int]
) -> tuple[Axis, Axis]:
    """The window's two axes, height and width, of an operator on NHWC tensors."""
    options = operator.options
    height, width = (
        Axis(
            input=source.shape[1 + i],
            output=output.shape[1 + i],
            kernel=kernel[i],
            stride=options.stride[i],
            dilation=options.dilation[i],
            before=options.before[i] if options.before else 0,
        )
        for i in range(2)
    )
    return (_padded(height), _padded(width)) if options.same_padding else (height, width)
