"""The convolutions an agent may propose: plain, depthwise and separable, over series and images."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator
from typing_extensions import override

from mlforge_tasks.architecture.base import (
    Activation,
    BaseLayer,
    Dilation,
    Filters,
    Kernel,
    Kernel2D,
    Stride,
)
from mlforge_tasks.architecture.geometry import (
    Padding,
    Shape,
    Window,
    Work,
    conv_work,
    depthwise_work,
    need_rank,
    separable_work,
    sliding,
    window,
)


class _Window1D(BaseLayer):
    kernel: Kernel
    stride: Stride = 1
    dilation: Dilation = 1
    padding: Padding = "same"
    activation: Activation = "relu"

    @model_validator(mode="after")
    def _stride_or_dilation(self) -> _Window1D:
        if self.stride > 1 and self.dilation > 1:
            raise ValueError("not both stride and dilation above 1 (Keras has no such layer)")
        return self

    def _steps(self, shape: Shape) -> int:
        need_rank(shape, 2)
        return window(shape[0], self.kernel, self.stride, self.dilation, self.padding)

    def _slide(self, shape: Shape) -> Window:
        sides, kernel = (self._steps(shape),), (self.kernel,)
        return sliding(shape[:1], sides, kernel, self.stride, self.dilation, padding=self.padding)


class _Window2D(BaseLayer):
    kernel: Kernel2D
    stride: Stride = 1
    padding: Padding = "same"
    activation: Activation = "relu"

    def _sides(self, shape: Shape) -> Shape:
        need_rank(shape, 3)
        sides = zip(shape[:2], self.kernel, strict=True)
        return tuple(window(side, size, self.stride, 1, self.padding) for side, size in sides)

    def _slide(self, shape: Shape) -> Window:
        sides = self._sides(shape)
        return sliding(shape[:2], sides, self.kernel, self.stride, padding=self.padding)


class Conv1D(_Window1D):
    """Convolution over the steps of a series."""

    kind: Literal["conv1d"] = "conv1d"
    filters: Filters

    @override
    def output_shape(self, shape: Shape) -> Shape:
        return (self._steps(shape), self.filters)

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        return (conv_work(self._slide(shape), shape[-1], self.filters),)


class DepthwiseConv1D(_Window1D):
    """Convolution of each channel on its own."""

    kind: Literal["depthwise_conv1d"] = "depthwise_conv1d"

    @override
    def output_shape(self, shape: Shape) -> Shape:
        return (self._steps(shape), shape[1])

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        return (depthwise_work(self._slide(shape), shape[-1]),)


class SeparableConv1D(_Window1D):
    """A depthwise convolution, then a pointwise one; the activation comes after both."""

    kind: Literal["separable_conv1d"] = "separable_conv1d"
    filters: Filters

    @override
    def output_shape(self, shape: Shape) -> Shape:
        return (self._steps(shape), self.filters)

    @override
    def parameters(self, shape: Shape) -> int:
        return super().parameters(shape) - shape[-1]  # Keras' depthwise half has no bias

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        return separable_work(self._slide(shape), shape[-1], self.filters)


class Conv2D(_Window2D):
    """Convolution over an image."""

    kind: Literal["conv2d"] = "conv2d"
    filters: Filters

    @override
    def output_shape(self, shape: Shape) -> Shape:
        return (*self._sides(shape), self.filters)

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        return (conv_work(self._slide(shape), shape[-1], self.filters),)


class DepthwiseConv2D(_Window2D):
    """Convolution of each channel on its own."""

    kind: Literal["depthwise_conv2d"] = "depthwise_conv2d"

    @override
    def output_shape(self, shape: Shape) -> Shape:
        return (*self._sides(shape), shape[2])

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        return (depthwise_work(self._slide(shape), shape[-1]),)


class SeparableConv2D(_Window2D):
    """A depthwise convolution, then a pointwise one; the activation comes after both."""

    kind: Literal["separable_conv2d"] = "separable_conv2d"
    filters: Filters

    @override
    def output_shape(self, shape: Shape) -> Shape:
        return (*self._sides(shape), self.filters)

    @override
    def parameters(self, shape: Shape) -> int:
        return super().parameters(shape) - shape[-1]  # Keras' depthwise half has no bias

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        return separable_work(self._slide(shape), shape[-1], self.filters)
