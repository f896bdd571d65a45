"""What a file does in float between integers is done in integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.oracle import Oracle
from mlforge_tasks.tflite_file.islands import with_integer_islands
from mlforge_tasks.tflite_file.model import read
from tests.helpers.aot_writer import Quant, Writer

SHAPE = 1, 4, 6
OPTIONS: dict[str, Any] = {"SOFTMAX": schema.SoftmaxOptionsT(beta=1.0)}
SCALE, OTHER, OF_ISLAND = (np.float32(each) for each in (0.03, 0.05, 0.0037))


def _with_island(ops: list[str], dtype: str, scale: np.float32, *, twice: bool = False) -> bytes:
    """LEAKY_RELU, operators in float, LEAKY_RELU; and a number of rows of what is float."""
    writer = Writer()
    kind, zero = getattr(schema.TensorType, dtype.upper()), -7 if dtype == "int8" else 0
    order = writer.constant(np.array([0, 1, 2], np.int32))

    def value(scale: np.float32) -> int:
        return writer.value(SHAPE, Quant(scale, zero), 1.0, kind).index

    source, made, taken, output = value(SCALE), value(SCALE), value(scale), value(OTHER)
    leaky = schema.LeakyReluOptionsT(alpha=0.5)
    last = writer.float_activation(SHAPE)
    writer.operator("LEAKY_RELU", [source], [made], leaky)
    writer.operator("DEQUANTIZE", [made], [last], schema.DequantizeOptionsT())
    sizes = writer.unknown((3,))
    writer.operator("SHAPE", [last], [sizes], schema.ShapeOptionsT(outType=2))
    real = last
    for op in ops:
        following = writer.float_activation(SHAPE)
        more = {"TRANSPOSE": [order], "RESHAPE": [sizes], "ADD": [last]}
        writer.operator(op, [last, *more.get(op, [])], [following], OPTIONS.get(op))
        last = following
    writer.operator("QUANTIZE", [last], [taken], schema.QuantizeOptionsT())
    writer.operator("LEAKY_RELU", [taken], [output], leaky)
    return writer.finish_several([source], [output, real] if twice else [output])


def _inputs(dtype: str) -> Any:
    limits = np.iinfo(dtype)
    random = np.random.default_rng(1)
    return random.integers(limits.min, limits.max, (5, *SHAPE[1:]), dtype, endpoint=True)


def _ops(content: bytes) -> list[str]:
    return [one.op for one in read(content).main.operators]


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_copies_are_the_same_in_integers(dtype: str) -> None:
    """Byte by byte, of which nothing is told; a shape that is computed of a float stays."""
    content = _with_island(["TRANSPOSE", "RESHAPE"], dtype, SCALE)
    changed, told = with_integer_islands(content)
    assert told == ()
    assert _ops(changed) == ["LEAKY_RELU", "SHAPE", "TRANSPOSE", "RESHAPE", "LEAKY_RELU"]
    inputs = _inputs(dtype)
    assert (Oracle(changed).run(inputs) == Oracle(content).run(inputs)).all()
    assert with_integer_islands(changed) == (changed, ())


@pytest.mark.parametrize(("scale", "more"), [(SCALE, []), (OTHER, ["QUANTIZE"])])
def test_the_largest_of_floats_is_that_of_integers(scale: np.float32, more: list[str]) -> None:
    """As GlobalMaxPooling2D is by LiteRT's quantiser; of another scale, to a step of that."""
    writer = Writer()
    axes = writer.constant(np.array([1], np.int32))
    source = writer.activation(SHAPE, Quant(SCALE, 3), 1.0)
    output = writer.activation((1, 6), Quant(scale, 3), 1.0)
    real, largest = writer.float_activation(SHAPE), writer.float_activation((1, 6))
    writer.operator("DEQUANTIZE", [source.index], [real], schema.DequantizeOptionsT())
    writer.operator("REDUCE_MAX", [real, axes], [largest], schema.ReducerOptionsT(keepDims=False))
    writer.operator("QUANTIZE", [largest], [output.index], schema.QuantizeOptionsT())
    changed, told = with_integer_islands(writer.finish(source.index, output.index))
    assert (_ops(changed), told) == (["REDUCE_MAX", *more], ())
    inputs = _inputs("int8")
    wanted = (inputs.max(axis=1).astype(float) - 3) * float(SCALE / scale) + 3
    assert np.abs(Oracle(changed).run(inputs) - wanted).max() <= 0.51


@pytest.mark.parametrize(
    ("op", "dtype"),
    [("SOFTMAX", "int8"), ("SOFTMAX", "int16"), ("LOGISTIC", "int8"), ("TANH", "int16")],
)
def test_functions_are_computed_in_integers(op: str, dtype: str) -> None:
    """With the scale that the reference prescribes, and from that to the file's; that is told."""
    scale = OF_ISLAND if dtype == "int8" else OF_ISLAND / 128
    content = _with_island(["RESHAPE", op], dtype, scale)
    changed, told = with_integer_islands(content)
    assert told == (f"{op} (Keras layer 'tensor_8'), in float32 there, is computed in {dtype}",)
    assert _ops(changed) == ["LEAKY_RELU", "SHAPE", "RESHAPE", op, "QUANTIZE", "LEAKY_RELU"]
    inputs = _inputs(dtype)
    outputs = (Oracle(each).run(inputs).astype(int) for each in (content, changed))
    steps = np.abs(np.subtract(*outputs)).max()
    assert steps <= (1 if dtype == "int8" else 3)


@pytest.mark.parametrize(
    "content",
    [
        _with_island(["RESHAPE"], "int8", OTHER),
        _with_island(["RESHAPE", "EXP"], "int8", SCALE),
        _with_island(["RESHAPE", "ADD"], "int8", SCALE),
    ],
    ids=["another_scale", "another_function", "read_twice"],
)
def test_what_is_no_such_island_stays(content: bytes) -> None:
    """But for a shape, which integers have as well."""
    assert _ops(with_integer_islands(content)[0]) == _ops(content)


def test_a_float_that_is_an_output_besides_is_made_for_that() -> None:
    """The island is taken from what it was made of."""
    changed, _ = with_integer_islands(_with_island(["RESHAPE"], "int8", SCALE, twice=True))
    assert _ops(changed) == ["LEAKY_RELU", "DEQUANTIZE", "SHAPE", "RESHAPE", "LEAKY_RELU"]
