"""Layers that cut off what they compute are found by running the model, not by its scales."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlforge_tasks import oracle
from mlforge_tasks.stages._saturation import EXAMPLES, layer_rails
from mlforge_tasks.verdict.evaluation import Rail
from mlforge_tasks.windows import Windows
from tests.helpers.aot_writer import Quant, Ref, Writer

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

ACTIVATION = schema.ActivationFunctionType
UNIT = Quant(np.float32(1 / 128), 0)


def dense(writer: Writer, source: Ref, quant: Quant, activation: int) -> Ref:
    """Both outputs are the sum of the inputs."""
    output = writer.activation((1, 2), quant, 1.0)
    weights = writer.constant(np.full((2, 2), 64, np.int8), [1 / 64], [0])
    options = schema.FullyConnectedOptionsT(fusedActivationFunction=activation)
    writer.operator("FULLY_CONNECTED", [source.index, weights, -1], [output.index], options)
    return output


def model(quant: Quant, activation: int = ACTIVATION.NONE) -> bytes:
    """A layer with this output, one that moves it, a bounded one, and the last."""
    writer = Writer()
    source = writer.activation((1, 2), UNIT, 1.0)
    first = dense(writer, source, quant, activation)
    moved = writer.activation((1, 1, 2), quant, 1.0)
    shape = writer.constant(np.array([1, 1, 2], np.int32))
    reshape: Any = schema.ReshapeOptionsT(newShape=[1, 1, 2])
    writer.operator("RESHAPE", [first.index, shape], [moved.index], reshape)
    bounded = writer.activation((1, 1, 2), Quant(np.float32(1 / 256), -128), 1.0)
    writer.operator("LOGISTIC", [moved.index], [bounded.index])
    last = dense(writer, bounded, UNIT, ACTIVATION.NONE)
    return writer.finish(source.index, last.index)


# Sums of -1.5, -0.5, 0.5 and 1.5.
INPUTS = Windows.each(np.array([[-96, -96], [-32, -32], [32, 32], [96, 96]], np.int8))


@pytest.mark.parametrize(
    ("quant", "activation", "low", "high"),
    [
        (Quant(np.float32(1 / 64), 0), ACTIVATION.NONE, 0, 0),
        (UNIT, ACTIVATION.NONE, 2, 2),
        (Quant(np.float32(1 / 256), -128), ACTIVATION.NONE, 4, 2),
        (Quant(np.float32(1 / 256), -128), ACTIVATION.RELU, 0, 2),
        (Quant(np.float32(1 / 128), 0), ACTIVATION.RELU_N1_TO_1, 0, 0),
    ],
    ids=["reaches all", "symmetric", "from 0 on", "relu", "cut by the function"],
)
def test_what_the_range_cuts_off_is_counted(
    quant: Quant, activation: int, low: int, high: int
) -> None:
    """Of the layer that computes it alone, and not where its activation function stops."""
    (found,) = layer_rails(model(quant, activation), INPUTS)
    assert found.name.startswith("l0_")
    assert (found.values, found.at_low, found.at_high) == (8, low, high)


def test_where_a_function_ends_nothing_is_cut_off() -> None:
    """SiLU at its least, and squares of next to nothing, as LayerNormalization has them."""
    writer = Writer()
    source = writer.activation((1, 2), Quant(np.float32(1 / 16), 0), 1.0)
    gate = writer.activation((1, 2), Quant(np.float32(1 / 256), -128), 1.0)
    writer.operator("LOGISTIC", [source.index], [gate.index])
    made = writer.activation((1, 2), Quant(np.float32(0.005), -73), 1.0)  # from -0.275 on
    writer.operator("MUL", [source.index, gate.index], [made.index], schema.MulOptionsT())
    square = writer.activation((1, 2), Quant(np.float32(0.01), -128), 1.0)
    options: Any = schema.SquaredDifferenceOptionsT()
    writer.operator("SQUARED_DIFFERENCE", [made.index, made.index], [square.index], options)
    last = dense(writer, square, UNIT, ACTIVATION.NONE)
    least = Windows.each(np.full((4, 2), -20, np.int8))
    found = layer_rails(writer.finish(source.index, last.index), least)
    assert [(one.at_low, one.at_high) for one in found] == [(0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("op", "quant", "high"),
    [
        ("SQUARE", Quant(np.float32(0.01), -128), 0),  # up to 2.55; squares reach 1
        ("SQUARE", Quant(np.float32(0.001), -128), 4),  # up to 0.255
        ("RSQRT", Quant(np.float32(0.05), -128), 0),  # up to 12.75; 11.3 is that of the first step
        ("RSQRT", Quant(np.float32(0.01), -128), 6),
    ],
)
def test_what_is_made_of_one_tensor_ends_where_its_function_does(
    op: str, quant: Quant, high: int
) -> None:
    """Squares of little are 0 and are not cut off; an inverse root is the greatest at 0."""
    writer = Writer()
    of = Quant(np.float32(1 / 128), -128 if op == "RSQRT" else 0)
    source = writer.activation((1, 2), of, 1.0)
    made = writer.activation((1, 2), quant, 1.0)
    if op == "RSQRT":
        writer.operator(op, [source.index], [made.index])
    else:
        island, squared = (writer.float_activation((1, 2)) for _ in range(2))
        writer.operator("DEQUANTIZE", [source.index], [island])
        writer.operator(op, [island], [squared])
        writer.operator("QUANTIZE", [squared], [made.index], schema.QuantizeOptionsT())
    last = dense(writer, made, UNIT, ACTIVATION.NONE)
    ends = Windows.each(np.tile(np.array([[-128, -128], [of.zero_point, 1]], np.int8), (2, 1)))
    (found,) = layer_rails(writer.finish(source.index, last.index), ends)
    assert (found.at_low, found.at_high) == (0, high)


@pytest.mark.parametrize(("scale", "high"), [(1 / 255, 0), (0.8 / 255, 8)])
def test_what_operands_cannot_come_to_is_not_cut_off(scale: float, high: int) -> None:
    """A sixth of what is 6 at most, the end of hard_sigmoid, is 1 at most."""
    writer = Writer()
    source = writer.activation((1, 2), Quant(np.float32(6 / 255), -128), 1.0)
    sixth = writer.constant(np.array([127], np.int8), [1 / 6 / 127], [0])
    made = writer.activation((1, 2), Quant(np.float32(scale), -128), 1.0)
    writer.operator("MUL", [source.index, sixth], [made.index], schema.MulOptionsT())
    last = dense(writer, made, UNIT, ACTIVATION.NONE)
    most = Windows.each(np.full((4, 2), 127, np.int8))
    (found,) = layer_rails(writer.finish(source.index, last.index), most)
    assert (found.at_low, found.at_high) == (0, high)


@pytest.mark.parametrize(("scale", "high"), [(6.1 / 255, 0), (3 / 255, 4)])
def test_a_mean_is_cut_off_only_where_its_operand_reaches_further(scale: float, high: int) -> None:
    """Behind a ReLU, of a channel that is 0 all the time, it is 0."""
    writer = Writer()
    source = writer.activation((1, 2, 2), Quant(np.float32(6 / 255), -128), 1.0)
    axes = writer.constant(np.array([1], np.int32))
    made = writer.activation((1, 2), Quant(np.float32(scale), -128), 1.0)
    options: Any = schema.ReducerOptionsT(keepDims=False)
    writer.operator("MEAN", [source.index, axes], [made.index], options)
    last = dense(writer, made, UNIT, ACTIVATION.NONE)
    examples = np.array([[[-128, 100], [-128, 127]]] * 4, np.int8)
    (found,) = layer_rails(writer.finish(source.index, last.index), Windows.each(examples))
    assert (found.at_low, found.at_high) == (0, high)


def test_of_many_examples_some_are_run() -> None:
    """From the first to the last."""
    many = Windows.each(np.repeat(INPUTS.rows, 1000, axis=0))
    (found,) = layer_rails(model(UNIT), many)
    assert found.values == 2 * EXAMPLES
    assert found.share == pytest.approx(0.5, rel=0.01)


def test_where_nothing_tells_it_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an oracle, and with one that the model ends."""
    found: list[tuple[Rail, ...]] = []

    def crash(*_: object) -> None:
        raise oracle.ReferenceCrashedError("it ended itself")

    with monkeypatch.context() as change:
        change.setattr(oracle, "ends_of", crash)
        found.append(layer_rails(model(UNIT), INPUTS))
    monkeypatch.setattr(oracle, "available", lambda: False)
    found.append(layer_rails(model(UNIT), INPUTS))
    assert found == [(), ()]
