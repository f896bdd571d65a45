"""The layers an agent may propose: data with strict bounds, never code."""

from __future__ import annotations

from math import prod
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import ConfigDict, Field, model_validator
from typing_extensions import override

from mlforge_tasks.architecture.geometry import (
    Padding,
    Shape,
    ShapeError,
    Work,
    conv_work,
    depthwise_work,
    need_rank,
    separable_work,
    sliding,
    window,
)
from mlforge_tasks.records import Record

Activation: TypeAlias = Literal["relu", "relu6", "tanh", "sigmoid", "linear"]

# The bounds are about twice what fits the largest board here (megabytes of flash); they only keep
# nonsense from reaching Keras. What a contract allows is judged by its limits, not by these.
Units = Annotated[int, Field(strict=True, ge=1, le=1024)]
Filters = Annotated[int, Field(strict=True, ge=1, le=512)]
Kernel = Annotated[int, Field(strict=True, ge=1, le=64)]
KernelSide = Annotated[int, Field(strict=True, ge=1, le=32)]
Kernel2D = tuple[KernelSide, KernelSide]
Stride = Annotated[int, Field(strict=True, ge=1, le=16)]
Dilation = Annotated[int, Field(strict=True, ge=1, le=64)]
PoolSize = Annotated[int, Field(strict=True, ge=2, le=64)]
DropRate = Annotated[float, Field(strict=True, gt=0.0, le=0.9)]


def _require_kind(schema: dict[str, Any]) -> None:
    """`kind` has a default for us; whoever writes JSON must give it."""
    schema["required"] = ["kind", *schema.get("required", ())]


class _Layer(Record):
    """What every layer can say about itself, given the shape it is fed with."""

    model_config = ConfigDict(json_schema_extra=_require_kind)

    def output_shape(self, shape: Shape) -> Shape:
        """The shape that comes out.

        Raises:
            ShapeError: The layer cannot take this input.
        """
        return shape

    def parameters(self, shape: Shape) -> int:
        """Keras' parameter count, the non-trainable ones included."""
        return sum(work.weights + work.channels for work in self.work(shape))

    def work(self, shape: Shape) -> tuple[Work, ...]:  # noqa: ARG002 - the overrides need it
        """The operators it becomes on the device; none for a layer that is folded away."""
        return ()


class Dense(_Layer):
    """Fully connected layer on a flat input."""

    kind: Literal["dense"] = "dense"
    units: Units
    activation: Activation = "relu"

    @override
    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ShapeError("needs a flat input; put flatten or global_average_pool before it")
        return (self.units,)

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        weights = shape[0] * self.units
        return (Work("dense", self.units, weights, weights=weights, channels=self.units),)


class _Window1D(_Layer):
    kernel: Kernel
    stride: Stride = 1
    dilation: Dilation = 1
    padding: Padding = "same"
    activation: Activation = "relu"

    @model_validator(mode="after")
    def _stride_or_dilation(self) -> _Window1D:
        if self.stride > 1 and self.dilation > 1:
            raise ValueError("stride and dilation are not both above 1 (Keras has no such layer)")
        return self

    def _steps(self, shape: Shape) -> int:
        need_rank(shape, 2)
        return window(shape[0], self.kernel, self.stride, self.dilation, self.padding)


class _Window2D(_Layer):
    kernel: Kernel2D
    stride: Stride = 1
    padding: Padding = "same"
    activation: Activation = "relu"

    def _sides(self, shape: Shape) -> Shape:
        need_rank(shape, 3)
        sides = zip(shape[:2], self.kernel, strict=True)
        return tuple(window(side, size, self.stride, 1, self.padding) for side, size in sides)


class Conv1D(_Window1D):
    """Convolution over the steps of a series."""

    kind: Literal["conv1d"] = "conv1d"
    filters: Filters

    @override
    def output_shape(self, shape: Shape) -> Shape:
        return (self._steps(shape), self.filters)

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        output, kernel = self.output_shape(shape), (self.kernel,)
        return (conv_work(shape, output, kernel, self.stride, self.dilation),)


class DepthwiseConv1D(_Window1D):
    """Convolution of each channel on its own."""

    kind: Literal["depthwise_conv1d"] = "depthwise_conv1d"

    @override
    def output_shape(self, shape: Shape) -> Shape:
        return (self._steps(shape), shape[1])

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        output, kernel = self.output_shape(shape), (self.kernel,)
        return (depthwise_work(shape, output, kernel, self.stride, self.dilation),)


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
        output, kernel = self.output_shape(shape), (self.kernel,)
        return separable_work(shape, output, kernel, self.stride, self.dilation)


class Conv2D(_Window2D):
    """Convolution over an image."""

    kind: Literal["conv2d"] = "conv2d"
    filters: Filters

    @override
    def output_shape(self, shape: Shape) -> Shape:
        return (*self._sides(shape), self.filters)

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        return (conv_work(shape, self.output_shape(shape), self.kernel, self.stride),)


class DepthwiseConv2D(_Window2D):
    """Convolution of each channel on its own."""

    kind: Literal["depthwise_conv2d"] = "depthwise_conv2d"

    @override
    def output_shape(self, shape: Shape) -> Shape:
        return (*self._sides(shape), shape[2])

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        return (depthwise_work(shape, self.output_shape(shape), self.kernel, self.stride),)


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
        return separable_work(shape, self.output_shape(shape), self.kernel, self.stride)


class _Pool(_Layer):
    size: PoolSize = 2
    stride: Stride = 2
    padding: Padding = "valid"

    @override
    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 2, 3)
        sides = (window(side, self.size, self.stride, 1, self.padding) for side in shape[:-1])
        return (*sides, shape[-1])

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        output = self.output_shape(shape)
        kernel, size = (self.size,) * (len(shape) - 1), prod(output)
        slide = sliding(output, kernel, self.stride)
        return (Work("pool", size, reads=size * prod(kernel), window=slide),)


class MaxPool(_Pool):
    """Maximum over windows of `size` steps, or `size` x `size` pixels."""

    kind: Literal["max_pool"] = "max_pool"


class AveragePool(_Pool):
    """Mean over windows of `size` steps, or `size` x `size` pixels."""

    kind: Literal["average_pool"] = "average_pool"


class GlobalAveragePool(_Layer):
    """Mean of each channel; the result is flat."""

    kind: Literal["global_average_pool"] = "global_average_pool"

    @override
    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 2, 3)
        return (shape[-1],)

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        return (Work("pool", shape[-1], reads=prod(shape)),)


class Flatten(_Layer):
    """All elements in a row; costs nothing on the device."""

    kind: Literal["flatten"] = "flatten"

    @override
    def output_shape(self, shape: Shape) -> Shape:
        return (prod(shape),)


class Dropout(_Layer):
    """Drops a share of the elements while training; nothing is left of it on the device."""

    kind: Literal["dropout"] = "dropout"
    rate: DropRate


class BatchNorm(_Layer):
    """Normalises each channel over the batch.

    Right after a convolution or dense layer with a linear activation it is folded into the weights
    and costs nothing; elsewhere it stays as a multiplication and an addition.
    """

    kind: Literal["batch_norm"] = "batch_norm"

    @override
    def parameters(self, shape: Shape) -> int:
        return 4 * shape[-1]

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        size, channels = prod(shape), shape[-1]
        one = Work("elementwise", size, reads=size, weights=channels)
        return (one, one)


class Activate(_Layer):
    """An activation on its own, as after `batch_norm`."""

    kind: Literal["activation"] = "activation"
    activation: Activation

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        size = prod(shape)
        return (Work("elementwise", size, reads=size),)


PlainLayer = Annotated[
    Dense
    | Conv1D
    | DepthwiseConv1D
    | SeparableConv1D
    | Conv2D
    | DepthwiseConv2D
    | SeparableConv2D
    | MaxPool
    | AveragePool
    | GlobalAveragePool
    | Flatten
    | Dropout
    | BatchNorm
    | Activate,
    Field(discriminator="kind"),
]


class Residual(Record):
    """Layers whose output is added to their input.

    Where the shapes differ, the shortcut is a projection: a 1x1 convolution with the stride that
    fits (on flat tensors: a dense layer). The activation comes after the addition.
    """

    model_config = ConfigDict(json_schema_extra=_require_kind)

    kind: Literal["residual"] = "residual"
    layers: Annotated[tuple[PlainLayer, ...], Field(min_length=1, max_length=8)]
    activation: Activation = "relu"


Layer = Annotated[PlainLayer | Residual, Field(discriminator="kind")]
LAYER_KINDS = frozenset(
    kind.model_fields["kind"].default for kind in (*get_args(get_args(PlainLayer)[0]), Residual)
)


class Architecture(Record):
    """A network's body, from its input to the last hidden layer.

    The pipeline appends the head itself: a linear dense layer with one unit per output, and a
    softmax for classification. The body must therefore end with a flat tensor.
    """

    layers: Annotated[tuple[Layer, ...], Field(max_length=32)]
