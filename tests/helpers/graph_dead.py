"""Random graphs many of whose channels are the same whatever the input, as trained networks have.

The weights of such a channel are all zero, and the converter gives it a tiny scale; or its bias is
so far below zero that a ReLU leaves nothing.
"""

from __future__ import annotations

import math

import numpy as np

from tests.helpers import graphs
from tests.helpers.aot_writer import Quant, Ref

# Most of them keep channels apart, so that a dead one comes a long way.
_STEPS = (
    *("CONV_2D",) * 5,
    *("DEPTHWISE_CONV_2D",) * 4,
    *("FULLY_CONNECTED", "ADD", "ADD", "SUB", "MUL", "CONCATENATION", "CONCATENATION", "MEAN"),
    *("AVERAGE_POOL_2D", "MAX_POOL_2D", "RELU", "RELU6", "QUANTIZE", "LEAKY_RELU", "TANH"),
    *("HARD_SWISH", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "PAD", "PADV2", "PADDED_CONV_2D"),
    "GROUPED_CONV_2D",
    *("RESIZE_NEAREST_NEIGHBOR", "TRANSPOSE_CONV", "LOGISTIC", "SOFTMAX", "PRELU", "SPLIT"),
    *("ABS", "DIV", "L2_NORMALIZATION", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "SUM"),
    *("CHOICE", "FLOAT_FUNCTION"),
)
_TINY = (1e-10, 3e-9, 1e-8)


class DeadGraph(graphs.RandomGraph):
    """A random graph whose layers have dead channels."""

    def parameters(
        self, source: Ref, shape: tuple[int, ...], axis: int, channels: int
    ) -> tuple[list[int], Quant, float]:
        """As of every layer, some channels dead or deaf to some of their inputs."""
        rng = self.rng
        scales = np.exp(rng.uniform(-7, -3, channels)).astype(np.float32)
        values = np.moveaxis(rng.integers(-127, 128, shape).astype(np.int8), axis, 0)
        typical = float(np.median(scales)) * 73 * source.rms * math.sqrt(values[0].size)
        bias = rng.uniform(-2, 2, channels) * typical
        shares = self.pick((0.5, 0.2), (0.9, 0), (0.1, 0.5))
        zero, sunk = (rng.random(channels) < share for share in shares)
        values[zero] = 0
        scales[zero & (rng.random(channels) < 0.8)] = self.pick(*_TINY)
        bias[sunk] = -40 * typical
        if axis == 0 and rng.random() < 0.3:
            values[..., rng.random(values.shape[-1]) < 0.5] = 0
        one = rng.random() < 0.1
        scales = scales[:1] if one else scales
        steps = (scales * source.quant.scale).astype(np.float32)
        counts = (bias / steps).clip(-(2**30), 2**30).astype(np.int32)
        zeros = [0] * len(scales)
        weights = self.writer.constant(
            np.ascontiguousarray(np.moveaxis(values, 0, axis)), scales, zeros, axis
        )
        inputs = [source.index, weights, self.writer.constant(counts, steps, zeros)]
        return inputs, self.quant(typical), typical


def dead_graph(seed: int) -> bytes:
    """A model of 3 to 10 operators, with branches, that ends in a dense layer."""
    graph = DeadGraph(seed)
    last = graph.start(graphs.random_shape(graph.rng))
    for _ in range(int(graph.rng.integers(2, 10))):
        source = last if graph.rng.random() < 0.85 else graph.pick(*graph.made)
        last = graph.apply(graph.pick(*graphs.fitting(_STEPS, source)), source)
    if len(last.shape) == 1:
        last = graph.apply("RESHAPE", last)
    graph.apply("FULLY_CONNECTED", last)
    return graph.finish()


def any_graph(seed: int) -> bytes:
    """A random graph; some have dead channels, pointwise or recurrent layers, several ends."""
    if seed % 8 == 3:
        return graphs.pointwise_graph(seed)
    if seed % 8 == 6:
        return graphs.several_graph(seed)
    if seed % 16 == 12:
        return graphs.recurrent_graph(seed)
    return dead_graph(seed) if seed % 8 == 5 else graphs.random_graph(seed)
