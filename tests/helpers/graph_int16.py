"""Random graphs of int16 values and int8 weights, as the converter's 16x8 mode makes them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from tests.helpers import graphs
from tests.helpers.aot_writer import Quant, Ref, Writer

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Those that the reference has for int16.
OPERATORS = (
    "ADD",
    "AVERAGE_POOL_2D",
    "BROADCAST_TO",
    "CONCATENATION",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "EXPAND_DIMS",
    "FULLY_CONNECTED",
    "LEAKY_RELU",
    "LOGISTIC",
    "MAX_POOL_2D",
    "MEAN",
    "MUL",
    "PACK",
    "PAD",
    "QUANTIZE",
    "RELU",
    "RELU6",
    "RESHAPE",
    "RESIZE_NEAREST_NEIGHBOR",
    "SLICE",
    "SOFTMAX",
    "SPLIT",
    "SPLIT_V",
    "SQUEEZE",
    "STRIDED_SLICE",
    "SUB",
    "TANH",
    "TRANSPOSE",
    "TRANSPOSE_CONV",
    "UNPACK",
)
EXTRA = (
    *("PADDED_CONV_2D", "WIDE_CONV_2D", "GROUPED_CONV_2D"),
    *("THROUGH_INT8", "NARROW_BIAS_CONV_2D", "NARROW_BIAS_FULLY_CONNECTED"),
)
_UNIT = Quant(np.float32(1 / 32768), 0)
# Of 32-bit biases and sums: what a hundred taps or so make fits.
_NARROW_TAPS = 400


class WideWriter(Writer):
    """Values are int16, biases int64, weights int8."""

    narrow_biases = False

    def activation(self, shape: tuple[int, ...], quant: Quant, rms: float) -> Ref:
        """A tensor that an operator, or the caller of the model, fills."""
        return self.value(shape, quant, rms, schema.TensorType.INT16)

    def constant(
        self,
        values: NDArray[Any],
        scales: Any = None,
        zero_points: Any = None,
        axis: int = 0,
    ) -> int:
        """A constant; int32 ones that have scales are biases."""
        if values.dtype == np.int32 and scales is not None and not self.narrow_biases:
            values = values.astype(np.int64)
        return super().constant(values, scales, zero_points, axis)


class WideGraph(graphs.RandomGraph):
    """A random graph of int16 values under construction."""

    writer: WideWriter

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.writer = WideWriter()

    def quant(self, rms: float) -> Quant:
        """A scale under which values of that size fill the int16 range, mostly."""
        common = self.rng.random() < 0.9
        steps = self.rng.uniform(3000, 15000) if common else np.exp(self.rng.uniform(0, 12))
        return Quant(np.float32(max(rms / steps, 1e-9)), 0)

    def perhaps_int4(self, inputs: list[int]) -> None:
        """None: the reference takes weights of four bits for int8 values alone."""

    def perhaps_asymmetric(self, inputs: list[int]) -> None:
        """None: weights have no zero point there."""

    def start(self, shape: tuple[int, ...]) -> Ref:
        """The model's input."""
        ref = super().start(shape)
        self.made = [Ref(ref.index, ref.shape, ref.quant, float(ref.quant.scale) * 19000)]
        return self.made[0]

    def operand(self, source: Ref) -> Ref:
        """A second operand: an earlier tensor of that shape, or a constant that may broadcast."""
        same = [ref for ref in self.made if ref.shape == source.shape]
        if same and self.rng.random() < 0.5:
            return same[int(self.rng.integers(len(same)))]
        shape = tuple(self.pick(size, size, 1) for size in source.shape)
        quant = self.quant(source.rms * float(np.exp(self.rng.uniform(-2, 2))))
        values = self.rng.integers(-32768, 32768, shape).astype(np.int16)
        index = self.writer.constant(values, [quant.scale], [0])
        return Ref(index, shape, quant, 19000 * float(quant.scale))

    def unary(self, op: str, source: Ref, quant: Quant | None = None, options: Any = None) -> Ref:
        """Adds an operator that keeps the shape; of some the scale is fixed."""
        fixed = {"LOGISTIC", "TANH", "SOFTMAX"}
        return super().unary(op, source, _UNIT if op in fixed else quant, options)

    def mean(self, source: Ref) -> Ref:
        """Mean over one axis, or over two that are neighbours."""
        rank = len(source.shape)
        first = int(self.rng.integers(min(1, rank - 1), rank))
        axes = [first] if rank == 1 or self.rng.random() < 0.5 else [max(first - 1, 1), first]
        kept = tuple(1 if i in axes else size for i, size in enumerate(source.shape))
        ref = self.writer.activation(kept, self.quant(source.rms / 2), source.rms / 2)
        values = np.array(sorted(set(axes)), np.int32)
        inputs = [source.index, self.writer.constant(values)]
        return self.output("MEAN", inputs, ref, schema.ReducerOptionsT(keepDims=True))

    def through_int8(self, source: Ref) -> Ref:
        """To int8 and back."""
        quant = Quant(np.float32(source.rms / 40), int(self.rng.integers(-128, 128)))
        ref = self.writer.value(source.shape, quant, source.rms, schema.TensorType.INT8)
        options = schema.QuantizeOptionsT()
        narrow = self.output("QUANTIZE", [source.index], ref, options)
        return self.unary("QUANTIZE", narrow, self.quant(source.rms), options)

    def narrow_bias_conv_2d(self, source: Ref) -> Ref:
        """A convolution that the reference adds up in 32 bits."""
        channels = int(self.rng.integers(1, 9))
        taps = min(source.shape[3], _NARROW_TAPS)
        if taps < source.shape[3]:
            return self.conv_2d(source)
        self.writer.narrow_biases = True
        inputs, quant, rms = self.parameters(source, (channels, 1, 1, taps), 0, channels)
        self.writer.narrow_biases = False
        ref = self.writer.activation((*source.shape[:3], channels), quant, rms)
        options = schema.Conv2DOptionsT(strideH=1, strideW=1, fusedActivationFunction=1)
        return self.output("CONV_2D", inputs, ref, options)

    def narrow_bias_fully_connected(self, source: Ref) -> Ref:
        """A dense layer that the reference adds up in 32 bits, as onnx2tf makes them."""
        self.writer.narrow_biases = math.prod(source.shape) <= _NARROW_TAPS
        made = self.fully_connected(source)
        self.writer.narrow_biases = False
        return made


def single_operator(op: str, seed: int) -> bytes:
    """A model of one operator."""
    graph = WideGraph(seed)
    image = op in {"NARROW_BIAS_CONV_2D"} | graphs.IMAGE_ONLY
    shape = graphs.random_shape(graph.rng)
    while image and len(shape) != 4:
        shape = graphs.random_shape(graph.rng)
    if op == "WIDE_CONV_2D":
        shape = graphs.wide_shape(graph.rng)
    graph.apply(op, graph.start(shape))
    return graph.finish()


def random_graph(seed: int) -> bytes:
    """A model of 2 to 8 operators, with branches."""
    graph = WideGraph(seed)
    last = graph.start(graphs.random_shape(graph.rng))
    for _ in range(int(graph.rng.integers(2, 9))):
        source = last if graph.rng.random() < 0.8 else graph.pick(*graph.made)
        possible = [*graphs.fitting(OPERATORS, source), "THROUGH_INT8"]
        last = graph.apply(graph.pick(*possible), source)
    return graph.finish()
