"""Seeded random int8 graphs from the operator list of the aot engine, as `.tflite` bytes.

Each operator is a method of `RandomGraph` that takes a tensor and adds itself with random shapes,
strides, padding, dilation, scales, zero points and fused activation. Scales are mostly such that
outputs use the int8 range; now and then they are far off, for the rare forms of requantisation.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from tests.helpers.aot_writer import Quant, Ref
from tests.helpers.graph_elementwise import Elementwise
from tests.helpers.graph_layers import ACTIVATIONS, WIDE_INPUTS, Layers
from tests.helpers.graph_moves import Moves
from tests.helpers.graph_states import States
from tests.helpers.graph_views import Views

if TYPE_CHECKING:
    from collections.abc import Sequence

OPERATORS = (
    "ABS",
    "ADD",
    "ASSIGN_VARIABLE",
    "AVERAGE_POOL_2D",
    "BATCH_MATMUL",
    "BATCH_TO_SPACE_ND",
    "BROADCAST_TO",
    "CONCATENATION",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "DEPTH_TO_SPACE",
    "DIV",
    "ELU",
    "EXPAND_DIMS",
    "FULLY_CONNECTED",
    "GATHER",
    "GATHER_ND",
    "HARD_SWISH",
    "L2_NORMALIZATION",
    "LEAKY_RELU",
    "LOGISTIC",
    "LOG_SOFTMAX",
    "MAXIMUM",
    "MAX_POOL_2D",
    "MEAN",
    "MINIMUM",
    "MIRROR_PAD",
    "MUL",
    "PACK",
    "PAD",
    "PADV2",
    "PRELU",
    "QUANTIZE",
    "READ_VARIABLE",
    "REDUCE_MAX",
    "REDUCE_MIN",
    "RELU",
    "RELU6",
    "RESHAPE",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "REVERSE_V2",
    "RSQRT",
    "SELECT_V2",
    "SLICE",
    "SOFTMAX",
    "SPACE_TO_BATCH_ND",
    "SPACE_TO_DEPTH",
    "SPLIT",
    "SPLIT_V",
    "SQUARED_DIFFERENCE",
    "SQUEEZE",
    "STRIDED_SLICE",
    "SUB",
    "SUM",
    "SVDF",
    "TANH",
    "TRANSPOSE",
    "TRANSPOSE_CONV",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "UNPACK",
)
# Those that keep a state; only `recurrent_graph` has them.
RECURRENT = ("ASSIGN_VARIABLE", "READ_VARIABLE", "SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM")
_PLAIN = tuple(op for op in OPERATORS if op not in RECURRENT)
# Forms of operators that the list has.
EXTRA = (
    *("WIDE_CONV_2D", "WIDE_DEPTHWISE_CONV_2D", "PADDED_CONV_2D", "GROUPED_CONV_2D"),
    "FLOAT_ISLAND",
)
# What becomes tables and copies.
TABLES = ("FLOAT_FUNCTION", "CHOICE")
# Operators that take tensors of four dimensions only.
IMAGE_ONLY = {
    "AVERAGE_POOL_2D",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "DEPTH_TO_SPACE",
    "GROUPED_CONV_2D",
    "MAX_POOL_2D",
    "PADDED_CONV_2D",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "SPACE_TO_DEPTH",
    "TRANSPOSE_CONV",
    "WIDE_DEPTHWISE_CONV_2D",
}
# Those that take images or sequences.
_BLOCKS = {"BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND"}
_BLOCK_AXES = (3, 4)
_GROW = {
    "BATCH_MATMUL",
    "BROADCAST_TO",
    "CONCATENATION",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "MIRROR_PAD",
    "GROUPED_CONV_2D",
    "PACK",
    "PAD",
    "PADV2",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "TRANSPOSE_CONV",
}
# How many random graphs the tests run; `MLFORGE_GRAPHS=2000` before a release, see
# docs/aot-engine.md.
COUNT = int(os.environ.get("MLFORGE_GRAPHS", "200"))
_MAX_ELEMENTS = 2500
_POINTWISE = (16, 32, 80)
# The reference aborts where the sum of exponentials reaches 512.
_MAX_SOFTMAX_DEPTH = 500


class RandomGraph(Layers, Moves, Views, Elementwise, States):
    """A random graph under construction."""

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

    def added(self, op: str, source: Ref, options: Any) -> Ref:
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
        activation = self.pick(*ACTIVATIONS)
        return self.added("ADD", source, schema.AddOptionsT(fusedActivationFunction=activation))

    def sub(self, source: Ref) -> Ref:
        """Subtraction."""
        activation = self.pick(*ACTIVATIONS)
        return self.added("SUB", source, schema.SubOptionsT(fusedActivationFunction=activation))

    def mul(self, source: Ref) -> Ref:
        """Multiplication."""
        other = self.operand(source)
        rms = source.rms * other.rms
        ref = self.writer.activation(source.shape, self.quant(rms), rms)
        options = schema.MulOptionsT(fusedActivationFunction=self.pick(*ACTIVATIONS))
        return self.output("MUL", [source.index, other.index], ref, options)

    def softmax(self, source: Ref) -> Ref:
        """Softmax along the last axis."""
        options = schema.SoftmaxOptionsT(beta=self.pick(1.0, 1.0, 0.3, 2.0))
        ref = self.unary("SOFTMAX", source, Quant(np.float32(1 / 256), -128), options)
        return Ref(ref.index, ref.shape, ref.quant, 0.3)

    def log_softmax(self, source: Ref) -> Ref:
        """Its logarithm."""
        quant = Quant(np.float32(1 / 16), 127)
        ref = self.unary("LOG_SOFTMAX", source, quant, schema.LogSoftmaxOptionsT())
        return Ref(ref.index, ref.shape, ref.quant, 3.0)

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
        """Mean."""
        return self.reduced("MEAN", source)

    def sum(self, source: Ref) -> Ref:
        """Sum."""
        return self.reduced("SUM", source)

    def reduced(self, op: str, source: Ref) -> Ref:
        """MEAN or SUM over one or two axes, neighbours or not."""
        rank = len(source.shape)
        first = min(1, rank - 1)
        axes = sorted({int(self.rng.integers(first, rank)) for _ in range(self.pick(1, 2, 2))})
        keep = bool(rank == 1 or self.rng.random() < 0.5)
        kept = (1 if i in axes else size for i, size in enumerate(source.shape))
        gone = (size for i, size in enumerate(source.shape) if i not in axes)
        root = math.sqrt(math.prod(source.shape[axis] for axis in axes))
        rms = source.rms / root if op == "MEAN" else source.rms * root
        ref = self.writer.activation(tuple(kept if keep else gone), self.quant(rms), rms)
        negative = self.rng.random() < 0.3
        values = np.array([axis - rank if negative else axis for axis in axes], np.int32)
        inputs = [source.index, self.writer.constant(values)]
        return self.output(op, inputs, ref, schema.ReducerOptionsT(keepDims=keep))

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
        """A tensor and others of its shape, brought to its scale; not along the batch."""
        if len(source.shape) == 1:
            return self.reshape(source)
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
    channels = WIDE_INPUTS[int(rng.integers(len(WIDE_INPUTS)))]
    return (1, *(int(n) for n in rng.integers(1, 9, 2)), channels)


def lanes_shape(rng: np.random.Generator) -> tuple[int, ...]:
    """An image or a sequence of channels that fill vectors, or do not."""
    sizes = [int(n) for n in rng.integers(1, 14, 2)]
    if rng.random() < 0.3:
        sizes = [1, int(rng.integers(1, 50))][:: 1 if rng.random() < 0.5 else -1]
    return (1, *sizes, int(rng.choice([5, 8, 12, 16, 20, 40])))


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

    Of the extra operators, WIDE_CONV_2D and WIDE_DEPTHWISE_CONV_2D have the shapes of common
    networks, PADDED_CONV_2D brings PAD along, GROUPED_CONV_2D has several groups, and FLOAT_ISLAND
    splits a tensor in float.
    """
    graph = RandomGraph(seed)
    shapes = {"WIDE_CONV_2D": wide_shape, "WIDE_DEPTHWISE_CONV_2D": lanes_shape}
    shape = shapes.get(op, random_shape)(graph.rng)
    while op in {*IMAGE_ONLY, *_BLOCKS} and len(shape) != 4:
        shape = random_shape(graph.rng)
    graph.apply(op, graph.start(shape))
    return graph.finish()


def fitting(operators: Sequence[str], source: Ref) -> list[str]:
    """Those that a tensor can be given to; one that is large already does not grow."""
    image = len(source.shape) == 4
    small = math.prod(source.shape) < _MAX_ELEMENTS
    possible = [op for op in operators if image or op not in IMAGE_ONLY]
    possible = [op for op in possible if small or op not in _GROW]
    possible = [op for op in possible if len(source.shape) in _BLOCK_AXES or op not in _BLOCKS]
    deep = source.shape[-1] > _MAX_SOFTMAX_DEPTH
    return [op for op in possible if op != "SOFTMAX" or not deep]


# What networks spend their time in.
_OFTEN = (
    *("ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "CONV_2D", "CONV_2D"),
    *("DEPTHWISE_CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "MEAN", "MUL"),
    *("SOFTMAX", "TRANSPOSE_CONV"),
)


def random_graph(seed: int) -> bytes:
    """A model of 2 to 10 operators, with branches."""
    graph = RandomGraph(seed)
    last = graph.start(random_shape(graph.rng))
    for _ in range(int(graph.rng.integers(2, 11))):
        source = last if graph.rng.random() < 0.8 else graph.pick(*graph.made)
        image = len(source.shape) == 4
        small = math.prod(source.shape) < _MAX_ELEMENTS
        possible = fitting((*_PLAIN, *_OFTEN), source)
        possible += ["CONV_2D"] * (3 * image * small)
        wide = image and source.shape[-1] in WIDE_INPUTS
        possible += [*["WIDE_CONV_2D"] * (6 * wide), *["WIDE_DEPTHWISE_CONV_2D"] * (3 * wide)]
        padded = ["PADDED_CONV_2D", "PADDED_CONV_2D", "GROUPED_CONV_2D"]
        possible += [
            "FLOAT_ISLAND",
            "FLOAT_FUNCTION",
            "CHOICE",
            *padded * (image * small),
        ]
        last = graph.apply(graph.pick(*possible), source)
    return graph.finish()


def several_graph(seed: int) -> bytes:
    """A model of several inputs, or outputs, or both, some of which lie in the way of others.

    An output may be read by a later operator, be another one in another shape, or be handed out
    twice.
    """
    graph = RandomGraph(seed)
    inputs = [graph.start(random_shape(graph.rng)) for _ in range(graph.pick(1, 2, 2, 3))]
    graph.made = [*inputs]
    for number in range(int(graph.rng.integers(3, 10))):
        recent = graph.made[-1] if graph.rng.random() < 0.5 else graph.pick(*graph.made)
        source = inputs[number] if number < len(inputs) else recent
        possible = [*fitting(_PLAIN, source), *["RESHAPE", "ADD", "CONCATENATION"] * 3]
        graph.apply(graph.pick(*possible), source)
    computed = graph.made[len(inputs) :]
    more = (1, 2) if len(inputs) == 1 else (0, 1, 2)
    outputs = [graph.pick(*computed[-4:]) for _ in range(graph.pick(*more))]
    return graph.writer.finish_several(
        [ref.index for ref in inputs], [ref.index for ref in (*outputs, computed[-1])]
    )


def recurrent_graph(seed: int) -> bytes:
    """A few operators, a recurrent one, and some behind it."""
    graph = RandomGraph(seed)
    last = graph.start(random_shape(graph.rng))
    for _ in range(int(graph.rng.integers(3))):
        last = graph.apply(graph.pick(*fitting((*_PLAIN, *_OFTEN), last)), last)
    last = graph.apply(graph.pick(*RECURRENT), last)
    for _ in range(int(graph.rng.integers(4))):
        last = graph.apply(graph.pick(*fitting((*OPERATORS, *_OFTEN), last)), last)
    return graph.finish()


def pointwise_graph(seed: int) -> bytes:
    """Layers of one tap in a row, over an image of which there had better be one at a time."""
    graph = RandomGraph(seed)
    last = graph.start((1, 1, int(graph.rng.integers(17, 70)), graph.pick(*_POINTWISE)))
    for _ in range(graph.pick(1, 2, 3)):
        last = graph.apply("POINTWISE_CONV_2D", last)
    return graph.finish()
