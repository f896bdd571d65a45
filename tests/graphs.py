"""Seeded random int8 graphs from the operator list of the aot engine, as `.tflite` bytes.

Each operator is a method of `RandomGraph` that takes a tensor and adds itself with random shapes,
strides, padding, dilation, scales, zero points and fused activation. Scales are mostly such that
outputs use the int8 range; now and then they are far off, for the rare forms of requantisation.
"""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from tests.aot_writer import Quant, Ref
from tests.graph_views import Views

OPERATORS = (
    "ADD",
    "AVERAGE_POOL_2D",
    "CONCATENATION",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "EXPAND_DIMS",
    "FULLY_CONNECTED",
    "HARD_SWISH",
    "LEAKY_RELU",
    "LOGISTIC",
    "MAX_POOL_2D",
    "MEAN",
    "MUL",
    "PACK",
    "PAD",
    "PADV2",
    "PRELU",
    "QUANTIZE",
    "RELU",
    "RELU6",
    "RESHAPE",
    "RESIZE_NEAREST_NEIGHBOR",
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
# Forms of operators that the list has.
EXTRA = ("WIDE_CONV_2D", "PADDED_CONV_2D", "FLOAT_ISLAND")
# Operators that take tensors of four dimensions only.
_IMAGE_ONLY = {
    "AVERAGE_POOL_2D",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "MAX_POOL_2D",
    "PADDED_CONV_2D",
    "RESIZE_NEAREST_NEIGHBOR",
    "TRANSPOSE_CONV",
}
_GROW = {
    "CONCATENATION",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "PACK",
    "PAD",
    "PADV2",
    "RESIZE_NEAREST_NEIGHBOR",
    "TRANSPOSE_CONV",
}
# How many random graphs the tests run; `MLFORGE_GRAPHS=2000` before a release, see
# docs/aot-engine.md.
COUNT = int(os.environ.get("MLFORGE_GRAPHS", "200"))
_MAX_ELEMENTS = 2500
# The reference aborts where the sum of exponentials reaches 512.
_MAX_SOFTMAX_DEPTH = 500
_ACTIVATIONS = (0, 0, 1, 1, 3, 2)  # none, RELU, RELU6, RELU_N1_TO_1
# What networks have, and what kernels of many channels at a time are for.
_WIDE_INPUTS = (16, 32, 64)
_WIDE_OUTPUTS = (16, 24, 32, 48, 64)
_WIDE_PIXELS = 49


class RandomGraph(Views):
    """A random graph under construction."""

    def parameters(
        self, source: Ref, shape: tuple[int, ...], axis: int, channels: int
    ) -> tuple[list[int], Quant, float]:
        """Weights and perhaps a bias; the quantisation of what they make, and its size."""
        count = self.pick(1, channels, channels)
        scales = np.exp(self.rng.uniform(-7, -3, count)).astype(np.float32)
        values = self.rng.integers(-127, 128, shape).astype(np.int8)
        taps = math.prod(shape) // channels
        typical = float(np.median(scales)) * 73 * source.rms * math.sqrt(taps)
        inputs = [source.index, self.writer.constant(values, scales, [0] * count, axis)]
        if self.rng.random() < 0.85:
            bias_scales = (scales * source.quant.scale).astype(np.float32)
            spread = 2 * typical / float(np.median(bias_scales))
            bias = self.rng.uniform(-spread, spread, channels).clip(-(2**29), 2**29)
            zeros = [0] * count
            inputs.append(self.writer.constant(bias.astype(np.int32), bias_scales, zeros))
        return inputs, self.quant(typical), typical

    def window(self, source: Ref, kernel: tuple[int, int]) -> tuple[dict[str, int], list[int]]:
        """Random strides, dilation and padding of a window; the options and the output's size."""
        stride = [self.pick(1, 1, 2, 3) for _ in range(2)]
        dilation = [self.pick(1, 1, 1, 2, 3) for _ in range(2)]
        spans = [(kernel[i] - 1) * dilation[i] + 1 for i in range(2)]
        fits = all(spans[i] <= source.shape[1 + i] for i in range(2))
        valid = fits and self.rng.random() < 0.4
        sizes = [
            -(-(source.shape[1 + i] - (spans[i] - 1 if valid else 0)) // stride[i])
            for i in range(2)
        ]
        options = {
            "padding": int(valid),
            "strideH": stride[0],
            "strideW": stride[1],
            "dilationHFactor": dilation[0],
            "dilationWFactor": dilation[1],
            "fusedActivationFunction": self.pick(*_ACTIVATIONS),
        }
        return options, sizes

    def kernel(self) -> tuple[int, int]:
        """A random kernel size."""
        common = self.pick((1, 1), (3, 3), (3, 3), None)
        return common or (int(self.rng.integers(1, 6)), int(self.rng.integers(1, 6)))

    def conv_2d(self, source: Ref) -> Ref:
        """Dense convolution, the one-dimensional forms included."""
        kernel = self.kernel()
        channels = int(self.rng.integers(1, 14))
        if source.shape[1] * source.shape[2] <= _WIDE_PIXELS and self.rng.random() < 0.4:
            channels = self.pick(*_WIDE_OUTPUTS)
        shape = (channels, *kernel, source.shape[3])
        inputs, quant, rms = self.parameters(source, shape, 0, channels)
        options, sizes = self.window(source, kernel)
        ref = self.writer.activation((1, *sizes, channels), quant, rms)
        return self.output("CONV_2D", inputs, ref, schema.Conv2DOptionsT(**options))

    def wide_conv_2d(self, source: Ref) -> Ref:
        """The convolutions of common networks: 3x3 and 1x1, one stride, no dilation."""
        size, stride = self.pick(1, 3, 3), self.pick(1, 1, 2)
        valid = size <= min(source.shape[1:3]) and self.rng.random() < 0.3
        channels = self.pick(*_WIDE_OUTPUTS)
        inputs, quant, rms = self.parameters(
            source, (channels, size, size, source.shape[3]), 0, channels
        )
        short = size - 1 if valid else 0
        sizes = [-(-(each - short) // stride) for each in source.shape[1:3]]
        ref = self.writer.activation((1, *sizes, channels), quant, rms)
        options = schema.Conv2DOptionsT(
            padding=int(valid),
            strideH=stride,
            strideW=stride,
            fusedActivationFunction=self.pick(*_ACTIVATIONS),
        )
        return self.output("CONV_2D", inputs, ref, options)

    def padded_conv_2d(self, source: Ref) -> Ref:
        """An explicit border of zero points, and a convolution without a border of its own."""
        counts = np.zeros((4, 2), np.int32)
        counts[1:3] = self.rng.integers(0, 4, (2, 2))
        shape = tuple(int(n + c.sum()) for n, c in zip(source.shape, counts, strict=True))
        ref = self.writer.activation(shape, source.quant, source.rms)
        inputs = [source.index, self.writer.constant(counts)]
        padded = self.output("PAD", inputs, ref, schema.PadOptionsT())
        return (self.conv_2d, self.depthwise_conv_2d, self.wide_conv_2d)[self.pick(0, 1, 2)](padded)

    def transpose_conv(self, source: Ref) -> Ref:
        """Transposed convolution."""
        kernel = self.kernel()
        stride = [self.pick(1, 2, 2, 3) for _ in range(2)]
        channels = int(self.rng.integers(1, 14))
        shape = (channels, *kernel, source.shape[3])
        inputs, quant, rms = self.parameters(source, shape, 0, channels)
        same = self.rng.random() < 0.6
        grown = [0 if same else max(kernel[i] - stride[i], 0) for i in range(2)]
        sizes = [source.shape[1 + i] * stride[i] + grown[i] for i in range(2)]
        ref = self.writer.activation((1, *sizes, channels), quant, rms)
        options = schema.TransposeConvOptionsT(
            padding=0 if same else 1, strideH=stride[0], strideW=stride[1]
        )
        where = self.writer.constant(np.array([1, *sizes, channels], np.int32))
        operands = [where, inputs[1], source.index, *inputs[2:]]
        return self.output("TRANSPOSE_CONV", operands, ref, options)

    def depthwise_conv_2d(self, source: Ref) -> Ref:
        """Depthwise convolution with a multiplier."""
        kernel = self.kernel()
        multiplier = self.pick(1, 1, 2, 3)
        channels = source.shape[3] * multiplier
        inputs, quant, rms = self.parameters(source, (1, *kernel, channels), 3, channels)
        options, sizes = self.window(source, kernel)
        ref = self.writer.activation((1, *sizes, channels), quant, rms)
        settings = schema.DepthwiseConv2DOptionsT(depthMultiplier=multiplier, **options)
        return self.output("DEPTHWISE_CONV_2D", inputs, ref, settings)

    def fully_connected(self, source: Ref) -> Ref:
        """A dense layer; now and then over many rows."""
        rows = source.shape[:-1] if self.rng.random() < 0.3 else (1,)
        size = math.prod(source.shape)
        outputs = int(self.rng.integers(1, 20))
        shape = (outputs, size // math.prod(rows))
        inputs, quant, rms = self.parameters(source, shape, 0, outputs)
        ref = self.writer.activation((*rows, outputs), quant, rms)
        options = schema.FullyConnectedOptionsT(
            fusedActivationFunction=self.pick(*_ACTIVATIONS), keepNumDims=len(rows) > 1
        )
        return self.output("FULLY_CONNECTED", inputs, ref, options)

    def pool(self, op: str, source: Ref) -> Ref:
        """Pooling, often over everything."""
        kernel = self.pick(self.kernel(), (2, 2), source.shape[1:3])
        options, _ = self.window(source, kernel)
        options["dilationHFactor"] = options["dilationWFactor"] = 1
        fits = all(kernel[i] <= source.shape[1 + i] for i in range(2))
        options["padding"] = int(bool(options["padding"]) and fits)
        short = [kernel[i] - 1 if options["padding"] else 0 for i in range(2)]
        strides = (options["strideH"], options["strideW"])
        sizes = [-(-(source.shape[1 + i] - short[i]) // strides[i]) for i in range(2)]
        del options["dilationHFactor"], options["dilationWFactor"]
        shape = (1, *sizes, source.shape[3])
        ref = self.writer.activation(shape, source.quant, source.rms)
        settings = schema.Pool2DOptionsT(filterHeight=kernel[0], filterWidth=kernel[1], **options)
        return self.output(op, [source.index], ref, settings)

    def average_pool_2d(self, source: Ref) -> Ref:
        """Average pooling."""
        return self.pool("AVERAGE_POOL_2D", source)

    def max_pool_2d(self, source: Ref) -> Ref:
        """Maximum pooling."""
        return self.pool("MAX_POOL_2D", source)

    def operand(self, source: Ref) -> Ref:
        """A second operand: an earlier tensor of that shape, or a constant that may broadcast."""
        same = [ref for ref in self.made if ref.shape == source.shape]
        if same and self.rng.random() < 0.5:
            return same[int(self.rng.integers(len(same)))]
        shape = tuple(self.pick(size, size, 1) for size in source.shape)
        shape = shape[int(self.rng.integers(len(shape))) if self.rng.random() < 0.3 else 0 :]
        quant = self.quant(source.rms * float(np.exp(self.rng.uniform(-2, 2))))
        values = self.rng.integers(-128, 128, shape).astype(np.int8)
        index = self.writer.constant(values, [quant.scale], [quant.zero_point])
        return Ref(index, shape, quant, 74 * float(quant.scale))

    def sum(self, op: str, source: Ref, options: Any) -> Ref:
        """ADD or SUB; the reference wants no output scale far below the inputs'."""
        other = self.operand(source)
        largest = max(float(source.quant.scale), float(other.quant.scale))
        quant = self.quant(math.hypot(source.rms, other.rms))
        quant = Quant(np.float32(max(float(quant.scale), largest / 1000)), quant.zero_point)
        ref = self.writer.activation(source.shape, quant, math.hypot(source.rms, other.rms))
        inputs = [source.index, other.index]
        return self.output(op, inputs if self.rng.random() < 0.7 else inputs[::-1], ref, options)

    def add(self, source: Ref) -> Ref:
        """Addition."""
        activation = self.pick(*_ACTIVATIONS)
        return self.sum("ADD", source, schema.AddOptionsT(fusedActivationFunction=activation))

    def sub(self, source: Ref) -> Ref:
        """Subtraction."""
        activation = self.pick(*_ACTIVATIONS)
        return self.sum("SUB", source, schema.SubOptionsT(fusedActivationFunction=activation))

    def mul(self, source: Ref) -> Ref:
        """Multiplication."""
        other = self.operand(source)
        rms = source.rms * other.rms
        ref = self.writer.activation(source.shape, self.quant(rms), rms)
        options = schema.MulOptionsT(fusedActivationFunction=self.pick(*_ACTIVATIONS))
        return self.output("MUL", [source.index, other.index], ref, options)

    def softmax(self, source: Ref) -> Ref:
        """Softmax along the last axis."""
        options = schema.SoftmaxOptionsT(beta=self.pick(1.0, 1.0, 0.3, 2.0))
        ref = self.unary("SOFTMAX", source, Quant(np.float32(1 / 256), -128), options)
        return Ref(ref.index, ref.shape, ref.quant, 0.3)

    def logistic(self, source: Ref) -> Ref:
        """Logistic function."""
        ref = self.unary("LOGISTIC", source, Quant(np.float32(1 / 256), -128))
        return Ref(ref.index, ref.shape, ref.quant, 0.6)

    def tanh(self, source: Ref) -> Ref:
        """Hyperbolic tangent."""
        ref = self.unary("TANH", source, Quant(np.float32(1 / 128), 0))
        return Ref(ref.index, ref.shape, ref.quant, 0.6)

    def relu(self, source: Ref) -> Ref:
        """ReLU, with and without a change of scale."""
        return self.unary("RELU", source, self.pick(None, self.quant(source.rms)))

    def relu6(self, source: Ref) -> Ref:
        """ReLU6."""
        return self.unary("RELU6", source)

    def hard_swish(self, source: Ref) -> Ref:
        """HARD_SWISH; the reference wants no output scale far below the input's."""
        quant = self.quant(source.rms)
        scale = max(float(quant.scale), float(source.quant.scale) / 127)
        return self.unary("HARD_SWISH", source, Quant(np.float32(scale), quant.zero_point))

    def leaky_relu(self, source: Ref) -> Ref:
        """LEAKY_RELU, of any slope."""
        options = schema.LeakyReluOptionsT(alpha=self.pick(0.3, 0.01, float(self.rng.normal())))
        return self.unary("LEAKY_RELU", source, self.quant(source.rms), options)

    def prelu(self, source: Ref) -> Ref:
        """PRELU, its slopes shared along some axes."""
        shape = tuple(self.pick(size, 1) for size in source.shape[1:])
        values = self.rng.integers(-128, 128, shape).astype(np.int8)
        zero_point = int(self.rng.integers(-128, 128))
        alpha = self.writer.constant(values, [float(self.rng.uniform(0.001, 0.02))], [zero_point])
        ref = self.writer.activation(source.shape, self.quant(source.rms), source.rms)
        return self.output("PRELU", [source.index, alpha], ref)

    def quantize(self, source: Ref) -> Ref:
        """Another scale."""
        return self.unary("QUANTIZE", source, self.quant(source.rms), schema.QuantizeOptionsT())

    def float_island(self, source: Ref) -> Ref:
        """A tensor that is split in float, with another scale for each half."""
        axis, size = len(source.shape) - 1, source.shape[-1]
        count = 2 if size % 2 == 0 else 1
        floats = self.writer.float_activation(source.shape)
        self.writer.operator("DEQUANTIZE", [source.index], [floats])
        shape = (*source.shape[:-1], size // count)
        halves = [self.writer.float_activation(shape) for _ in range(count)]
        where = self.writer.constant(np.array(axis, np.int32))
        options = schema.SplitOptionsT(numSplits=count)
        self.writer.operator("SPLIT", [where, floats], halves, options)
        for half in halves:
            ref = self.writer.activation(shape, self.quant(source.rms), source.rms)
            self.made.append(self.output("QUANTIZE", [half], ref, schema.QuantizeOptionsT()))
        return self.made.pop()

    def mean(self, source: Ref) -> Ref:
        """Mean over one or two axes, neighbours or not."""
        rank = len(source.shape)
        first = min(1, rank - 1)
        axes = sorted({int(self.rng.integers(first, rank)) for _ in range(self.pick(1, 2, 2))})
        keep = bool(rank == 1 or self.rng.random() < 0.5)
        kept = (1 if i in axes else size for i, size in enumerate(source.shape))
        gone = (size for i, size in enumerate(source.shape) if i not in axes)
        rms = source.rms / math.sqrt(math.prod(source.shape[axis] for axis in axes))
        ref = self.writer.activation(tuple(kept if keep else gone), self.quant(rms), rms)
        negative = self.rng.random() < 0.3
        values = np.array([axis - rank if negative else axis for axis in axes], np.int32)
        inputs = [source.index, self.writer.constant(values)]
        return self.output("MEAN", inputs, ref, schema.ReducerOptionsT(keepDims=keep))

    def padding(self, op: str, source: Ref, options: Any) -> Ref:
        """Adds values around a tensor."""
        counts = self.rng.integers(0, 3, (len(source.shape), 2)).astype(np.int32)
        counts[self.rng.random(len(source.shape)) < 0.4] = 0
        counts[0] = 0
        shape = tuple(int(n + c.sum()) for n, c in zip(source.shape, counts, strict=True))
        ref = self.writer.activation(shape, source.quant, source.rms)
        inputs = [source.index, self.writer.constant(counts)]
        if op == "PADV2":
            value = self.rng.integers(-128, 128, (1,)).astype(np.int8)
            quant = source.quant
            inputs.append(self.writer.constant(value, [quant.scale], [quant.zero_point]))
        return self.output(op, inputs, ref, options)

    def pad(self, source: Ref) -> Ref:
        """Padding with zero points."""
        return self.padding("PAD", source, schema.PadOptionsT())

    def padv2(self, source: Ref) -> Ref:
        """Padding with a value."""
        return self.padding("PADV2", source, schema.PadV2OptionsT())

    def concatenation(self, source: Ref) -> Ref:
        """A tensor and others of its shape, brought to its scale."""
        axis = int(self.rng.integers(min(1, len(source.shape) - 1), len(source.shape)))
        parts = [source]
        for other in self.made:
            if other.shape == source.shape and other.index != source.index and len(parts) < 4:
                same = self.unary("QUANTIZE", other, source.quant, schema.QuantizeOptionsT())
                parts.insert(int(self.rng.integers(len(parts) + 1)), same)
        if len(parts) == 1:
            parts = [source, source]
        shape = list(source.shape)
        shape[axis] *= len(parts)
        ref = self.writer.activation(tuple(shape), source.quant, source.rms)
        options = schema.ConcatenationOptionsT(axis=self.pick(axis, axis - len(shape)))
        return self.output("CONCATENATION", [part.index for part in parts], ref, options)

    def reshape(self, source: Ref) -> Ref:
        """Flattens, or folds into an image."""
        size = math.prod(source.shape)
        side = max(d for d in range(1, 13) if size % d == 0)
        shape = self.pick((1, size), (1, side, size // side, 1), (1, 1, size // side, side))
        options = schema.ReshapeOptionsT(newShape=list(shape))
        return self.reshaped("RESHAPE", source, shape, shape, options)

    def squeeze(self, source: Ref) -> Ref:
        """Takes an axis of size 1 away, if there is one besides the batch."""
        ones = [i for i, size in enumerate(source.shape) if size == 1 and i > 0]
        if not ones:
            return self.reshape(source)
        axis = self.pick(*ones)
        shape = source.shape[:axis] + source.shape[axis + 1 :]
        options = schema.SqueezeOptionsT(squeezeDims=[axis])
        return self.reshaped("SQUEEZE", source, shape, None, options)

    def expand_dims(self, source: Ref) -> Ref:
        """Adds an axis of size 1."""
        if len(source.shape) >= 4:
            return self.reshape(source)
        axis = int(self.rng.integers(1, len(source.shape) + 1))
        shape = (*source.shape[:axis], 1, *source.shape[axis:])
        return self.reshaped("EXPAND_DIMS", source, shape, [axis], schema.ExpandDimsOptionsT())


def wide_shape(rng: np.random.Generator) -> tuple[int, ...]:
    """A small image of as many channels as networks have."""
    channels = _WIDE_INPUTS[int(rng.integers(len(_WIDE_INPUTS)))]
    return (1, *(int(n) for n in rng.integers(1, 9, 2)), channels)


def random_shape(rng: np.random.Generator) -> tuple[int, ...]:
    """An input: an image, a sequence or a vector."""
    kind = int(rng.integers(5))
    if kind == 0:
        return (1, int(rng.integers(1, 200)))
    if kind == 1:
        return (1, 1, int(rng.integers(2, 60)), int(rng.integers(1, 10)))
    if kind == 2:
        return wide_shape(rng)
    return (1, *(int(n) for n in rng.integers(1, 13, 2)), int(rng.integers(1, 13)))


def single_operator(op: str, seed: int) -> bytes:
    """A model of one operator (CONCATENATION brings QUANTIZE along).

    Of the extra operators, WIDE_CONV_2D has the shapes of common networks, PADDED_CONV_2D brings
    PAD along, and FLOAT_ISLAND splits a tensor in float.
    """
    graph = RandomGraph(seed)
    shape = (wide_shape if op == "WIDE_CONV_2D" else random_shape)(graph.rng)
    while op in _IMAGE_ONLY and len(shape) != 4:
        shape = random_shape(graph.rng)
    graph.apply(op, graph.start(shape))
    return graph.finish()


def random_graph(seed: int) -> bytes:
    """A model of 2 to 10 operators, with branches."""
    graph = RandomGraph(seed)
    last = graph.start(random_shape(graph.rng))
    for _ in range(int(graph.rng.integers(2, 11))):
        source = last if graph.rng.random() < 0.8 else graph.pick(*graph.made)
        image = len(source.shape) == 4
        small = math.prod(source.shape) < _MAX_ELEMENTS
        possible = [op for op in OPERATORS if (image or op not in _IMAGE_ONLY)]
        possible = [op for op in possible if small or op not in _GROW]
        if source.shape[-1] > _MAX_SOFTMAX_DEPTH:
            possible.remove("SOFTMAX")
        possible += ["CONV_2D"] * (3 * image * small)
        possible += ["WIDE_CONV_2D"] * (6 * image * (source.shape[-1] in _WIDE_INPUTS))
        possible += ["FLOAT_ISLAND", *["PADDED_CONV_2D"] * (2 * image * small)]
        last = graph.apply(graph.pick(*possible), source)
    return graph.finish()
