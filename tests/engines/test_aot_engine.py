"""The aot engine's interface: what it makes, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks import plugins
from mlforge_tasks.engines._aot.fixed_point import INT32_MAX
from mlforge_tasks.engines._aot.importer import import_model, layer_name
from mlforge_tasks.engines._aot.lower import OPERATORS, lower_operators
from mlforge_tasks.engines._aot.memory import plan
from mlforge_tasks.engines._aot.rewrite import rewrite
from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.errors import CandidateFailure, ToolError
from tests.helpers import graphs
from tests.helpers.aot_host import Case, HostModels, differing_bytes, make_case
from tests.helpers.aot_writer import Quant, Ref, Writer
from tests.helpers.small_models import altered, dense

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

QUANT = Quant(np.float32(0.1), 3)


def _model(shape: tuple[int, ...], add: Callable[[Writer, Ref], int]) -> bytes:
    """A model from an input and what `add` puts behind it."""
    writer = Writer()
    source = writer.activation(shape, QUANT, 1.0)
    return writer.finish(source.index, add(writer, source))


def _relu_chain(writer: Writer, ref: Ref) -> int:
    for _ in range(5):
        output = writer.activation(ref.shape, ref.quant, 1.0)
        writer.operator("RELU", [ref.index], [output.index])
        ref = output
    return ref.index


def test_is_found_by_its_name() -> None:
    """A contract's `engine: aot` is this engine."""
    assert plugins.load("engines", "aot") is PLUGIN
    assert PLUGIN.name == "aot"


def test_the_generator_covers_every_operator() -> None:
    """No operator of the engine goes untested."""
    assert all(set(graphs.OPERATORS) == set(operators) for operators in OPERATORS.values())


@pytest.mark.parametrize("seed", range(5))
def test_equal_arguments_give_equal_bytes(seed: int) -> None:
    """Generation is deterministic, and another prefix changes only names."""
    model = graphs.random_graph(seed)
    first = PLUGIN.generate(model, "cortex-m3", "first")
    assert first == PLUGIN.generate(model, "cortex-m3", "first")
    other = PLUGIN.generate(model, "cortex-m3", "other")
    assert other.arena_bytes == first.arena_bytes
    renamed = first.files["first_aot.c"].replace(b"first_", b"other_")
    assert other.files["other_aot.c"] == renamed


def _biased(bias: int, scales: tuple[np.float32, np.float32], output: Quant) -> bytes:
    """A fully connected layer whose output is its rescaled bias."""
    writer = Writer()
    source = writer.activation((1, 1), Quant(scales[0], 0), 1.0)
    weight = writer.constant(np.array([[0]], np.int8), [scales[1]], [0])
    start = writer.constant(np.array([bias], np.int32), [scales[0] * scales[1]], [0])
    result = writer.activation((1, 1), output, 1.0)
    options = schema.FullyConnectedOptionsT()
    writer.operator("FULLY_CONNECTED", [source.index, weight, start], [result.index], options)
    return writer.finish(source.index, result.index)


@pytest.mark.parametrize(("bias", "output"), [(INT32_MAX, 127), (-INT32_MAX, -128)])
def test_a_zero_point_that_overflows_wraps_as_in_the_oracle(
    bias: int, output: int, tmp_path: Path
) -> None:
    """A factor just below 1 and the greatest bias: the sum leaves int32, and all agree on how."""
    scales = np.float32(1 + 2.0**-15), np.float32(1 - 2.0**-15)
    case = make_case("wraps", _biased(bias, scales, Quant(np.float32(1), output)))
    assert set(case.outputs.flat) == {-128 if output > 0 else 127}
    assert differing_bytes([case], tmp_path) == {}


def test_brings_only_the_kernels_it_uses() -> None:
    """A model of lookups has no convolution in its folder."""
    files = PLUGIN.generate(_model((1, 8), _relu_chain), "cortex-m3").files
    assert set(files) == {
        "aot_map_s8.c",
        "aot_map_s8.h",
        "aot_math.c",
        "aot_math.h",
        "aot_small.h",
        "model_aot.c",
        "model_aot.h",
    }


def test_elementwise_layers_work_in_place() -> None:
    """A chain of maps takes one buffer, the input's."""
    assert PLUGIN.generate(_model((1, 100), _relu_chain), "cortex-m3").arena_bytes == 100


def test_an_input_that_is_read_again_is_not_overwritten(tmp_path: Path) -> None:
    """The sum of x and relu(x) needs x to be kept."""

    def add(writer: Writer, source: Ref) -> int:
        relu = writer.activation(source.shape, QUANT, 1.0)
        total = writer.activation(source.shape, Quant(np.float32(0.2), 0), 1.0)
        writer.operator("RELU", [source.index], [relu.index])
        inputs = [source.index, relu.index]
        writer.operator("ADD", inputs, [total.index], schema.AddOptionsT())
        return total.index

    case = make_case("kept", _model((1, 64), add))
    assert case.generated.arena_bytes == 128
    assert np.array_equal(HostModels([case], tmp_path).run(case), case.outputs)


@pytest.mark.parametrize("seed", range(40))
def test_memory_is_near_its_bound(seed: int) -> None:
    """The arena is at most a tenth above what must be alive at one time."""
    graph, lowered = lower_operators(rewrite(import_model(graphs.random_graph(seed))), "host")
    memory = plan(graph, lowered)
    assert memory.arena_bytes <= 1.1 * memory.least_bytes


def test_profiles_every_operator() -> None:
    """Multiply-accumulates, weights and outputs of a layer can be added up by hand."""

    def add(writer: Writer, source: Ref) -> int:
        weights = writer.constant(np.ones((8, 3, 3, 2), np.int8), [0.01], [0])
        output = writer.activation((1, 6, 6, 8), QUANT, 1.0)
        options = schema.Conv2DOptionsT(padding=0, strideH=1, strideW=1)
        writer.operator("CONV_2D", [source.index, weights], [output.index], options)
        flat = writer.activation((1, 288), QUANT, 1.0)
        shape = writer.constant(np.array([1, 288], np.int32))
        writer.operator("RESHAPE", [output.index, shape], [flat.index])
        return flat.index

    conv, reshape = PLUGIN.generate(_model((1, 6, 6, 2), add), "cortex-m3").layers
    assert (conv.op, conv.macs, conv.output_bytes) == ("CONV_2D", 6 * 6 * 8 * 18, 288)
    assert conv.weight_bytes == 8 * 18 + 8 * 9
    assert (reshape.op, reshape.macs, reshape.weight_bytes) == ("RESHAPE", 0, 0)


def test_equal_constants_lie_in_flash_once(tmp_path: Path) -> None:
    """Two layers of the same weights, as unrolling makes them, and a constant that both read."""

    def add(writer: Writer, source: Ref) -> int:
        values = np.arange(-72, 72, dtype=np.int8).reshape(12, 12)
        weights = writer.constant(values, [0.01], [0])
        addend = writer.constant(values[:1], [0.1], [0])
        for _ in range(2):
            dense = writer.activation((1, 12), QUANT, 1.0)
            options = schema.FullyConnectedOptionsT()
            writer.operator("FULLY_CONNECTED", [source.index, weights], [dense.index], options)
            source = writer.activation((1, 12), QUANT, 1.0)
            inputs = [dense.index, addend]
            writer.operator("ADD", inputs, [source.index], schema.AddOptionsT())
        return source.index

    case = make_case("twice", _model((1, 12), add))
    sizes = [layer.weight_bytes for layer in case.generated.layers]
    assert sizes[0] >= 144
    assert sizes[1:] == [12, 0, 0]
    assert differing_bytes([case], tmp_path) == {}


@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_padding_joins_its_convolution(op: str, tmp_path: Path) -> None:
    """An explicit border costs no step and no memory, unless somebody else reads it."""

    def add(writer: Writer, source: Ref) -> int:
        counts = writer.constant(np.array([[0, 0], [0, 1], [2, 1], [0, 0]], np.int32))
        padded = writer.activation((1, 9, 11, 4), QUANT, 1.0)
        writer.operator("PAD", [source.index, counts], [padded.index], schema.PadOptionsT())
        shape = (4, 3, 3, 4) if op == "CONV_2D" else (1, 3, 3, 4)
        weights = writer.constant(np.ones(shape, np.int8), [0.01], [0])
        output = writer.activation((1, 4, 5, 4), QUANT, 1.0)
        strides = {"padding": 1, "strideH": 2, "strideW": 2}
        options: Any = schema.Conv2DOptionsT(**strides)
        if op != "CONV_2D":
            options = schema.DepthwiseConv2DOptionsT(depthMultiplier=1, **strides)
        writer.operator(op, [padded.index, weights], [output.index], options)
        return output.index

    case = make_case("joined", _model((1, 8, 8, 4), add))
    assert [layer.op for layer in case.generated.layers] == [op]
    assert case.generated.arena_bytes < 8 * 8 * 4 + 9 * 11 * 4
    assert differing_bytes([case], tmp_path) == {}


def _float_island(writer: Writer, source: Ref) -> int:
    island, curved = (writer.float_activation(source.shape) for _ in range(2))
    output = writer.activation(source.shape, QUANT, 1.0)
    writer.operator("DEQUANTIZE", [source.index], [island])
    writer.operator("GELU", [island], [curved])
    writer.operator("QUANTIZE", [curved], [output.index], schema.QuantizeOptionsT())
    return output.index


def _float_output(writer: Writer, source: Ref) -> int:
    output = writer.float_activation(source.shape)
    writer.operator("DEQUANTIZE", [source.index], [output])
    return output


def _activated_concatenation(writer: Writer, source: Ref) -> int:
    output = writer.activation((*source.shape[:3], 8), QUANT, 1.0)
    options = schema.ConcatenationOptionsT(axis=3, fusedActivationFunction=1)
    writer.operator("CONCATENATION", [source.index] * 2, [output.index], options)
    return output.index


def _unknown(op: str) -> Callable[[Writer, Ref], int]:
    def add(writer: Writer, source: Ref) -> int:
        output = writer.activation(source.shape, QUANT, 1.0)
        writer.operator(op, [source.index], [output.index])
        return output.index

    return add


@pytest.mark.parametrize(
    ("add", "names"),
    [
        (_float_island, "GELU .* in float32"),
        (_float_output, "float32 output .* inference_output_type int8"),
        (_activated_concatenation, "CONCATENATION .* fused activation"),
        (_unknown("L2_POOL_2D"), "L2_POOL_2D .* use AveragePooling2D"),
        (_unknown("RELU_N1_TO_1"), "RELU_N1_TO_1 .* use ReLU6"),
        (_unknown("GELU"), "GELU .* use elu"),
        (_unknown("COS"), "COS .* it has ABS, "),
    ],
)
def test_names_what_it_does_not_support(add: Callable[[Writer, Ref], int], names: str) -> None:
    """A result for the agent: the operator, what about it, and what to use instead."""
    with pytest.raises(CandidateFailure, match=names) as caught:
        PLUGIN.generate(_model((1, 3, 5, 4), add), "cortex-m3")
    assert caught.value.reason.code == "unsupported_operator"
    assert caught.value.reason.stage == "engine"
    assert ";" in caught.value.reason.message


@pytest.mark.parametrize("model", [b"", b"no model at all", b"\x00\x00\x00\x00TFL3" + b"\xff" * 40])
def test_bytes_that_are_no_model_are_a_tool_error(model: bytes) -> None:
    """A damaged file is never blamed on the candidate."""
    with pytest.raises(ToolError, match="flatbuffer"):
        PLUGIN.generate(model, "cortex-m3")


@pytest.mark.parametrize(
    ("tensor", "op", "name"),
    [
        ("model_1/relu_1/Relu;model_1/conv_1/convolution", "CONV_2D", "conv_1"),
        ("model_1/separable_1/separable_conv2d/depthwise1", "DEPTHWISE_CONV_2D", "separable_1"),
        ("StatefulPartitionedCall_1:0", "SOFTMAX", "softmax"),
        ("model/Größe 3/Add", "ADD", "gr_e_3"),
        ("", "ADD", "add"),
        ("nets.Net;;nets.Net/torch.nn.Sequential_body/torch.nn.Conv2d_0;1", "CONV_2D", "body_0"),
        ("torch.nn.Sequential/nets.Net_mlforge_network/torch.nn.Linear_out;", "ADD", "out"),
        ("nets.Net_mlforge_network;1", "RESHAPE", "reshape"),
    ],
)
def test_layers_keep_their_names(tensor: str, op: str, name: str) -> None:
    """The Keras layer's or PyTorch module's, as far as C allows it; else the operator's."""
    assert layer_name(tensor, op) == name


def test_steps_of_common_weights_have_their_layers_name() -> None:
    """As those of an unrolled LSTM, whose weights the converter calls `arith.constant`."""

    def change(model: Any) -> None:
        graph = model.subgraphs[0]
        (dense,) = graph.operators
        graph.tensors[dense.inputs[1]].name = "arith.constant2"
        graph.tensors[dense.outputs[0]].name = "net_1/memory_1/lstm_cell_3/MatMul"

    (operator,) = import_model(altered(dense(), change)).operators
    assert operator.name == "l0_memory_1"


def test_a_constant_operand_lies_in_flash(tmp_path: Path) -> None:
    """A constant operand is an array beside the weights, and counts as such."""

    def add(writer: Writer, source: Ref) -> int:
        values = writer.constant(np.arange(16, dtype=np.int8), [0.1], [0])
        output = writer.activation(source.shape, QUANT, 1.0)
        writer.operator("MUL", [source.index, values], [output.index], schema.MulOptionsT())
        return output.index

    case: Case = make_case("scaled", _model((1, 4, 16), add))
    assert case.generated.layers[0].weight_bytes == 16
    assert case.generated.arena_bytes == 64
    assert np.array_equal(HostModels([case], tmp_path).run(case), case.outputs)
