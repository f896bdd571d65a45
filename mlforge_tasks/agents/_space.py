"""Search spaces: a few named choices per kind of input, and the network that they make.

A network is steered by what it is made of as a whole (width, growth, depth, kind of block), not
layer by layer: ten choices say nearly all that thirty would, and a few dozen trials are enough to
learn from. Options run from cheap to dear, so all first options make the smallest network.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from mlforge_tasks.agents._autoencoders import autoencoders
from mlforge_tasks.agents._choices import FAMILY, Choice, Option, Space
from mlforge_tasks.architecture import (
    Activate,
    BatchNorm,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool,
    PlainLayer,
    Residual,
    Score,
    SeparableConv1D,
    SeparableConv2D,
    Shape,
    Task,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_WIDTH = 256


@functools.cache
def space_for(input_shape: Shape, task: Task, score: Score | None = None) -> Space:
    """The space for an input: flat features, a series, or an image; or to tell anomalies by.

    Args:
        input_shape: Shape of one input, without the batch axis.
        task: What a network is for.
        score: What alone anomalies may be told by; None for either.
    """
    if task == "anomaly":
        return autoencoders(input_shape, score)
    if len(input_shape) == 1:
        return _FEATURES
    families: tuple[Option, ...] = ("separable", "conv", "residual")
    kernels: tuple[Option, ...] = (3, 5)
    if len(input_shape) == 2:
        families, kernels = (*families, "dilated"), (3, 5, 7, 9)
    return Space(
        choices=(
            Choice(FAMILY, families, ordered=False),
            Choice("stem_stride", (4, 2, 1)),
            Choice("width", (4, 6, 8, 12, 16, 24, 32, 48)),
            Choice("growth", (1.0, 1.5, 2.0)),
            Choice("blocks", (1, 2, 3, 4)),
            Choice("kernel", kernels),
            Choice("reduce", ("stride", "max_pool", "none"), ordered=False),
            Choice("norm", (0, 1)),
            Choice("tail", ("average", "flatten"), ordered=False),
            Choice("units", (0, 16, 32, 64)),
            Choice("dropout", (0.0, 0.2)),
        ),
        build=_Convolutional(input_shape).build,
    )


def _widths(options: Mapping[str, Option], count: int) -> list[int]:
    width, growth = int(options["width"]), float(options["growth"])
    return [min(MAX_WIDTH, max(2, round(width * growth**index))) for index in range(count)]


def _dropout(options: Mapping[str, Option]) -> list[PlainLayer]:
    rate = float(options["dropout"])
    return [Dropout(rate=rate)] if rate else []


class _Convolutional:
    """Makes convolutional bodies: a stem, blocks of one family, a tail that flattens."""

    # Below this many steps (or rows) there is nothing left to shrink or to look further at.
    SHORTEST = 4

    def __init__(self, input_shape: Shape) -> None:
        self._is_series = len(input_shape) == 2
        self._length = min(input_shape[:-1])

    def build(self, options: Mapping[str, Option]) -> tuple[Layer, ...]:
        """The body for some options."""
        widths = _widths(options, 1 + int(options["blocks"]))
        stem_stride = int(options["stem_stride"])
        layers: list[Layer] = [*self._conv(options, widths[0], stride=stem_stride)]
        length = -(-self._length // stem_stride)
        for index, width in enumerate(widths[1:], start=1):
            shrinks = options["reduce"] != "none" and length > self.SHORTEST
            layers += self._block(options, width, index, length, shrinks=shrinks)
            length = -(-length // 2) if shrinks else length
        layers.append(GlobalAveragePool() if options["tail"] == "average" else Flatten())
        units = int(options["units"])
        if units:
            layers.append(Dense(units=units))
        return (*layers, *_dropout(options))

    def _block(
        self, options: Mapping[str, Option], width: int, index: int, length: int, *, shrinks: bool
    ) -> list[Layer]:
        family = options[FAMILY]
        # A layer with dilation cannot have a stride, so dilated blocks always shrink by pooling.
        pools = shrinks and (options["reduce"] == "max_pool" or family == "dilated")
        stride = 2 if shrinks and not pools else 1
        layers: list[Layer]
        if family == "residual":
            first = self._conv(options, width, stride=stride)
            second = self._conv(options, width, activation="linear")
            layers = [Residual(layers=(*first, *second))]
        else:
            dilation = 2**index if family == "dilated" else 1
            while (int(options["kernel"]) - 1) * dilation >= length and dilation > 1:
                dilation //= 2
            separable = family == "separable"
            layers = [
                *self._conv(options, width, stride=stride, dilation=dilation, separable=separable)
            ]
        return [*layers, MaxPool(padding="same")] if pools else layers

    def _conv(
        self,
        options: Mapping[str, Option],
        filters: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        separable: bool = False,
        activation: str = "relu",
    ) -> list[PlainLayer]:
        norm = bool(options["norm"])
        kernel = int(options["kernel"])
        fields = {
            "filters": filters,
            "kernel": kernel if self._is_series else (kernel, kernel),
            "stride": stride,
            "activation": "linear" if norm else activation,
        }
        if self._is_series:
            fields["dilation"] = dilation
            conv: PlainLayer = (SeparableConv1D if separable else Conv1D).model_validate(fields)
        else:
            conv = (SeparableConv2D if separable else Conv2D).model_validate(fields)
        if not norm:
            return [conv]
        after = (
            [] if activation == "linear" else [Activate.model_validate({"activation": activation})]
        )
        return [conv, BatchNorm(), *after]


def _build_dense(options: Mapping[str, Option]) -> tuple[Layer, ...]:
    activation = options["activation"]
    layers: list[Layer] = []
    widths = _widths(options, 1 + int(options["blocks"]))
    if options[FAMILY] == "bottleneck":
        # As an autoencoder: what matters has to pass through the narrowest layer.
        widths += widths[-2::-1]
    for width in widths:
        dense = Dense.model_validate({"units": width, "activation": activation})
        if options[FAMILY] == "residual" and layers:
            inner = (dense, Dense(units=width, activation="linear"))
            layers.append(Residual.model_validate({"layers": inner, "activation": activation}))
        else:
            layers.append(dense)
    return (*layers, *_dropout(options))


_FEATURES = Space(
    choices=(
        Choice(FAMILY, ("dense", "residual", "bottleneck"), ordered=False),
        Choice("width", (4, 8, 12, 16, 24, 32, 48, 64, 96, 128)),
        Choice("growth", (0.5, 0.7, 1.0)),
        Choice("blocks", (0, 1, 2, 3)),
        Choice("activation", ("relu", "tanh"), ordered=False),
        Choice("dropout", (0.0, 0.2)),
    ),
    build=_build_dense,
)
