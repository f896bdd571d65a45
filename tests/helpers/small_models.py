"""Small int8 models, whole and with something changed in the file, for what is refused or equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from tests.helpers.aot_writer import Quant, Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.helpers.aot_writer import Ref

    Change = Callable[[Any], object]

QUANT = Quant(np.float32(0.1), 3)
SIDE, CHANNELS = 5, 4
SHAPE = (1, SIDE, SIDE, CHANNELS)
STRIDES = {"strideH": 1, "strideW": 1}


def altered(model: bytes, change: Change) -> bytes:
    """A file with something changed; `change` gets the schema's `ModelT`."""
    found = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    change(found)
    builder = flatbuffers.Builder(1024)
    builder.Finish(found.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def model(shape: tuple[int, ...], add: Callable[[Writer, Ref], int]) -> bytes:
    """A model from an input and what `add` puts behind it."""
    writer = Writer()
    source = writer.activation(shape, QUANT, 1.0)
    return writer.finish(source.index, add(writer, source))


def weighted(op: str, options: Any, made: tuple[int, ...], *, scales: int = 1) -> bytes:
    """A layer with weights and biases: tensors 0 input, 1 weights, 2 bias, the last its output."""
    rng = np.random.default_rng(7)
    shape = {
        "CONV_2D": (6, 3, 3, CHANNELS),
        "TRANSPOSE_CONV": (6, 3, 3, CHANNELS),
        "DEPTHWISE_CONV_2D": (1, 3, 3, CHANNELS),
        "FULLY_CONNECTED": (6, SIDE * SIDE * CHANNELS),
    }[op]
    axis = 3 if op == "DEPTHWISE_CONV_2D" else 0
    channels = shape[axis]

    def add(writer: Writer, source: Ref) -> int:
        each = np.linspace(0.01, 0.02, channels if scales > 1 else 1)
        values = rng.integers(-127, 128, shape).astype(np.int8)
        weights = writer.constant(values, each, [0] * len(each), axis)
        biases = rng.integers(-900, 900, channels).astype(np.int32)
        bias = writer.constant(biases, each * float(QUANT.scale), [0] * len(each))
        inputs = [source.index, weights, bias]
        if op == "TRANSPOSE_CONV":
            size = writer.constant(np.array(made, np.int32))
            inputs = [size, weights, source.index, bias]
        output = writer.activation(made, Quant(np.float32(0.3), -20), 1.0)
        writer.operator(op, inputs, [output.index], options)
        return output.index

    return model(SHAPE, add)


def conv(scales: int = 1, **options: int) -> bytes:
    """CONV_2D 3x3, same padding."""
    settings = schema.Conv2DOptionsT(**({"padding": 0} | STRIDES | options))
    return weighted("CONV_2D", settings, (1, SIDE, SIDE, 6), scales=scales)


def depthwise(multiplier: int = 1) -> bytes:
    """DEPTHWISE_CONV_2D 3x3, same padding."""
    settings = schema.DepthwiseConv2DOptionsT(padding=0, depthMultiplier=multiplier, **STRIDES)
    return weighted("DEPTHWISE_CONV_2D", settings, SHAPE)


def transposed(activation: int = 0, step: int = 2) -> bytes:
    """TRANSPOSE_CONV 3x3, same padding."""
    settings = schema.TransposeConvOptionsT(
        padding=0, strideH=step, strideW=step, fusedActivationFunction=activation
    )
    return weighted("TRANSPOSE_CONV", settings, (1, step * SIDE, step * SIDE, 6))


def dense(**options: int) -> bytes:
    """FULLY_CONNECTED over the whole input."""
    return weighted("FULLY_CONNECTED", schema.FullyConnectedOptionsT(**options), (1, 6))


def unary(op: str, options: Any = None, quant: Quant = QUANT, *, source: Quant = QUANT) -> bytes:
    """One operator on one tensor."""
    writer = Writer()
    ref = writer.activation(SHAPE, source, 1.0)
    output = writer.activation(SHAPE, quant, 1.0)
    writer.operator(op, [ref.index], [output.index], options)
    return writer.finish(ref.index, output.index)


def listed(op: str, made: tuple[int, ...], *lists: Any, options: Any = None) -> bytes:
    """One operator on a tensor and constant lists of int32."""

    def add(writer: Writer, source: Ref) -> int:
        constants = [writer.constant(np.array(each, np.int32)) for each in lists]
        output = writer.activation(made, QUANT, 1.0)
        writer.operator(op, [source.index, *constants], [output.index], options)
        return output.index

    return model(SHAPE, add)


def parts(op: str, options: Any, outputs: tuple[tuple[int, ...], ...], *lists: Any) -> bytes:
    """SPLIT_V, SPLIT (its one list in front) or UNPACK; the model's output is the first part."""

    def add(writer: Writer, source: Ref) -> int:
        constants = [writer.constant(np.array(each, np.int32)) for each in lists]
        made = [writer.activation(each, QUANT, 1.0).index for each in outputs]
        inputs = [*constants, source.index] if op == "SPLIT" else [source.index, *constants]
        writer.operator(op, inputs, made, options)
        return made[0]

    return model(SHAPE, add)


def padded(scale: float) -> bytes:
    """PADV2 with a value of some scale."""

    def add(writer: Writer, source: Ref) -> int:
        counts = writer.constant(np.array([[0, 0], [1, 0], [0, 0], [0, 0]], np.int32))
        value = writer.constant(np.array([5], np.int8), [scale], [QUANT.zero_point])
        output = writer.activation((1, SIDE + 1, SIDE, CHANNELS), QUANT, 1.0)
        inputs = [source.index, counts, value]
        writer.operator("PADV2", inputs, [output.index], schema.PadV2OptionsT())
        return output.index

    return model(SHAPE, add)


def joined(op: str, options: Any, made: tuple[int, ...]) -> bytes:
    """CONCATENATION, PACK, ADD or such of the input with itself."""

    def add(writer: Writer, source: Ref) -> int:
        output = writer.activation(made, QUANT, 1.0)
        writer.operator(op, [source.index] * 2, [output.index], options)
        return output.index

    return model(SHAPE, add)


def open_batch() -> bytes:
    """A RESHAPE to a shape that is computed of a tensor's, as a converter leaves it."""

    def add(writer: Writer, source: Ref) -> int:
        zero, one = (writer.constant(np.array([each], np.int32)) for each in (0, 1))
        rest = writer.constant(np.array(SIDE * SIDE * CHANNELS, np.int32))
        lists = [writer.unknown(size) for size in ((4,), (), (2,))]
        flat = writer.activation((1, SIDE * SIDE * CHANNELS), QUANT, 1.0)
        output = writer.activation(flat.shape, QUANT, 1.0)
        writer.operator("SHAPE", [source.index], [lists[0]], schema.ShapeOptionsT(outType=2))
        picks = schema.StridedSliceOptionsT(shrinkAxisMask=1)
        writer.operator("STRIDED_SLICE", [lists[0], zero, one, one], [lists[1]], picks)
        pack = schema.PackOptionsT(valuesCount=2)
        writer.operator("PACK", [lists[1], rest], [lists[2]], pack)
        writer.operator("RESHAPE", [source.index, lists[2]], [flat.index])
        writer.operator("RELU", [flat.index], [output.index])
        return output.index

    return model(SHAPE, add)


def chain(steps: list[tuple[str, tuple[int, ...], str | None]]) -> bytes:
    """Operators one behind the other: RESHAPE, or a 1x1 pool."""
    pool = schema.Pool2DOptionsT(padding=1, filterHeight=1, filterWidth=1, **STRIDES)

    def add(writer: Writer, source: Ref) -> int:
        last = source
        for op, made, kind in steps:
            output = writer.activation(made, QUANT, 1.0)
            writer.operator(op, [last.index], [output.index], pool if kind else None)
            last = output
        return last.index

    return model(SHAPE, add)


def squeezed() -> bytes:
    """SQUEEZE of one of two axes of size 1."""
    writer = Writer()
    source = writer.activation((1, 6, 1, 4), QUANT, 1.0)
    output = writer.activation((1, 6, 4), QUANT, 1.0)
    made = writer.activation((1, 6, 4), QUANT, 1.0)
    options = schema.SqueezeOptionsT(squeezeDims=[2])
    writer.operator("SQUEEZE", [source.index], [output.index], options)
    writer.operator("RELU", [output.index], [made.index])
    return writer.finish(source.index, made.index)
