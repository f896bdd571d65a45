"""Every field of a file that the importer reads: equal to the oracle, or refused with the cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.engines._aot.forms import ROLES
from mlforge_tasks.engines._aot.lower import OPERATORS
from mlforge_tasks.engines._aot.options import READINGS
from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.errors import CandidateFailure
from tests.helpers import small_models as small
from tests.helpers.aot_host import differing_bytes, make_case
from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.small_models import SHAPE, altered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FLAT = (1, 100)


def _tensor(index: int, **fields: Any) -> Callable[[Any], None]:
    """Sets fields of a tensor."""

    def change(model: Any) -> None:
        for name, value in fields.items():
            setattr(model.subgraphs[0].tensors[index], name, value)

    return change


def _quantisation(index: int, **fields: Any) -> Callable[[Any], None]:
    """Sets fields of a tensor's quantisation."""

    def change(model: Any) -> None:
        for name, value in fields.items():
            setattr(model.subgraphs[0].tensors[index].quantization, name, value)

    return change


def _operator(**fields: Any) -> Callable[[Any], None]:
    """Sets fields of the first operator."""

    def change(model: Any) -> None:
        for name, value in fields.items():
            setattr(model.subgraphs[0].operators[0], name, value)

    return change


def _graph(**fields: Any) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        for name, value in fields.items():
            setattr(model.subgraphs[0], name, value)

    return change


def _buffer(index: int, **fields: Any) -> Callable[[Any], None]:
    """Sets fields of the buffer of a tensor."""

    def change(model: Any) -> None:
        for name, value in fields.items():
            setattr(model.buffers[model.subgraphs[0].tensors[index].buffer], name, value)

    return change


def _code(**fields: Any) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        for name, value in fields.items():
            setattr(model.operatorCodes[0], name, value)

    return change


def _stripped(model: Any) -> None:
    for tensor in model.subgraphs[0].tensors:
        tensor.name = None


def _twice(model: Any) -> None:
    model.subgraphs[0].operators.append(model.subgraphs[0].operators[0])


def _second_graph(model: Any) -> None:
    model.subgraphs.append(model.subgraphs[0])


def _without_options(model: Any) -> None:
    _operator(builtinOptions=None, builtinOptionsType=0)(model)


def _other_options(model: Any) -> None:
    _operator(builtinOptions=schema.Pool2DOptionsT(), builtinOptionsType=5)(model)


_ADD, _MEAN = schema.AddOptionsT(), schema.ReducerOptionsT(keepDims=True)
EQUAL = {
    **{
        f"tconv_{code}_{step}": small.transposed(code, step) for code in range(4) for step in (1, 2)
    },
    "stripped": altered(small.conv(), _stripped),
    "name_in_any_bytes": altered(small.conv(), _tensor(1, name=b'a/\xff"*/\n\\\0?\xe2\x80\xae/b')),
    "long_name": altered(small.conv(), _tensor(1, name=b"a/" + b"x" * 5000)),
    "one_zero_point_for_all": altered(small.conv(6), _quantisation(1, zeroPoint=[0])),
    "bias_without_scale": altered(small.conv(), _tensor(2, quantization=None)),
    "weights_of_scale_0": altered(small.conv(6), _quantisation(1, scale=[0.0] + [0.01] * 5)),
    "no_activation_options": altered(small.joined("ADD", _ADD, SHAPE), _without_options),
    "bias_of_two_axes": altered(small.conv(), _tensor(2, shape=[1, 6])),
    "squeezed": small.squeezed(),
    **{
        f"hard_swish_{number}": small.unary("HARD_SWISH", None, Quant(np.float32(made), 3))
        for number, made in enumerate((0.1, 9.0, 800.0, 1e6))
    },
    "another_version": altered(small.conv(), _code(version=99)),
    "unused_tensor_of_another_type": altered(
        small.conv(), lambda model: model.subgraphs[0].tensors.append(schema.TensorT(type=9))
    ),
    "open_batch": small.open_batch(),
    "duplicate_axes": small.listed("MEAN", (1, 1, 1, 4), [1, 2, 1, -2], options=_MEAN),
    "mean_of_scalar_axis": small.listed("MEAN", (1, 1, 5, 4), 1, options=_MEAN),
}


def test_what_a_file_may_say_equals_the_oracle(tmp_path: Path) -> None:
    """Fused activations of TRANSPOSE_CONV, stripped and odd names, what is absent, open batches."""
    cases = [make_case(name, tflite) for name, tflite in EQUAL.items()]
    assert differing_bytes(cases, tmp_path) == {}


def test_every_operator_says_what_it_takes() -> None:
    """No operator's operands and options go unread."""
    assert all(set(ROLES) == set(operators) for operators in OPERATORS.values())
    assert set(READINGS) <= set(ROLES)


_TABLE = {
    "batch": (altered(small.unary("RELU"), _tensor(0, shape=[4, 5, 5, 4])), r"a batch of 4"),
    "no_batch": (small.listed("RESHAPE", (), [1]), r"RESHAPE .* output \[\], where"),
    "batch_of_outputs": (small.listed("RESHAPE", (100,), [100]), r"output \[100\], a batch of 100"),
    "inner_batch": (
        small.chain(
            [
                ("RESHAPE", (5, 5, 4, 1), None),
                ("AVERAGE_POOL_2D", (5, 5, 4, 1), "pool"),
                ("RESHAPE", (1, 100), None),
            ]
        ),
        r"AVERAGE_POOL_2D .* a batch of 5",
    ),
    "no_options": (altered(small.conv(), _without_options), "CONV_2D without its Conv2DOptions"),
    "others_options": (altered(small.conv(), _other_options), "CONV_2D without its Conv2DOptions"),
    "no_stride": (small.conv(strideH=0), "a stride, dilation or window of 0"),
    "padding": (
        small.weighted("CONV_2D", schema.Conv2DOptionsT(padding=7), (1, 5, 5, 6)),
        "kind 7",
    ),
    "activation": (small.conv(fusedActivationFunction=5), "activation other than ReLU"),
    "shuffled": (small.dense(weightsFormat=1), "shuffled weights"),
    "multiplier": (small.depthwise(2), "depth multiplier of 2, 4 channels in and 4 out"),
    "dilation": (small.conv(dilationHFactor=3, padding=1), r"output \[1, 5, 5, 6\]|window of"),
    "beta": (
        small.unary("SOFTMAX", schema.SoftmaxOptionsT(beta=-1.0), Quant(np.float32(1 / 256), -128)),
        "SOFTMAX .* beta of -1",
    ),
    "alpha": (
        small.unary("LEAKY_RELU", schema.LeakyReluOptionsT(alpha=float("nan"))),
        "an option of nan",
    ),
    "logistic_scale": (small.unary("LOGISTIC"), "LOGISTIC .* output scale other than"),
    "logistic_huge": (
        small.unary(
            "LOGISTIC", None, Quant(np.float32(1 / 256), -128), source=Quant(np.float32(1e12), 0)
        ),
        "LOGISTIC .* input scale of 1e.12",
    ),
    "pad_value": (small.padded(0.2), "PADV2 .* changes the scale"),
    "pad_computed": (altered(small.padded(0.1), _operator(inputs=[0, 1, 0])), "computed"),
    "squeeze_axis": (
        small.parts("SQUEEZE", schema.SqueezeOptionsT(squeezeDims=[1]), (SHAPE,)),
        r"axes \[1\] of",
    ),
    "bias_of_another_type": (small.conv(quantizedBiasType=1), "another type than int32"),
    "list_of_lists": (small.listed("MEAN", (1, 1, 5, 4), [[1]], options=_MEAN), r"shape \[1, 1\]"),
    "scale_0": (altered(small.conv(), _quantisation(3, scale=[0.0])), "of scale 0"),
    "scale_inf": (altered(small.conv(), _quantisation(3, scale=[float("inf")])), "of scale inf"),
    "scale_nan": (altered(small.conv(), _quantisation(0, scale=[float("nan")])), "of scale nan"),
    "scale_below_0": (altered(small.conv(), _quantisation(1, scale=[-0.1])), "of scale -0.1"),
    "scale_denormal": (
        altered(small.conv(), _quantisation(0, scale=[1e-42])),
        "of scale 1.00053e-42",
    ),
    "two_scales": (
        altered(small.conv(), _quantisation(0, scale=[0.1, 0.2], zeroPoint=[0, 0])),
        "2 scales for",
    ),
    "ratio": (
        small.unary("QUANTIZE", None, Quant(np.float32(1e-6), 0), source=Quant(np.float32(1e6), 0)),
        "QUANTIZE .* ratio of 1e.12",
    ),
    "ratio_of_weights": (altered(small.conv(), _quantisation(1, scale=[1e12])), "CONV_2D .* ratio"),
    "no_zero_points": (
        altered(small.conv(), _quantisation(0, zeroPoint=None)),
        "lacks zero points",
    ),
    "no_scales": (altered(small.conv(), _tensor(3, quantization=None)), "lacks a scale"),
    "no_weight_scales": (altered(small.dense(), _tensor(1, quantization=None)), "lacks a scale"),
    "zero_point": (altered(small.conv(), _quantisation(3, zeroPoint=[300])), "no int8 value"),
    "asymmetric": (altered(small.conv(), _quantisation(1, zeroPoint=[4])), "asymmetric weights"),
    "other_axis": (
        altered(small.conv(6), _quantisation(1, quantizedDimension=3)),
        "6 scales along axis 3",
    ),
    "few_scales": (
        altered(small.conv(6), _quantisation(1, scale=[0.1] * 4, zeroPoint=[0] * 4)),
        "4 scales along axis 0",
    ),
    "bias_scale": (altered(small.dense(), _quantisation(2, scale=[0.5])), "bias of another scale"),
    "bias_type": (
        altered(small.conv(), _tensor(2, type=schema.TensorType.FLOAT32)),
        "float32 bias",
    ),
    "biases": (
        altered(small.conv(), lambda m: (_tensor(2, shape=[3])(m), _buffer(2, data=[0] * 12)(m))),
        "3 biases for 6",
    ),
    "int4": (
        altered(small.conv(), _tensor(1, type=schema.TensorType.INT4)),
        r"of 216 bytes, where int4.* takes 108",
    ),
    "uint8": (
        altered(small.unary("RELU"), _tensor(0, type=schema.TensorType.UINT8)),
        "uint8 input",
    ),
    "type_99": (altered(small.unary("RELU"), _tensor(1, type=99)), "a type 99 output"),
    "short_buffer": (altered(small.conv(), _buffer(1, data=[1] * 7)), "of 7 bytes, where int8"),
    "long_buffer": (altered(small.conv(), _buffer(2, data=[1] * 400)), "of 400 bytes, where int32"),
    "no_buffer": (altered(small.conv(), _tensor(1, buffer=0)), "before anything has made it"),
    "outside": (altered(small.conv(), _buffer(1, data=None, offset=4096, size=216)), "outside the"),
    "sparse": (altered(small.conv(), _tensor(1, sparsity=schema.SparsityParametersT())), "sparse"),
    "variable": (altered(small.unary("RELU"), _tensor(1, isVariable=True)), "a variable"),
    "constant_input": (altered(small.conv(), _graph(inputs=[0, 1])), "a constant as the model's"),
    "no_inputs": (altered(small.conv(), _graph(inputs=[])), "without inputs"),
    "no_outputs": (altered(small.conv(), _graph(outputs=[])), "without outputs"),
    "two_graphs": (altered(small.conv(), _second_graph), "several subgraphs"),
    "schema": (
        altered(small.conv(), lambda model: setattr(model, "version", 2)),
        "schema version 2",
    ),
    "made_twice": (altered(small.conv(), _twice), "which is made already"),
    "writes_input": (altered(small.unary("RELU"), _operator(outputs=[0])), "is made already"),
    "writes_constant": (altered(small.conv(), _operator(outputs=[1])), "is constant"),
    "reads_itself": (altered(small.unary("RELU"), _operator(inputs=[1])), "before anything has"),
    "input_as_output": (altered(small.conv(), _graph(outputs=[0])), "no operator makes"),
    "constant_output": (altered(small.conv(), _graph(outputs=[1])), "no operator makes"),
    "no_layers": (altered(small.conv(), _graph(operators=[])), "no operator makes"),
    "no_operands": (altered(small.unary("RELU"), _operator(inputs=[])), "with 0 inputs"),
    "absent_operand": (altered(small.conv(), _operator(inputs=[-1, 1, 2])), "without one of its"),
    "many_operands": (altered(small.conv(), _operator(inputs=[0, 1, 2, 2])), "with 4 inputs"),
    "no_output": (altered(small.unary("RELU"), _operator(outputs=[])), "RELU without an output"),
    "newer": (altered(small.conv(), _code(builtinCode=250)), "operator 250 .* earlier TensorFlow"),
    "custom": (
        altered(small.unary("RELU"), _code(builtinCode=32, customCode=b"Mine")),
        "custom operator 'Mine'",
    ),
    "output_shape": (altered(small.conv(), _tensor(3, shape=[1, 9, 9, 6])), r"\[1, 9, 9, 6\], wh"),
    "shape_of_a_map": (
        altered(small.unary("RELU"), _tensor(1, shape=[1, 5, 5, 1, 4])),
        r"RELU .* where it makes \[1, 5, 5, 4\]",
    ),
    "no_shape": (altered(small.conv(), _tensor(3, shape=[1, -1, 5, 6])), r"shape \[1, -1, 5, 6\]"),
    "three_axes": (altered(small.conv(), _tensor(0, shape=[1, 25, 4])), "3 axes instead of 4"),
    "tconv_shape": (altered(small.transposed(), _tensor(4, shape=[1, 99, 10, 6])), "for an output"),
    "dense_shape": (altered(small.dense(), _tensor(3, shape=[1, 7])), r"output \[1, 7\] of 6"),
    "axis": (small.listed("MEAN", (1, 1, 1, 4), [1, 9], options=_MEAN), "axis 9"),
    "join_axis": (
        small.joined("CONCATENATION", schema.ConcatenationOptionsT(axis=7), (1, 5, 5, 8)),
        "axis 7",
    ),
    "join_shape": (
        small.joined("CONCATENATION", schema.ConcatenationOptionsT(axis=3), (1, 5, 5, 9)),
        r"\[1, 5, 5, 9\], where it makes \[1, 5, 5, 8\]",
    ),
    "pack_count": (
        small.joined("PACK", schema.PackOptionsT(valuesCount=3), (2, *SHAPE)),
        "2 parts, where it names 3",
    ),
    "unpack_count": (
        small.parts("UNPACK", schema.UnpackOptionsT(num=2, axis=3), ((1, 5, 5), (1, 5, 5))),
        "2 outputs",
    ),
    "split_sizes": (
        small.parts("SPLIT_V", schema.SplitVOptionsT(), ((1, 5, 5, 2),) * 2, [1, 3], [3]),
        r"where it makes \[1, 5, 5, 1\]",
    ),
    "split_uneven": (
        small.parts("SPLIT", schema.SplitOptionsT(), ((1, 5, 5, 1),) * 3, 3),
        "3 parts of 4",
    ),
    "broadcast": (
        small.joined("ADD", _ADD, (1, 5, 5, 3)),
        r"\[1, 5, 5, 3\], where it makes \[1, 5, 5, 4\]",
    ),
    "pad": (
        small.listed("PAD", (1, 5, 4, 4), [[0, 0], [0, 0], [0, -1], [0, 0]]),
        "padding .*-1",
    ),
    "order": (small.listed("TRANSPOSE", SHAPE, [0, 1, 1, 3]), r"an order of axes \[0, 1, 1, 3\]"),
    "step_0": (
        small.listed(
            "STRIDED_SLICE",
            SHAPE,
            [0] * 4,
            [1, 5, 5, 4],
            [1, 1, 0, 1],
            options=schema.StridedSliceOptionsT(),
        ),
        "a step of 0",
    ),
    "few_bounds": (
        small.listed("STRIDED_SLICE", SHAPE, [0], [1], [1], options=schema.StridedSliceOptionsT()),
        "bounds for some axes",
    ),
    "resize": (
        small.listed(
            "RESIZE_NEAREST_NEIGHBOR",
            (1, 9, 9, 4),
            [9, 8],
            options=schema.ResizeNearestNeighborOptionsT(),
        ),
        r"where it makes \[1, 9, 8, 4\]",
    ),
    "int64_axes": (
        altered(
            small.listed("MEAN", (1, 1, 5, 4), [1], options=_MEAN),
            lambda model: (
                _tensor(1, type=schema.TensorType.INT64)(model),
                _buffer(1, data=[1, 0, 0, 0, 0, 0, 0, 0])(model),
            ),
        ),
        "MEAN .* not int32 constants",
    ),
    "reshape": (small.listed("RESHAPE", (1, 99), [1, 99]), r"output \[1, 99\]"),
}


@pytest.mark.parametrize("name", _TABLE)
def test_what_is_refused_names_the_cause(name: str) -> None:
    """A result that says which operator or tensor, what about it, and what to do."""
    tflite, cause = _TABLE[name]
    with pytest.raises(CandidateFailure, match=cause) as caught:
        PLUGIN.generate(tflite, "host")
    assert caught.value.reason.code == "unsupported_operator"
    assert "; " in caught.value.reason.message


def test_relu6_that_changes_its_scale_is_told_what_helps() -> None:
    """TensorFlow's own quantiser makes it: to convert with that is no advice."""
    writer = Writer()
    source = writer.activation((1, 4), Quant(np.float32(0.02), 5), 1.0)
    output = writer.activation((1, 4), Quant(np.float32(0.08), -15), 1.0)
    writer.operator("RELU6", [source.index], [output.index], None)
    with pytest.raises(CandidateFailure, match="use 'relu' in its place") as failure:
        PLUGIN.generate(writer.finish(source.index, output.index), "cortex-m3")
    assert "own quantiser" not in str(failure.value)


def test_one_tensor_as_two_inputs_is_refused() -> None:
    """The reference keeps what is written last."""
    writer = Writer()
    source = writer.activation((1, 4), Quant(np.float32(0.02), 5), 1.0)
    output = writer.activation((1, 4), Quant(np.float32(0.02), 5), 1.0)
    writer.operator("RELU", [source.index], [output.index])
    model = writer.finish_several([source.index] * 2, [output.index])
    with pytest.raises(CandidateFailure, match="one tensor as two of its inputs"):
        PLUGIN.generate(model, "cortex-m3")


@pytest.mark.parametrize("inputs", [[], [-1]])
def test_a_conversion_of_nothing_is_refused(inputs: list[int]) -> None:
    """An operator in float is looked at before it is known what operands it has."""
    writer = Writer()
    ends = [writer.activation((1, 4), Quant(np.float32(0.02), 0), 1.0).index for _ in range(2)]
    writer.operator("DEQUANTIZE", inputs, ends[1:], None)
    with pytest.raises(CandidateFailure, match="DEQUANTIZE"):
        PLUGIN.generate(writer.finish(*ends), "host")
