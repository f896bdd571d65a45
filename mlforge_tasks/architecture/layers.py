"""The layers an agent may propose: data with strict bounds, never code."""

from __future__ import annotations

from math import prod
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from typing_extensions import override

from mlforge_tasks.architecture.base import (
    Activation,
    BaseLayer,
    Clusters,
    DropRate,
    PoolSize,
    Stride,
    Units,
    require_kind,
)
from mlforge_tasks.architecture.convolution import (
    Conv1D,
    Conv2D,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from mlforge_tasks.architecture.geometry import (
    Padding,
    Shape,
    ShapeError,
    Work,
    need_rank,
    sliding,
    window,
)
from mlforge_tasks.records import Record


class Dense(BaseLayer):
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


class _Pool(BaseLayer):
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
        slide = sliding(shape[:-1], output[:-1], kernel, self.stride, padding=self.padding)
        return (Work("pool", size, reads=size * prod(kernel), window=slide),)


class MaxPool(_Pool):
    """Maximum over windows of `size` steps, or `size` x `size` pixels."""

    kind: Literal["max_pool"] = "max_pool"


class AveragePool(_Pool):
    """Mean over windows of `size` steps, or `size` x `size` pixels."""

    kind: Literal["average_pool"] = "average_pool"


class GlobalAveragePool(BaseLayer):
    """Mean of each channel; the result is flat."""

    kind: Literal["global_average_pool"] = "global_average_pool"

    @override
    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 2, 3)
        return (shape[-1],)

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        return (Work("pool", shape[-1], reads=prod(shape)),)


class Flatten(BaseLayer):
    """All elements in a row; costs nothing on the device."""

    kind: Literal["flatten"] = "flatten"

    @override
    def output_shape(self, shape: Shape) -> Shape:
        return (prod(shape),)


class Dropout(BaseLayer):
    """Drops a share of the elements while training; nothing is left of it on the device."""

    kind: Literal["dropout"] = "dropout"
    rate: DropRate


class BatchNorm(BaseLayer):
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


class Activate(BaseLayer):
    """An activation on its own, as after `batch_norm`."""

    kind: Literal["activation"] = "activation"
    activation: Activation

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        size = prod(shape)
        return (Work("elementwise", size, reads=size),)


class KMeans(BaseLayer):
    """The distance of an input from the nearest centroid of what is normal, as an anomaly's score.

    It has no network: the model hands its input on, and the score is computed from that.
    """

    kind: Literal["k_means"] = "k_means"
    clusters: Clusters

    @override
    def output_shape(self, shape: Shape) -> Shape:
        """Flat, but never the input's own: a network without any operator cannot be converted."""
        return (prod(shape),) if len(shape) > 1 else (1, *shape)

    @override
    def work(self, shape: Shape) -> tuple[Work, ...]:
        size = prod(shape)
        macs = self.clusters * size
        return (Work("distance", size, macs, weights=macs),)


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

    Attributes:
        kind: Which layer it is.
        layers: What is added to the input; none of them is `residual` or `k_means`.
        activation: What follows the addition.
    """

    model_config = ConfigDict(json_schema_extra=require_kind)

    kind: Literal["residual"] = "residual"
    layers: Annotated[tuple[PlainLayer, ...], Field(min_length=1, max_length=8)]
    activation: Activation = "relu"


Layer = Annotated[PlainLayer | Residual | KMeans, Field(discriminator="kind")]
Layers = Annotated[tuple[Layer, ...], Field(max_length=32)]


class Architecture(Record):
    """A network's body, from its input to the last hidden layer.

    The pipeline appends the head itself: a linear dense layer with one unit per output, and a
    softmax for classification. The body must therefore end with a flat tensor. `k_means` is all of
    a body, and has no head.
    """

    layers: Layers
