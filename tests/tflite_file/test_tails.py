"""What a file does in float at its ends alone is done in integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.oracle import Oracle
from mlforge_tasks.quantisation import alone
from mlforge_tasks.stages import _bring
from mlforge_tasks.stages._describe import describe
from mlforge_tasks.stages._several import Wanted
from mlforge_tasks.tflite_file.mended import Mended, whole, with_integers
from mlforge_tasks.tflite_file.model import read
from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.model_data import card
from tests.helpers.small_models import conv

QUANT, MADE = Quant(np.float32(0.05), -9), Quant(np.float32(0.07), 11)
SIZE = 6
OPTIONS: dict[str, Any] = {"SOFTMAX": schema.SoftmaxOptionsT(beta=1.0)}
PRESCRIBED = {
    ("SOFTMAX", "int8"): (1 / 256, -128),
    ("SOFTMAX", "int16"): (1 / 32768, 0),
    ("LOGISTIC", "int8"): (1 / 256, -128),
    ("LOGISTIC", "int16"): (1 / 32768, 0),
    ("TANH", "int8"): (1 / 128, 0),
    ("LOG_SOFTMAX", "int8"): (1 / 16, 127),
}


def _tailed(op: str, dtype: str = "int8", *, read_twice: bool = False) -> bytes:
    """Float ends around RELU of integers; behind it a copy and a function in float."""
    writer = Writer()
    kind = getattr(schema.TensorType, dtype.upper())
    zeros = (QUANT.zero_point, MADE.zero_point) if dtype == "int8" else (0, 0)
    source, grid = writer.float_activation((1, SIZE)), writer.float_activation((1, 2, 3))
    inner = writer.value((1, 2, 3), Quant(QUANT.scale, zeros[0]), 1.0, kind)
    made = writer.value((1, 2, 3), Quant(MADE.scale, zeros[1]), 1.0, kind)
    real, flat = writer.float_activation((1, 2, 3)), writer.float_activation((1, SIZE))
    output = writer.float_activation((1, SIZE))
    shapes = [writer.constant(np.array(each, np.int32)) for each in ([1, 2, 3], [1, SIZE])]
    writer.operator("RESHAPE", [source, shapes[0]], [grid])
    writer.operator("QUANTIZE", [grid], [inner.index], schema.QuantizeOptionsT())
    leaky = schema.LeakyReluOptionsT(alpha=0.5)
    writer.operator("LEAKY_RELU", [inner.index], [made.index], leaky)
    writer.operator("DEQUANTIZE", [made.index], [real], schema.DequantizeOptionsT())
    writer.operator("RESHAPE", [real, shapes[1]], [flat])
    writer.operator(op, [flat], [output], OPTIONS.get(op))
    return writer.finish_several([source], [output, real] if read_twice else [output])


def _in_integers(content: bytes) -> Mended:
    return with_integers(whole(content))


@pytest.mark.parametrize(("op", "dtype"), PRESCRIBED)
def test_a_last_function_in_float_is_computed_in_integers(op: str, dtype: str) -> None:
    """To a step and a half of its output, as the reference does in float; that is told."""
    content = _tailed(op, dtype)
    changed, told = _in_integers(content)
    assert [one.op for one in read(changed).main.operators] == [
        *("RESHAPE", "LEAKY_RELU", "RESHAPE", op),
    ]
    output = alone(describe(changed).output)
    assert (output.scale, output.zero_point) == PRESCRIBED[op, dtype]
    layer = "Keras layer 'tensor_6'"
    assert told[0] == f"{op} ({layer}), in float32 there, is computed in {dtype}"
    assert [one.partition(":")[0] for one in told[1:]] == [
        f"its float32 input became {dtype}",
        f"its float32 output became {dtype}",
    ]
    inputs = np.random.default_rng(1).integers(-128, 128, (9, SIZE)).astype(dtype)
    zero = alone(describe(changed).input).zero_point
    outputs = Oracle(changed).run(inputs).reshape(9, SIZE)
    given = ((inputs.astype(np.float64) - zero) * float(QUANT.scale)).astype(np.float32)
    reference = runtime.Interpreter.from_bytes(content)
    for steps, sample in zip(outputs, given, strict=True):
        reference.set_input(sample[None], 0)
        reference.invoke()
        real = (steps.astype(float) - output.zero_point) * output.scale
        wanted = np.maximum(reference.get_output(0)[0], (-128 - output.zero_point) * output.scale)
        assert real == pytest.approx(wanted, abs=max(1.5 * output.scale, 2e-4))


def test_what_else_is_float_at_the_ends_stays() -> None:
    """A float that is an output besides, a function that is not at the end, int8 ends."""
    for content in (_tailed("SOFTMAX", read_twice=True), _tailed("EXP"), conv()):
        before = [one.op for one in read(content).main.operators]
        after = [one.op for one in read(_in_integers(content).content).main.operators]
        assert after.count("DEQUANTIZE") == before.count("DEQUANTIZE")
    assert _in_integers(conv()) == Mended(conv())


def test_who_brought_the_file_is_told() -> None:
    """By the stage that reads it, for the report."""
    wanted = Wanted(card("classification", (SIZE,), SIZE))
    found = _bring.read(_tailed("SOFTMAX"), wanted, lambda: pytest.fail("no Keras here"))
    assert isinstance(found, _bring.Int8Model)
    assert len(found.described.changed) == 3
    assert "is computed in int8" in found.described.changed[0]


def _recurrent(value: int = 3) -> bytes:
    """A state that FILL makes of the input's batch, added to what comes."""
    writer = Writer()
    source = writer.activation((1, SIZE), QUANT, 1.0)
    zero, one = (writer.constant(np.array([each], np.int32)) for each in (0, 1))
    width = writer.constant(np.array(SIZE, np.int32))
    number = writer.constant(np.array(value, np.int8), [float(QUANT.scale)], [QUANT.zero_point])
    lists = [writer.unknown(size) for size in ((2,), (), (2,))]
    state = writer.activation((1, SIZE), QUANT, 1.0)
    writer.buffers.append(schema.BufferT())
    writer.tensors[state.index].buffer = len(writer.buffers) - 1
    output = writer.activation((1, SIZE), MADE, 1.0)
    writer.operator("SHAPE", [source.index], [lists[0]], schema.ShapeOptionsT(outType=2))
    picks = schema.StridedSliceOptionsT(shrinkAxisMask=1)
    writer.operator("STRIDED_SLICE", [lists[0], zero, one, one], [lists[1]], picks)
    pack = schema.PackOptionsT(valuesCount=2)
    writer.operator("PACK", [lists[1], width], [lists[2]], pack)
    writer.operator("FILL", [lists[2], number], [state.index])
    writer.operator("ADD", [source.index, state.index], [output.index], schema.AddOptionsT())
    return writer.finish(source.index, output.index)


def test_a_first_state_is_a_constant() -> None:
    """With it goes what computes its shape; the reference adds it."""
    changed, told = _in_integers(_recurrent())
    assert told == (
        "its FILL (Keras layer 'tensor_8') of a shape that is computed became a constant",
    )
    graph = read(changed).main
    assert [one.op for one in graph.operators] == ["ADD"]
    assert bytes(graph.tensors[graph.operators[0].inputs[1]].data or b"") == bytes([3] * SIZE)
    inputs = np.arange(SIZE, dtype=np.int8)[None] * 20 - 60
    real = (inputs.astype(float) + 9 + 3 + 9) * float(QUANT.scale)
    wanted = np.round(real / float(MADE.scale)) + MADE.zero_point
    assert np.abs(Oracle(changed).run(inputs).reshape(1, SIZE) - wanted).max() <= 1
    assert _in_integers(changed) == Mended(changed)
