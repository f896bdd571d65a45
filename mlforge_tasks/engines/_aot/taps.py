"""Which taps of windows lie on the input, and what those of a layer add up to at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.window import window_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.intervals import Interval
    from mlforge_tasks.engines._aot.window import Axis

    _Integers = NDArray[np.int64]


def _kinds(axis: Axis) -> _Integers:
    """The kinds of windows along an axis: [kind, tap], 1 where the tap lies on the input."""
    first = np.arange(axis.output)[:, None] * axis.stride - axis.before
    at = first + np.arange(axis.kernel) * axis.dilation
    return np.unique(((at >= 0) & (at < axis.input)).astype(np.int64), axis=0)


@dataclass(frozen=True)
class Taps:
    """A layer's weights as products that a window adds up.

    Attributes:
        weights: [output channel, tap row, tap column, input channel]; of a depthwise layer the last
            axis is the one input channel that the output has.
        sources: The input channels of the last axis: all, or by output channel its own.
        rows: Kinds of windows, [kind, tap row], 1 where a tap lies on the input.
        columns: The same of columns.
    """

    weights: _Integers
    sources: _Integers
    rows: _Integers
    columns: _Integers

    def sums(self, products: _Integers) -> _Integers:
        """Sums over the taps of every kind of window.

        Args:
            products: [..., tap row, tap column].

        Returns:
            [..., kind].
        """
        by_row = np.einsum("...yx,ay->...ax", products, self.rows)
        sums: _Integers = np.einsum("...ax,bx->...ab", by_row, self.columns)
        return sums.reshape(*sums.shape[:-2], -1)

    def bounds(self, source: Interval, zero_point: int) -> tuple[_Integers, _Integers]:
        """What windows add up to at least and at most, by output channel, without the bias."""
        low, high = source.low - zero_point, source.high - zero_point
        low, high = low[self.sources][:, None, None], high[self.sources][:, None, None]
        falling, rising = self.weights.clip(max=0), self.weights.clip(0)
        least = (rising * low + falling * high).sum(axis=3)
        most = (rising * high + falling * low).sum(axis=3)
        return self.sums(least).min(axis=1), self.sums(most).max(axis=1)


def _one_window(weights: _Integers, channels: int) -> Taps | None:
    """A dense layer's taps; its input may be all of an image, channel by channel."""
    outputs, inputs = weights.shape
    if inputs % channels:
        return None
    one = np.ones((1, 1), np.int64)
    split = weights.reshape(outputs, 1, -1, channels)
    sources = np.broadcast_to(np.arange(channels), (outputs, channels))
    return Taps(split, sources, one, np.ones((1, split.shape[2]), np.int64))


def taps_of(operator: Operator, graph: Graph) -> Taps | None:
    """Taps of CONV_2D, DEPTHWISE_CONV_2D or FULLY_CONNECTED; None where they are not so regular."""
    source, weights, *_ = graph.inputs_of(operator)
    if weights.data is None or weights.dtype != "int8" or any(weights.affine.zero_points):
        return None
    values = weights.constant.astype(np.int64)
    channels = source.shape[-1]
    if operator.op == "FULLY_CONNECTED":
        return _one_window(values, channels)
    output = graph.output_of(operator)
    axes = window_axes(operator, source, output, (weights.shape[1], weights.shape[2]))
    outputs = output.shape[-1]
    if operator.op == "DEPTHWISE_CONV_2D":
        values = values[0].transpose(2, 0, 1)[..., None]
        sources = np.arange(outputs)[:, None] // (outputs // channels)
    else:
        sources = np.broadcast_to(np.arange(channels), (outputs, channels))
    return Taps(values, sources, _kinds(axes[0]), _kinds(axes[1]))
