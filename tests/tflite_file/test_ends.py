"""Float and uint8 ends: gone where the firmware's own conversion says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.int8 import dequantise, quantise
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.quantisation import alone
from mlforge_tasks.stages._describe import describe
from mlforge_tasks.tflite_file.ends import changed_ends, with_int8_ends
from mlforge_tasks.tflite_file.model import read
from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.small_models import altered, conv

if TYPE_CHECKING:
    from collections.abc import Callable

QUANT, MADE = Quant(np.float32(0.05), -9), Quant(np.float32(0.07), 11)


def _float_ends(
    kind: int = schema.TensorType.INT8, zero_points: tuple[int, int] = (-9, 11)
) -> bytes:
    """A LEAKY_RELU of int8, or of another type, between floats."""
    writer = Writer()
    source = writer.float_activation((1, 6))
    inner = writer.value((1, 6), Quant(QUANT.scale, zero_points[0]), 1.0, kind)
    made = writer.value((1, 6), Quant(MADE.scale, zero_points[1]), 1.0, kind)
    output = writer.float_activation((1, 6))
    writer.operator("QUANTIZE", [source], [inner.index], schema.QuantizeOptionsT())
    writer.operator("LEAKY_RELU", [inner.index], [made.index], schema.LeakyReluOptionsT(alpha=0.2))
    writer.operator("DEQUANTIZE", [made.index], [output], schema.DequantizeOptionsT())
    return writer.finish(source, output)


def _uint8_ends(zero_points: tuple[int, int] = (119, 139)) -> bytes:
    """The same between uint8 tensors; the second zero point is the output's."""
    writer = Writer()
    source = writer.activation((1, 6), Quant(QUANT.scale, zero_points[0]), 1.0)
    inner = writer.activation((1, 6), QUANT, 1.0)
    made = writer.activation((1, 6), MADE, 1.0)
    output = writer.activation((1, 6), Quant(MADE.scale, zero_points[1]), 1.0)
    writer.operator("QUANTIZE", [source.index], [inner.index], schema.QuantizeOptionsT())
    writer.operator("LEAKY_RELU", [inner.index], [made.index], schema.LeakyReluOptionsT(alpha=0.2))
    writer.operator("QUANTIZE", [made.index], [output.index], schema.QuantizeOptionsT())

    def change(model: Any) -> None:
        for index in (source.index, output.index):
            model.subgraphs[0].tensors[index].type = schema.TensorType.UINT8

    return altered(writer.finish(source.index, output.index), change)


@pytest.mark.parametrize(
    ("scales", "zero_points", "told"),
    [
        ([0.1], [], "1 scale and 0 zero points"),
        ([0.1, 0.2], [0], "2 scales and 1 zero point"),
        ([0.1, 0.2], [0, 0], "2 scales and 2 zero points"),
    ],
)
def test_an_input_of_other_than_one_scale_is_refused(
    scales: list[float], zero_points: list[int], told: str
) -> None:
    """With how many of each it has, one of them in the singular."""

    def change(model: Any) -> None:
        quantisation = model.subgraphs[0].tensors[0].quantization
        quantisation.scale, quantisation.zeroPoint = scales, zero_points

    with pytest.raises(CandidateFailure, match=f"its input has {told}, wanted one of each"):
        describe(altered(conv(), change))


def test_float_ends_around_int16_are_int16() -> None:
    """As the converter's 16x8 mode makes them where no type of ends is asked for."""
    model = _float_ends(schema.TensorType.INT16, (0, 0))
    inner = with_int8_ends(model)
    about = describe(inner)
    ends = about.input, about.output
    assert [(one.dtype, one.bytes) for one in ends] == [("int16", 12)] * 2
    values = np.array([[-2000, -3.1, -0.02, 0.02, 7.77, 2000]], np.float32)
    steps = quantise(values, about.input)
    assert steps.tolist() == [[-32768, -62, 0, 0, 155, 32767]]
    whole = runtime.Interpreter.from_bytes(model)
    whole.set_input(values, 0)
    whole.invoke()
    wanted = dequantise(Oracle(inner).run(steps), about.output)
    assert whole.get_output(0) == pytest.approx(wanted, rel=1e-6)


def _int16_ends(content: bytes, scale: float) -> bytes:
    """A model of float ends with int16 ones, which the converter does not make around int8."""

    def change(model: Any) -> None:
        graph = model.subgraphs[0]
        for index in (*graph.inputs, *graph.outputs):
            tensor = graph.tensors[index]
            tensor.type = schema.TensorType.INT16
            tensor.quantization = schema.QuantizationParametersT(scale=[scale], zeroPoint=[0])
        graph.operators[-1].opcodeIndex = graph.operators[0].opcodeIndex

    return altered(content, change)


def test_int16_ends_around_int8_are_int8() -> None:
    """Where int16 reaches as far and has no larger steps; else the conversions stay."""
    content = _int16_ends(_float_ends(), 0.001)
    inner = with_int8_ends(content)
    assert inner != content
    by = "the firmware converts by scale and zero point"
    assert changed_ends(content, inner) == (
        f"its int16 input became int8: {by}",
        f"its int16 output became int8: {by}",
    )
    inputs = np.random.default_rng(1).integers(-128, 128, (5, 6)).astype(np.int8)
    given = np.round((inputs.astype(float) + 9) * float(QUANT.scale) / 0.001).astype(np.int16)
    whole = runtime.Interpreter.from_bytes(content)
    for steps, sample in zip(Oracle(inner).run(inputs), given, strict=True):
        whole.set_input(sample[None], 0)
        whole.invoke()
        real = (steps.astype(float) - 11) * float(MADE.scale)
        assert whole.get_output(0)[0] * 0.001 == pytest.approx(real, abs=0.001)
    for scale in (1e-5, 0.06):
        assert changed_ends(content, with_int8_ends(_int16_ends(_float_ends(), scale))) != (
            changed_ends(content, inner)
        )


@pytest.mark.parametrize(("make", "was"), [(_float_ends, "float32"), (_uint8_ends, "uint8")])
def test_what_became_of_ends_is_told(make: Callable[[], bytes], was: str) -> None:
    """Once for inputs and once for outputs; nothing where nothing was done."""
    inner = with_int8_ends(make())
    by = "the firmware converts by scale and zero point"
    told = (f"its {was} input became int8: {by}", f"its {was} output became int8: {by}")
    assert changed_ends(make(), inner) == told
    assert changed_ends(inner, inner) == ()


@pytest.mark.parametrize("make", [_float_ends, _uint8_ends])
def test_the_model_computes_what_it_did(make: Callable[[], bytes]) -> None:
    """The reference on the file as it was, and on what is left between the conversions."""
    model = make()
    inner = with_int8_ends(model)
    assert [each.op for each in read(inner).main.operators] == ["LEAKY_RELU"]
    about = describe(inner)
    assert (alone(about.input).zero_point, alone(about.output).zero_point) == (-9, 11)
    values = np.random.default_rng(1).normal(0, 3, (20, 6)).astype(np.float32)
    steps = quantise(values, about.input)
    whole = runtime.Interpreter.from_bytes(model)
    found = dequantise(Oracle(inner).run(steps), about.output)
    for index, wanted in enumerate(found):
        if make is _uint8_ends:
            given: Any = (steps[index : index + 1].astype(np.int16) + 128).astype(np.uint8)
        else:
            given = values[index : index + 1]
        whole.set_input(given, 0)
        whole.invoke()
        outputs = whole.get_output(0)[0].astype(np.float64)
        if make is _uint8_ends:
            outputs = (outputs - 139) * alone(about.output).scale
        assert outputs == pytest.approx(wanted, abs=1e-6)


def test_each_of_several_ends_is_looked_at_for_itself() -> None:
    """Two float inputs of which one has a reader besides, two float outputs of which one stays."""
    writer = Writer()
    floats = [writer.float_activation((1, 6)) for _ in range(3)]
    outer = [writer.float_activation((1, 6)) for _ in range(2)]
    inner = [writer.activation((1, 6), Quant(np.float32(0.1 + at), at), 1.0) for at in range(4)]
    for at in range(2):
        writer.operator("QUANTIZE", [floats[at]], [inner[at].index], schema.QuantizeOptionsT())
        writer.operator("RELU", [inner[at].index], [inner[2 + at].index])
        writer.operator("DEQUANTIZE", [inner[2 + at].index], [outer[at]])
    writer.operator("LOGISTIC", [floats[1]], [floats[2]])
    content = writer.finish_several(floats[:2], [outer[1], floats[2], outer[0]])
    found = read(with_int8_ends(content)).main
    assert found.inputs == (inner[0].index, floats[1])
    assert found.outputs == (inner[3].index, floats[2], inner[2].index)
    assert [each.op for each in found.operators] == ["RELU", "QUANTIZE", "RELU", "LOGISTIC"]


def test_what_says_something_else_stays() -> None:
    """Int8 ends, another zero point, an input that is read twice."""
    assert with_int8_ends(conv()) == conv()
    other = with_int8_ends(_uint8_ends((100, 139)))
    assert [each.op for each in read(other).main.operators] == ["QUANTIZE", "LEAKY_RELU"]

    def read_twice(model: Any) -> None:
        model.subgraphs[0].operators.append(model.subgraphs[0].operators[0])

    twice = with_int8_ends(altered(_float_ends(), read_twice))
    assert read(twice).main.tensors[read(twice).main.inputs[0]].dtype == "float32"
