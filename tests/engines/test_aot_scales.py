"""How ratios of scales are rounded: models where float32 and float64 give different bytes.

Random models hardly ever meet such a case. These are made to: near ties, all pairs of operands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.engines._aot import fixed_point
from tests.helpers.aot_host import differing_bytes, make_case
from tests.helpers.aot_writer import Quant, Ref, Writer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from tests.helpers.aot_host import Case

CASES = 8
ALL_VALUES = np.arange(-128, 128, dtype=np.int8)
_POINTWISE = {"strideH": 1, "strideW": 1}


def _differ(value: int, wide: float, narrow: float) -> bool:
    by = [fixed_point.factor(each) for each in (wide, narrow)]
    return fixed_point.scale(value, by[0]) != fixed_point.scale(value, by[1])


def _biased_operator(writer: Writer, source: Ref, op: str, scales: Any, bias: int) -> Ref:
    """A layer of one weight per channel whose outputs are its rescaled bias."""
    channels = 1 if op == "DEPTHWISE_CONV_2D" else 2
    shape = (channels, 1) if op == "FULLY_CONNECTED" else (channels, 1, 1, 1)
    zeros = [0] * len(scales)
    weights = writer.constant(np.zeros(shape, np.int8), scales, zeros)
    start = writer.constant(
        np.full(channels, bias, np.int32), [source.quant.scale * each for each in scales], zeros
    )
    options = {
        "FULLY_CONNECTED": schema.FullyConnectedOptionsT(),
        "CONV_2D": schema.Conv2DOptionsT(**_POINTWISE),
        "DEPTHWISE_CONV_2D": schema.DepthwiseConv2DOptionsT(depthMultiplier=1, **_POINTWISE),
    }[op]
    output = (1, channels) if op == "FULLY_CONNECTED" else (1, 1, 1, channels)
    result = writer.activation(output, Quant(np.float32(2.0**24), 0), 1.0)
    writer.operator(op, [source.index, weights, start], [result.index], options)
    return result


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_products_of_scales(op: str, per_channel: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """Biases chosen so that a factor made of a float32 product rounds to another output."""
    rng = np.random.default_rng(1)
    cases: list[Case] = []
    while len(cases) < CASES:
        scales = [np.float32(each) for each in rng.uniform(0.5, 2, 2)]
        wide = float(scales[0]) * float(scales[1]) / 2.0**24
        narrow = float(scales[0] * scales[1]) / 2.0**24
        middle = round((int(rng.integers(-100, 100)) + 0.5) / wide)
        near = range(middle - 400, middle + 400)
        bias = next((each for each in near if _differ(each, wide, narrow)), None)
        if bias is None:
            continue
        writer = Writer()
        shape = (1, 1) if op == "FULLY_CONNECTED" else (1, 1, 1, 1)
        source = writer.activation(shape, Quant(scales[0], 0), 1.0)
        weight_scales = [scales[1]] * (2 if per_channel and op != "DEPTHWISE_CONV_2D" else 1)
        result = _biased_operator(writer, source, op, weight_scales, bias)
        cases.append(make_case(f"m{len(cases)}", writer.finish(source.index, result.index)))
    assert differing_bytes(cases, tmp_path) == {}


def test_products_of_scales_without_a_bias(tmp_path: Path) -> None:
    """FULLY_CONNECTED takes another way through the reference where it has no bias."""
    rng = np.random.default_rng(2)
    cases: list[Case] = []
    while len(cases) < CASES:
        x, weight = int(rng.integers(64, 128)), int(rng.integers(64, 128))
        scales = [np.float32(each) for each in rng.uniform(0.01, 0.1, 2)]
        # The first of two roundings leaves so many bits below the second's.
        below = -fixed_point.factor(64 / (x * weight)).shift
        tie = int(rng.integers(50, 60)) + 0.5 - 2.0 ** -(below + 1)
        output = np.float32(float(scales[0]) * float(scales[1]) * x * weight / tie)
        wide = float(scales[0]) * float(scales[1]) / float(output)
        narrow = float(scales[0] * scales[1]) / float(output)
        if not _differ(x * weight, wide, narrow):
            continue
        writer = Writer()
        source = writer.activation((1, 1), Quant(scales[0], 0), 1.0)
        weights = writer.constant(np.array([[weight]], np.int8), [scales[1]], [0])
        result = writer.activation((1, 1), Quant(output, 0), 1.0)
        options = schema.FullyConnectedOptionsT()
        writer.operator("FULLY_CONNECTED", [source.index, weights], [result.index], options)
        tflite = writer.finish(source.index, result.index)
        inputs = np.array([[x], [-x]], np.int8)
        cases.append(make_case(f"m{len(cases)}", tflite, inputs=inputs))
    assert differing_bytes(cases, tmp_path) == {}


def _near_tie(rng: np.random.Generator) -> tuple[Quant, Quant]:
    """Scales under which an int8 comes so near a tie that the precision of their ratio decides."""
    while True:
        x, tie = int(rng.integers(100, 256)), int(rng.integers(30, 100)) + 0.5
        output = np.float32(rng.uniform(0.01, 0.1))
        source = np.float32(float(output) * tie / x)
        if _differ(x, float(source) / float(output), float(source / output)):
            return Quant(source, -128), Quant(output, -128)


_OF_TWO = {"DIV": schema.DivOptionsT(), "SQUARED_DIFFERENCE": schema.SquaredDifferenceOptionsT()}
_UNARY = {
    "ABS": None,
    "LEAKY_RELU": schema.LeakyReluOptionsT(alpha=0.5),
    "MEAN": schema.ReducerOptionsT(keepDims=True),
    "QUANTIZE": schema.QuantizeOptionsT(),
    "RELU": None,
    "SUM": schema.ReducerOptionsT(keepDims=True),
}


def test_scales_by_way_of_float(tmp_path: Path) -> None:
    """QUANTIZE of floats that stand for int8: near ties, where float64 gives another byte."""
    rng = np.random.default_rng(8)
    cases: list[Case] = []
    values = np.arange(256)
    while len(cases) < CASES:
        quants = _near_tie(rng)
        scale, output = (each.scale for each in quants)
        narrow = values.astype(np.float32) * scale / output
        wide = values * float(scale) / float(output)
        if (np.floor(narrow + 0.5) == np.floor(wide + 0.5)).all():
            continue
        writer = Writer()
        source = writer.activation((1, 256), quants[0], 1.0)
        island = writer.float_activation((1, 256))
        result = writer.activation((1, 256), quants[1], 1.0)
        writer.operator("DEQUANTIZE", [source.index], [island])
        writer.operator("QUANTIZE", [island], [result.index], schema.QuantizeOptionsT())
        tflite = writer.finish(source.index, result.index)
        cases.append(make_case(f"m{len(cases)}", tflite, inputs=ALL_VALUES.reshape(1, 256)))
    assert differing_bytes(cases, tmp_path) == {}


@pytest.mark.parametrize("op", _UNARY)
def test_ratios_of_two_scales(op: str, tmp_path: Path) -> None:
    """Every int8, from one scale to another."""
    rng = np.random.default_rng(3)
    cases: list[Case] = []
    for number in range(CASES):
        quants = _near_tie(rng)
        writer = Writer()
        source = writer.activation((1, 256, 1), quants[0], 1.0)
        result = writer.activation((1, 256, 1), quants[1], 1.0)
        inputs = [source.index]
        if op in {"MEAN", "SUM"}:
            inputs.append(writer.constant(np.array([2], np.int32)))
        writer.operator(op, inputs, [result.index], _UNARY[op])
        tflite = writer.finish(source.index, result.index)
        values = ALL_VALUES.reshape(1, 256, 1)
        cases.append(make_case(f"m{number}", tflite, inputs=values))
    assert differing_bytes(cases, tmp_path) == {}


def _root_at(steps: int, real: float) -> int:
    """What RSQRT makes of so many steps, its factor given: 20 bits of 1 / sqrt, rounded twice."""
    by, root = fixed_point.factor(real), fixed_point.inverse_root(steps)
    bits = fixed_point.scale(1, fixed_point.Factor(root.multiplier, root.shift + 20))
    return fixed_point.scale(bits, fixed_point.Factor(by.multiplier, by.shift - 20))


def test_a_root_of_a_scale(tmp_path: Path) -> None:
    """RSQRT where a root or a product in float32 would give another byte."""
    rng = np.random.default_rng(6)
    cases: list[Case] = []
    while len(cases) < CASES:
        source = np.float32(np.exp(rng.uniform(-6, 0)))
        steps, tie = int(rng.integers(1, 256)), int(rng.integers(5, 100)) + 0.5
        root = steps**-0.5 / float(source) ** 0.5
        # The first of two roundings leaves so many bits below the second's.
        below = 20 - fixed_point.factor(tie * steps**0.5).shift
        output = np.float32(root / (tie - 2.0 ** -(below + 1)))
        wide = 1 / (float(source) ** 0.5 * float(output))
        narrow = 1 / float(np.sqrt(source) * output)
        if _root_at(steps, wide) == _root_at(steps, narrow):
            continue
        writer = Writer()
        ref = writer.activation((1, 256), Quant(source, -128), 1.0)
        result = writer.activation((1, 256), Quant(output, -128), 1.0)
        writer.operator("RSQRT", [ref.index], [result.index])
        tflite = writer.finish(ref.index, result.index)
        cases.append(make_case(f"m{len(cases)}", tflite, inputs=ALL_VALUES.reshape(1, 256)))
    assert differing_bytes(cases, tmp_path) == {}


def _differs_of_pairs(
    op: str, values: NDArray[np.int64], scales: Sequence[np.float32]
) -> NDArray[np.bool_]:
    """Pairs of values at which a factor made of float32 rounds to another output."""
    first, second, output = scales
    if op == "DIV":
        wide, narrow = float(first) / (float(second) * float(output)), first / (second * output)
        steps: NDArray[np.floating[Any]] = values[:, 0] / values[:, 1]
    else:
        wide = float(first) * float(first) / float(output)
        narrow, steps = first * first / output, (values[:, 0] - values[:, 1]) ** 2.0
    made = [np.floor(steps * float(each) + 0.5) for each in (wide, narrow)]
    changed: NDArray[np.bool_] = made[0] != made[1]
    return changed


@pytest.mark.parametrize("op", ["DIV", "SQUARED_DIFFERENCE"])
def test_three_scales_of_two_tensors(op: str, tmp_path: Path) -> None:
    """Every byte by a constant, where ties are many: the precision of the factor decides them."""
    rng = np.random.default_rng(4)
    cases: list[Case] = []
    while len(cases) < CASES:
        first, second = (np.float32(each) for each in rng.uniform(0.01, 0.1, 2))
        second = second if op == "DIV" else first
        factor = int(rng.integers(65, 256)) if op == "DIV" else 1 / int(rng.integers(100, 300))
        each = first / second if op == "DIV" else first * first
        output = np.float32(each / factor)
        zero_points = -int(rng.integers(0, 128)), -128
        divisor = rng.integers(-127, 0, 256).astype(np.int8)
        values = np.stack([ALL_VALUES - zero_points[0], divisor + 128.0], axis=1).astype(np.int64)
        if not _differs_of_pairs(op, values, (first, second, output)).any():
            continue
        writer = Writer()
        source = writer.activation((1, 256), Quant(first, zero_points[0]), 1.0)
        constant = writer.constant(divisor[None], [second], [zero_points[1]])
        result = writer.activation((1, 256), Quant(output, -3), 1.0)
        writer.operator(op, [source.index, constant], [result.index], _OF_TWO[op])
        tflite = writer.finish(source.index, result.index)
        cases.append(make_case(f"m{len(cases)}", tflite, inputs=ALL_VALUES.reshape(1, 256)))
    assert differing_bytes(cases, tmp_path) == {}


@pytest.mark.parametrize("op", ["LEAKY_RELU", "PRELU"])
def test_slopes_of_negative_values(op: str, tmp_path: Path) -> None:
    """Every int8 below a zero point of 127, times a slope."""
    rng = np.random.default_rng(5)
    cases: list[Case] = []
    slopes = 127 if op == "PRELU" else 1
    while len(cases) < CASES:
        x, wanted = int(rng.integers(100, 256)), int(rng.integers(30, 100)) + 0.5
        source, slope = (np.float32(each) for each in rng.uniform(0.01, 0.1, 2))
        below = -fixed_point.factor(wanted / (x * slopes)).shift
        tie = wanted - (2.0 ** -(below + 1) if below > 0 else 0)
        output = np.float32(float(source) * float(slope) * x * slopes / tie)
        wide = float(source) * float(slope) / float(output)
        narrow = float(source * slope / output)
        if not _differ(-x * slopes, wide, narrow):
            continue
        writer = Writer()
        ref = writer.activation((1, 256, 1), Quant(source, 127), 1.0)
        result = writer.activation((1, 256, 1), Quant(output, 127), 1.0)
        inputs, options = [ref.index], schema.LeakyReluOptionsT(alpha=float(slope))
        if op == "PRELU":
            inputs.append(writer.constant(np.array([[slopes]], np.int8), [slope], [0]))
            options = None
        writer.operator(op, inputs, [result.index], options)
        tflite = writer.finish(ref.index, result.index)
        cases.append(make_case(f"m{len(cases)}", tflite, inputs=ALL_VALUES.reshape(1, 256, 1)))
    assert differing_bytes(cases, tmp_path) == {}


@pytest.mark.parametrize("op", ["RELU6", "ADD"])
def test_activations_near_a_tie(op: str, tmp_path: Path) -> None:
    """Scales under which 6 is a tie in float32 and none in float64, alone and fused."""
    rng = np.random.default_rng(7)
    cases: list[Case] = []
    while len(cases) < CASES:
        scale = np.float32(6 / (int(rng.integers(20, 200)) + 0.5))
        if round(6 / float(scale)) == fixed_point.round_half_away(float(np.float32(6) / scale)):
            continue
        quant = Quant(scale, -128)
        writer = Writer()
        source = writer.activation((1, 256), quant, 1.0)
        result = writer.activation((1, 256), quant, 1.0)
        inputs, options = [source.index], None
        if op == "ADD":
            inputs *= 2
            options = schema.AddOptionsT(fusedActivationFunction=3)
        writer.operator(op, inputs, [result.index], options)
        tflite = writer.finish(source.index, result.index)
        cases.append(make_case(f"m{len(cases)}", tflite, inputs=ALL_VALUES.reshape(1, 256)))
    assert differing_bytes(cases, tmp_path) == {}


def test_sixteen_bit_multipliers(tmp_path: Path) -> None:
    """HARD_SWISH: scales whose ratio rounds to another 16-bit multiplier in float32."""
    rng = np.random.default_rng(6)
    cases: list[Case] = []
    while len(cases) < 2 * CASES:
        scale, output = (np.float32(each) for each in rng.uniform(0.02, 0.2, 2))
        lifted = scale / np.float32(128)
        ratios = (float(lifted) / float(output), float(lifted / output))
        ramps = (float(lifted) / (3 / 32768), float(lifted / np.float32(3 / 32768)))
        halved = [(fixed_point.factor(e).multiplier + (1 << 15)) >> 16 for e in (*ratios, *ramps)]
        if halved[0] == halved[1] and halved[2] == halved[3]:
            continue
        writer = Writer()
        source = writer.activation((1, 256), Quant(scale, -128), 1.0)
        result = writer.activation((1, 256), Quant(output, -128), 1.0)
        writer.operator("HARD_SWISH", [source.index], [result.index])
        tflite = writer.finish(source.index, result.index)
        cases.append(make_case(f"m{len(cases)}", tflite, inputs=ALL_VALUES.reshape(1, 256)))
    assert differing_bytes(cases, tmp_path) == {}


def _scaled(values: NDArray[np.int64], real: float) -> NDArray[np.int64]:
    """`fixed_point.scale` of many values, for right shifts."""
    by = fixed_point.factor(real)
    high = (values * by.multiplier + (1 << 30)) >> 31
    half = (1 << -by.shift) >> 1
    return (high + half - ((high < 0) & (half > 0))) >> -by.shift


def _added(
    x: NDArray[np.int64], y: NDArray[np.int64], scales: list[np.float32], number: type[np.floating]
) -> NDArray[np.int64]:
    """Sums before saturation, with ratios computed in some precision."""
    first, second, output = (number(each) for each in scales)
    twice = number(2) * max(first, second)
    total = _scaled(x << 20, float(first / twice)) + _scaled(y << 20, float(second / twice))
    return _scaled(total, float(twice / (number(1 << 20) * output)))


def _multiplied(
    x: NDArray[np.int64], y: NDArray[np.int64], scales: list[np.float32], number: type[np.floating]
) -> NDArray[np.int64]:
    first, second, output = (number(each) for each in scales)
    return _scaled(x * y, float(first * second / output))


def _discriminating(op: str, rng: np.random.Generator) -> list[np.float32]:
    """Scales of two operands and an output under which the precision decides some byte."""
    x, y = np.meshgrid(ALL_VALUES.astype(np.int64), ALL_VALUES.astype(np.int64))
    compute = _multiplied if op == "MUL" else _added
    while True:
        scales = [np.float32(each) for each in rng.uniform(0.01, 0.1, 2)]
        size = float(scales[0] * scales[1]) * 150 if op == "MUL" else float(sum(scales))
        scales.append(np.float32(size * rng.uniform(0.8, 1.2)))
        results = [compute(x, y, scales, number).clip(-128, 127) for number in _PRECISIONS]
        if (results[0] != results[1]).any():
            return scales


_PRECISIONS = (np.float32, np.float64)
_BINARY = {"ADD": schema.AddOptionsT(), "SUB": schema.SubOptionsT(), "MUL": schema.MulOptionsT()}


@pytest.mark.parametrize("op", _BINARY)
def test_ratios_of_three_scales(op: str, tmp_path: Path) -> None:
    """Every pair of operands, of which each model has some whose output the precision decides."""
    rng = np.random.default_rng(4)
    cases: list[Case] = []
    for number in range(CASES):
        scales = _discriminating(op, rng)
        writer = Writer()
        source = writer.activation((1, 256, 1), Quant(scales[0], 0), 1.0)
        other = writer.constant(ALL_VALUES.reshape(1, 1, 256), [scales[1]], [0])
        result = writer.activation((1, 256, 256), Quant(scales[2], 0), 1.0)
        writer.operator(op, [source.index, other], [result.index], _BINARY[op])
        tflite = writer.finish(source.index, result.index)
        cases.append(make_case(f"m{number}", tflite, inputs=ALL_VALUES.reshape(1, 256, 1)))
    assert differing_bytes(cases, tmp_path) == {}
