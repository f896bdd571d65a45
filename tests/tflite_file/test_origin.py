"""Which tool made a file, and what its user calls a layer: by what today's converters write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.stages import _bring
from mlforge_tasks.stages._refusals import float_end, misshapen, refusal
from mlforge_tasks.stages._several import Wanted
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.origin import Origin, origin_of
from tests.helpers import small_models as small
from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.model_data import card
from tests.helpers.small_models import altered

if TYPE_CHECKING:
    from collections.abc import Callable

TORCH = (
    "nets.Net;;nets.Net/torch.nn.modules.container.Sequential_body/torch.nn.modules.conv.Conv2d_0;1"
)
KERAS_3 = "sequential_1/head_1/MatMul;sequential_1/head_1/BiasAdd"


def _made(names: str, description: str = "", tensorflow: str = "") -> Callable[[Any], None]:
    """A file with tensors of a name, as a tool describes it."""

    def change(model: Any) -> None:
        model.description = description
        for tensor in model.subgraphs[0].tensors:
            tensor.name = names
        if tensorflow:
            model.buffers.append(schema.BufferT(data=list(b"\0\1" + tensorflow.encode())))
            entry = schema.MetadataT(name="CONVERSION_METADATA", buffer=len(model.buffers) - 1)
            model.metadata = [entry]

    return change


@pytest.mark.parametrize(
    ("change", "origin", "layer"),
    [
        (
            _made(KERAS_3, "MLIR Converted.", "2.21.0"),
            Origin("Keras", numbered=True),
            "Keras layer 'head'",
        ),
        (
            _made("model_1/conv2d_1_2/Relu", "MLIR Converted.", "2.16.1"),
            Origin("Keras", numbered=True),
            "Keras layer 'conv2d_1'",
        ),
        (_made("functional_1/dense_1/MatMul"), Origin("Keras"), "Keras layer 'dense_1'"),
        (
            _made("model_1/dense_1/MatMul", "MLIR Converted.", "2.15.0"),
            Origin("Keras"),
            "Keras layer 'dense_1'",
        ),
        (_made(TORCH), Origin("PyTorch"), "PyTorch module 'body.0' (Conv2d)"),
        (
            _made("model/tf.nn.elu/Elu", "MLIR Converted.", "2.19.0"),
            Origin("ONNX"),
            "the ONNX operator that onnx2tf made tf.nn.elu of",
        ),
        (_made("scratch", "Vela Optimised"), Origin("Vela"), ""),
        (_made("tfl.dequantize"), Origin(""), ""),
        (_made(""), Origin(""), ""),
    ],
)
def test_names_tell_the_tool_and_the_layer(
    change: Callable[[Any], None], origin: Origin, layer: str
) -> None:
    """Keras 3's numbers are not the user's, Keras 2's are; a tool that leaves no name is none."""
    model = read(altered(small.conv(), change))
    assert origin_of(model) == origin
    assert origin.layer(model.main.tensors[0].name) == layer


def _float_layer(weights: str) -> bytes:
    """A dense layer that computes in float."""
    writer = Writer()
    source, output = (writer.float_activation((1, 4)) for _ in range(2))
    index = writer.constant(np.ones((4, 4), np.int8), [0.1], [0])
    used = index
    if weights == "FLOAT16":
        used = writer.float_activation((4, 4))
        writer.operator("DEQUANTIZE", [index], [used], schema.DequantizeOptionsT())
    writer.operator("FULLY_CONNECTED", [source, used], [output], schema.FullyConnectedOptionsT())

    def change(model: Any) -> None:
        tensor = model.subgraphs[0].tensors[index]
        tensor.type = getattr(schema.TensorType, weights)
        _made(KERAS_3 if weights != "FLOAT32" else TORCH)(model)

    return altered(writer.finish(source, output), change)


def _of_onnx2tf(content: bytes, values: str = "FLOAT32") -> bytes:
    """The same as version 2.6 describes it, with values of a type."""

    def change(model: Any) -> None:
        _made("node_linear", "onnx2tf flatbuffer_direct")(model)
        for tensor in model.subgraphs[0].tensors:
            if tensor.type == schema.TensorType.FLOAT32:
                tensor.type = getattr(schema.TensorType, values)

    return altered(content, change)


def _dilated(batch: int) -> bytes:
    """The first operator of a dilated convolution over 8 steps, as Keras' names have it."""
    quant, writer = Quant(np.float32(0.1), 0), Writer()
    source = writer.activation((1, 8, 6), quant, 1.0)
    lists = [writer.constant(np.array(each, np.int32)) for each in ([2], [[0, 0]])]
    made = writer.activation((batch, 4, 6), quant, 1.0)
    options = schema.SpaceToBatchNDOptionsT()
    writer.operator("SPACE_TO_BATCH_ND", [source.index, *lists], [made.index], options)
    content = writer.finish(source.index, made.index)
    return altered(content, _made("model_1/far_1/SpaceToBatchND", "", "2.21.0"))


def _variables(*, assigned: bool) -> bytes:
    """A layer whose weights are a variable's."""
    quant, writer = Quant(np.float32(0.1), 0), Writer()
    source, output = (writer.activation((1, 4), quant, 1.0) for _ in range(2))
    handle, weights = writer.float_activation(()), writer.float_activation((4, 4))
    writer.operator("VAR_HANDLE", [], [handle], schema.VarHandleOptionsT())
    if assigned:
        writer.operator("ASSIGN_VARIABLE", [handle, weights], [], schema.AssignVariableOptionsT())
    writer.operator("READ_VARIABLE", [handle], [weights], schema.ReadVariableOptionsT())
    writer.operator("FULLY_CONNECTED", [source.index, weights], [output.index])
    return writer.finish(source.index, output.index)


def test_what_a_converter_left_out_is_told() -> None:
    """Weights that are not in the file, and batches of a dilated convolution."""
    assert "the model's weights are not in the file" in refusal(_variables(assigned=False))
    assert "weights are not in" not in refusal(_variables(assigned=True))
    told = refusal(_dilated(1))
    assert "a dilated convolution (Keras layer 'far') becomes SPACE_TO_BATCH_ND" in told
    assert refusal(_dilated(2)) == ""


def test_shapes_that_are_not_those_of_one_example_are_told() -> None:
    """As UpSampling2D of an open batch has them; not where they are."""

    def change(model: Any) -> None:
        graph = model.subgraphs[0]
        reshape = next(one for one in graph.operators if len(one.inputs) == 2 and not one.inputs[0])
        graph.tensors[reshape.outputs[0]].shape = [1, 7]

    told = misshapen(altered(small.open_batch(), change))
    assert "a RESHAPE (Keras layer 'tensor_" in told
    assert "does not have that of one example; give the .keras file" in told
    assert misshapen(small.open_batch()) == ""


def test_an_output_that_a_layer_makes_in_float_names_the_layer() -> None:
    """A dense layer behind integers, for which there is no scale to give its output."""
    writer = Writer()
    quant = Quant(np.float32(0.1), 0)
    source, made = (writer.activation((1, 4), quant, 1.0) for _ in range(2))
    real, output = (writer.float_activation((1, 4)) for _ in range(2))
    weights = writer.constant(np.eye(4, dtype=np.float32))
    writer.operator("TANH", [source.index], [made.index])
    writer.operator("DEQUANTIZE", [made.index], [real])
    dense = schema.FullyConnectedOptionsT()
    writer.operator("FULLY_CONNECTED", [real, weights, -1], [output], dense)
    content = altered(writer.finish(source.index, output), _made(KERAS_3, "", "2.21.0"))
    told = float_end(content)
    assert told.startswith("its output is made in float32, by FULLY_CONNECTED (Keras layer 'head')")
    assert "give the .keras file" in told
    assert float_end(small.conv()) == ""


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (_float_layer("FLOAT32"), "without quantisation and computes in float32: quantise weights"),
        (_float_layer("FLOAT16"), "its weights are float16, .* give the .keras file"),
        (_float_layer("INT8"), r"only its weights are quantised \(dynamic range\), .* give the"),
        (_of_onnx2tf(_float_layer("FLOAT32")), "without quantisation .* `onnx2tf -oiqt`"),
        (_of_onnx2tf(_float_layer("FLOAT16"), "FLOAT16"), "it computes in float16: .*-oiqt"),
        (altered(small.conv(), _made("x", "Vela Optimised")), "Vela's output for an Ethos-U NPU"),
    ],
)
def test_a_file_of_another_kind_is_told_as_that(content: bytes, told: str) -> None:
    """Before anything else of it is looked at, with what the user of its tool does about it."""
    with pytest.raises(CandidateFailure, match=told):
        _bring.read(
            content, Wanted(card("regression", (4,), 4)), lambda: pytest.fail("no Keras here")
        )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("sequential_1/act_1/Gelu", "GELU 'l0_act_1' .* use elu, silu .* comes from Keras layer"),
        (TORCH, r"use nn.ELU, nn.SiLU .*; it comes from PyTorch module 'body.0' \(Conv2d\)"),
        ("model/tf.nn.gelu/Gelu", "use Elu or Tanh, .* that onnx2tf made tf.nn.gelu of"),
        ("x", "use elu, silu or tanh, [^;]*; TFLite Micro has no int8 kernel for it either$"),
    ],
)
def test_a_refusal_names_the_layer_that_was_written(name: str, told: str) -> None:
    """And what its tool has instead."""
    quant = Quant(np.float32(0.1), 0)
    content = altered(small.unary("GELU", schema.GeluOptionsT(), quant), _made(name))
    with pytest.raises(CandidateFailure, match=told):
        PLUGIN.generate(content, "cortex-m3")
