"""Operators element by element, and float islands that become tables, against the oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.errors import CandidateFailure
from tests.helpers.aot_host import differing_bytes, make_case
from tests.helpers.aot_writer import Quant, Ref, Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EVERY = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
LOW = Quant(np.float32(0.011), -128)
MIDDLE = Quant(np.float32(0.031), -5)


def _model(source: Quant, add: Callable[[Writer, Ref], int]) -> bytes:
    writer = Writer()
    first = writer.activation((1, 256), source, 1.0)
    return writer.finish(first.index, add(writer, first))


def _island(source: Quant, made: Quant, *ops: str, options: Any = None) -> bytes:
    """Functions in float32, one behind the other."""

    def add(writer: Writer, first: Ref) -> int:
        index = writer.float_activation(first.shape)
        writer.operator("DEQUANTIZE", [first.index], [index])
        for op in ops:
            read, index = index, writer.float_activation(first.shape)
            writer.operator(op, [read], [index], options)
        output = writer.activation(first.shape, made, 1.0)
        writer.operator("QUANTIZE", [index], [output.index], schema.QuantizeOptionsT())
        return output.index

    return _model(source, add)


def _island_of_two(made: Quant) -> bytes:
    """Swish's kin with constants: x * max(x * 0.3 + 0.1, -0.7), with a fused RELU6."""

    def add(writer: Writer, first: Ref) -> int:
        floats = [writer.float_activation(first.shape) for _ in range(5)]
        values = [writer.constant(np.array(each, np.float32)) for each in (0.3, [0.1], -0.7)]
        options = [schema.MulOptionsT(), schema.AddOptionsT(), schema.MaximumMinimumOptionsT()]
        writer.operator("DEQUANTIZE", [first.index], floats[:1])
        for place, op in enumerate(("MUL", "ADD", "MAXIMUM")):
            inputs = [floats[place], values[place]]
            writer.operator(op, inputs, [floats[place + 1]], options[place])
        last = schema.MulOptionsT(fusedActivationFunction=3)
        writer.operator("MUL", [floats[0], floats[3]], [floats[4]], last)
        output = writer.activation(first.shape, made, 1.0)
        writer.operator("QUANTIZE", [floats[4]], [output.index], schema.QuantizeOptionsT())
        return output.index

    return _model(MIDDLE, add)


def _unary(op: str, source: Quant, made: Quant) -> bytes:
    def add(writer: Writer, first: Ref) -> int:
        output = writer.activation(first.shape, made, 1.0)
        writer.operator(op, [first.index], [output.index])
        return output.index

    return _model(source, add)


def _made(scale: float, zero_point: int = -3) -> Quant:
    return Quant(np.float32(scale), zero_point)


def test_float_functions_of_one_tensor_are_tables(tmp_path: Path) -> None:
    """Every byte of those of IEEE 754 and of the C library's, which the oracle runs in float32."""
    cases = [
        make_case(name, tflite, inputs=EVERY)
        for name, tflite in {
            "cos": _island(MIDDLE, _made(1 / 127), "COS"),
            "elu": _island(MIDDLE, _made(0.019), "ELU"),
            "exp": _island(MIDDLE, _made(0.3), "EXP"),
            "exp_of_neg": _island(MIDDLE, _made(0.3), "NEG", "EXP"),
            "log": _island(LOW, _made(0.0503), "EXP", "LOG"),
            "rsqrt": _island(LOW, _made(0.01), "EXP", "RSQRT"),
            "scaled": _island_of_two(_made(0.07)),
            "sin": _island(MIDDLE, _made(1 / 127), "SIN"),
            "sqrt": _island(LOW, _made(0.01), "SQRT"),
        }.items()
    ]
    assert [len(case.generated.layers) for case in cases] == [1] * len(cases)
    assert differing_bytes(cases, tmp_path) == {}


def test_rsqrt_and_elu_at_every_byte(tmp_path: Path) -> None:
    """Any two scales; the reference's 1 / sqrt has 20 bits, and is the greatest byte at zero."""
    rng = np.random.default_rng(3)
    cases = []
    for number in range(40):
        scales = np.exp(rng.uniform(-9, 2, 2))
        made = _made(scales[1], int(rng.integers(-128, 128)))
        model = _unary("RSQRT", _made(scales[0], -128), made)
        cases.append(make_case(f"rsqrt_{number}", model, inputs=EVERY))
        source = _made(scales[0], int(rng.integers(-128, 128)))
        try:
            case = make_case(f"elu_{number}", _unary("ELU", source, made), inputs=EVERY)
        except CandidateFailure as failure:
            assert "the C library decides" in str(failure)  # noqa: PT017 - few are
        else:
            cases.append(case)
    assert len(cases) > 70
    assert differing_bytes(cases, tmp_path) == {}


def _two_tensors(writer: Writer, source: Ref) -> int:
    floats = [writer.float_activation(source.shape) for _ in range(3)]
    other = writer.activation(source.shape, MIDDLE, 1.0)
    writer.operator("TANH", [source.index], [other.index])
    writer.operator("DEQUANTIZE", [source.index], floats[:1])
    writer.operator("DEQUANTIZE", [other.index], floats[1:2])
    writer.operator("ADD", floats[:2], floats[2:], schema.AddOptionsT())
    output = writer.activation(source.shape, MIDDLE, 1.0)
    writer.operator("QUANTIZE", floats[2:], [output.index], schema.QuantizeOptionsT())
    return output.index


def _other_scales(op: str) -> Callable[[Writer, Ref], int]:
    def add(writer: Writer, source: Ref) -> int:
        value = writer.constant(np.array([3], np.int8), [0.5], [1])
        output = writer.activation(source.shape, source.quant, 1.0)
        writer.operator(op, [source.index, value], [output.index])
        return output.index

    return add


def _divided(least: int, scale: float = 0.001) -> Callable[[Writer, Ref], int]:
    """A number by what is not below some byte."""

    def add(writer: Writer, source: Ref) -> int:
        quant = source.quant
        bound, one = (
            writer.constant(np.array(each, np.int8), [quant.scale], [quant.zero_point])
            for each in (least, 50)
        )
        above = writer.activation(source.shape, quant, 1.0)
        writer.operator("MAXIMUM", [source.index, bound], [above.index])
        output = writer.activation(source.shape, _made(scale), 1.0)
        writer.operator("DIV", [one, above.index], [output.index], schema.DivOptionsT())
        return output.index

    return add


def test_a_quotient_of_all_dividends_and_divisors(tmp_path: Path) -> None:
    """Also of the least dividends, which the reference shifts furthest; no bound excludes them."""
    rng = np.random.default_rng(5)
    cases = []
    for number, zero_point in enumerate((-128, 0, 127)):
        writer = Writer()
        source = writer.activation((1, 256), _made(0.02, zero_point), 1.0)
        values = rng.integers(-128, 128, 256).astype(np.int8)
        values[values == zero_point - number] += 1
        divisor = writer.constant(values, [0.03], [zero_point - number])
        output = writer.activation(source.shape, _made(0.005), 1.0)
        writer.operator("DIV", [source.index, divisor], [output.index], schema.DivOptionsT())
        inputs = rng.integers(-128, 128, (60, 256)).astype(np.int8)
        model = writer.finish(source.index, output.index)
        cases.append(make_case(f"div_{number}", model, inputs=inputs))
    assert differing_bytes(cases, tmp_path) == {}


def test_lengths_of_any_rows(tmp_path: Path) -> None:
    """Rows of nothing, of one step, and the longest."""
    cases = []
    for zero_point in (-128, 3):
        writer = Writer()
        source = writer.activation((1, 2, 8), _made(0.02, zero_point), 1.0)
        output = writer.activation(source.shape, Quant(np.float32(1 / 128), 0), 1.0)
        writer.operator("L2_NORMALIZATION", [source.index], [output.index], None)
        inputs = np.full((40, 2, 8), zero_point, np.int8)
        for count in range(1, 40):
            inputs[count, 0, : count % 9] += 1
            inputs[count, 1] = np.random.default_rng(count).integers(-128, 128, 8) >> count % 7
        inputs[1] = 127
        model = writer.finish(source.index, output.index)
        cases.append(make_case(f"length_{zero_point + 128}", model, inputs=inputs))
    assert differing_bytes(cases, tmp_path) == {}


def _selu(writer: Writer, source: Ref) -> int:
    """The end of SELU as the converter has it: a choice by SELECT."""
    flags = writer.choices(source.shape)
    writer.operator("GREATER", [source.index, source.index], [flags])
    output = writer.activation(source.shape, MIDDLE, 1.0)
    writer.operator("SELECT", [flags, source.index, source.index], [output.index])
    return output.index


def _without_scale(writer: Writer, source: Ref) -> int:
    floats = [writer.float_activation(source.shape) for _ in range(2)]
    writer.operator("DEQUANTIZE", [source.index], floats[:1])
    writer.operator("NEG", floats[:1], floats[1:])
    output = writer.activation(source.shape, MIDDLE, 1.0)
    writer.tensors[output.index].quantization = None
    writer.operator("QUANTIZE", floats[1:], [output.index], schema.QuantizeOptionsT())
    return output.index


@pytest.mark.parametrize(
    ("model", "cause"),
    [
        (_island(MIDDLE, _made(0.1), "SQRT"), "SQRT '.*' in float32 of values .* no result"),
        (_island(LOW, _made(0.1), "LOG"), "LOG '.*' in float32 of values"),
        (_island(MIDDLE, _made(0.1), "NEG", "GELU"), "GELU '.*' in float32 .*one tensor"),
        (_model(MIDDLE, _two_tensors), "ADD '.*' in float32 .*one tensor"),
        (_model(MIDDLE, _selu), "SELECT 'l1_.*' is not supported .* has SELECT_V2 only"),
        (_model(MIDDLE, _without_scale), "lacks a scale"),
        (_model(MIDDLE, _other_scales("MAXIMUM")), "MAXIMUM '.*' that changes the scale"),
        (_model(MIDDLE, _divided(-5)), "DIV '.*' by what may be 0"),
        (_model(MIDDLE, _divided(-4, 10.0)), "DIV '.*' of scales"),
        (_unary("RSQRT", MIDDLE, LOW), "RSQRT '.*' of values that may be negative"),
        (_unary("RSQRT", _made(1e30, -128), _made(1e30)), "RSQRT '.*' with scales"),
    ],
)
def test_what_no_table_can_be_of_names_its_operator(model: bytes, cause: str) -> None:
    """What has no result in the reference, or is made of more than one tensor."""
    with pytest.raises(CandidateFailure, match=cause) as caught:
        PLUGIN.generate(model, "host")
    assert caught.value.reason.code == "unsupported_operator"
