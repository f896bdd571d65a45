"""Reads a `.tflite` flatbuffer into a `Graph`, and refuses what no int8 engine could run."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import tflite

from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.graph import Graph, Operator, Options, Quantisation, Tensor
from mlforge_tasks.engines._aot.islands import without_float_copies
from mlforge_tasks.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlforge_tasks.engines._aot.graph import Activation

_IDENTIFIER = b"TFL3"
_DTYPES = {value: name.lower() for name, value in vars(tflite.TensorType).items() if name.isupper()}
_NUMPY_DTYPES = {"int8": np.int8, "int32": np.int32, "int64": np.int64, "float32": np.float32}
_ACTIVATIONS: dict[int, Activation] = {0: "NONE", 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6"}

_INT8_INSTEAD = (
    "convert the whole model to int8, and replace layers that the converter leaves in float "
    "(LayerNormalization, ELU, GELU) by ones of the supported list"
)

_INT8_ENDS = (
    "convert with inference_input_type and inference_output_type int8; the firmware quantises "
    "samples and reads outputs by the scales of quantisation.json"
)


def _activation(code: int) -> Activation:
    if code not in _ACTIVATIONS:
        raise unsupported("a fused activation other than ReLU and ReLU6", "use ReLU or ReLU6")
    return _ACTIVATIONS[code]


def _conv(options: Any) -> Options:
    return Options(
        same_padding=options.Padding() == tflite.Padding.SAME,
        stride=(options.StrideH(), options.StrideW()),
        dilation=(options.DilationHFactor(), options.DilationWFactor()),
        activation=_activation(options.FusedActivationFunction()),
    )


def _transposed(options: Any) -> Options:
    """Without the fused activation, which the reference takes no notice of."""
    return Options(
        same_padding=options.Padding() == tflite.Padding.SAME,
        stride=(options.StrideH(), options.StrideW()),
    )


def _pool(options: Any) -> Options:
    return Options(
        same_padding=options.Padding() == tflite.Padding.SAME,
        stride=(options.StrideH(), options.StrideW()),
        kernel=(options.FilterHeight(), options.FilterWidth()),
        activation=_activation(options.FusedActivationFunction()),
    )


def _slice(options: Any) -> Options:
    return Options(
        begin_mask=options.BeginMask(),
        end_mask=options.EndMask(),
        shrink_mask=options.ShrinkAxisMask(),
        other_masks=options.EllipsisMask() | options.NewAxisMask() | int(options.Offset()),
    )


def _activated(options: Any) -> Options:
    return Options(activation=_activation(options.FusedActivationFunction()))


_READERS: dict[str, tuple[type[Any], Callable[[Any], Options]]] = {
    "CONV_2D": (tflite.Conv2DOptions, _conv),
    "DEPTHWISE_CONV_2D": (tflite.DepthwiseConv2DOptions, _conv),
    "AVERAGE_POOL_2D": (tflite.Pool2DOptions, _pool),
    "MAX_POOL_2D": (tflite.Pool2DOptions, _pool),
    "FULLY_CONNECTED": (tflite.FullyConnectedOptions, _activated),
    "ADD": (tflite.AddOptions, _activated),
    "SUB": (tflite.SubOptions, _activated),
    "MUL": (tflite.MulOptions, _activated),
    "LEAKY_RELU": (tflite.LeakyReluOptions, lambda options: Options(alpha=options.Alpha())),
    "PACK": (tflite.PackOptions, lambda options: Options(axis=options.Axis())),
    "TRANSPOSE_CONV": (tflite.TransposeConvOptions, _transposed),
    "UNPACK": (tflite.UnpackOptions, lambda options: Options(axis=options.Axis())),
    "RESIZE_NEAREST_NEIGHBOR": (
        tflite.ResizeNearestNeighborOptions,
        lambda options: Options(
            align_corners=bool(options.AlignCorners()),
            half_pixel_centers=bool(options.HalfPixelCenters()),
        ),
    ),
    "STRIDED_SLICE": (tflite.StridedSliceOptions, _slice),
    "SOFTMAX": (tflite.SoftmaxOptions, lambda options: Options(beta=options.Beta())),
    "CONCATENATION": (
        tflite.ConcatenationOptions,
        lambda options: Options(
            axis=options.Axis(), activation=_activation(options.FusedActivationFunction())
        ),
    ),
}


def _quantisation(raw: Any) -> Quantisation | None:
    parameters = raw.Quantization()
    if parameters is None or parameters.ScaleLength() == 0:
        return None
    return Quantisation(
        scales=np.array(parameters.ScaleAsNumpy(), np.float32),
        zero_points=np.array(parameters.ZeroPointAsNumpy(), np.int64),
        axis=parameters.QuantizedDimension(),
    )


def _tensor(model: Any, raw: Any) -> Tensor:
    shape = tuple(int(raw.Shape(axis)) for axis in range(raw.ShapeLength()))
    dtype = _DTYPES[raw.Type()]
    data = None
    buffer = model.Buffers(raw.Buffer())
    if buffer is not None and buffer.DataLength() > 0 and dtype in _NUMPY_DTYPES:
        values = np.frombuffer(buffer.DataAsNumpy().tobytes(), _NUMPY_DTYPES[dtype])
        data = values.reshape(shape)
    return Tensor(raw.Name().decode(errors="replace"), shape, dtype, _quantisation(raw), data)


def _operator(model: Any, raw: Any) -> Operator:
    code = model.OperatorCodes(raw.OpcodeIndex())
    builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    op = tflite.BUILTIN_OPCODE2NAME.get(builtin, f"operator {builtin}")
    options = Options()
    table = raw.BuiltinOptions()
    if op in _READERS and table is not None:
        options_type, read = _READERS[op]
        parsed = options_type()
        parsed.Init(table.Bytes, table.Pos)
        options = read(parsed)
    inputs = tuple(int(raw.Inputs(index)) for index in range(raw.InputsLength()))
    outputs = tuple(int(raw.Outputs(index)) for index in range(raw.OutputsLength()))
    return Operator(op, inputs, outputs, options)


_NOT_IN_NAMES = re.compile(r"[^a-z0-9_]+")
_WITH_WEIGHTS = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}


def layer_name(tensor_name: str, op: str) -> str:
    """The name of the Keras layer that a tensor belongs to, as part of a C identifier.

    The converter joins the paths of all operations that it fuses: `model/relu/Relu;model/conv/...`.
    The last is the innermost, and its second part is the layer.
    """
    path = tensor_name.rpartition(";")[2].lower().split("/")
    name = _NOT_IN_NAMES.sub("_", path[1] if len(path) > 1 else "").strip("_")
    return name or op.lower()


def _named(operators: list[Operator], tensors: list[Tensor]) -> tuple[Operator, ...]:
    """Numbers the names in the order of execution, which also makes them unique."""

    def name(operator: Operator) -> str:
        telling = operator.inputs[1] if operator.op in _WITH_WEIGHTS else operator.output
        return layer_name(tensors[telling].name, operator.op)

    return tuple(
        replace(operator, name=f"l{index}_{name(operator)}")
        for index, operator in enumerate(operators)
    )


def _check(graph: Graph) -> None:
    """Every value that flows is int8 and quantised with one scale."""
    flowing = {graph.input, *(out for operator in graph.operators for out in operator.outputs)}
    makers = {out: operator.op for operator in graph.operators for out in operator.outputs}
    for index in sorted(flowing):
        tensor = graph.tensors[index]
        maker = makers.get(index, "the model's input")
        if tensor.dtype == "float32" and index in (graph.input, graph.output):
            which = "input" if index == graph.input else "output"
            raise unsupported(f"a model with a float32 {which}", _INT8_ENDS)
        if tensor.dtype != "int8" or tensor.quantisation is None:
            raise unsupported(
                f"{maker} with {tensor.dtype} values ('{tensor.name}')", _INT8_INSTEAD
            )
        if any(size <= 0 for size in tensor.shape):
            raise unsupported(f"{maker} with shape {list(tensor.shape)}", "give it a static shape")


def import_model(tflite_bytes: bytes) -> Graph:
    """Reads a model.

    Raises:
        CandidateFailure: It is not full-integer int8, or has several inputs or outputs.
        ToolError: The bytes are not a TensorFlow Lite model.
    """
    if tflite_bytes[4:8] != _IDENTIFIER:
        raise ToolError("the model is not a TensorFlow Lite flatbuffer")
    try:
        return _read(tflite_bytes)
    except (struct.error, IndexError, TypeError) as error:
        raise ToolError(f"the TensorFlow Lite flatbuffer is damaged: {error}") from error


def _read(tflite_bytes: bytes) -> Graph:
    model = tflite.Model.GetRootAs(tflite_bytes)
    if model.SubgraphsLength() == 0:
        raise ToolError("the TensorFlow Lite flatbuffer is damaged: it holds no graph")
    if model.SubgraphsLength() > 1:
        raise unsupported("control flow (several subgraphs)", "unroll loops and recurrent layers")
    subgraph = model.Subgraphs(0)
    if subgraph.InputsLength() != 1 or subgraph.OutputsLength() != 1:
        raise unsupported("a model with several inputs or outputs", "give it one of each")
    tensors = [_tensor(model, subgraph.Tensors(i)) for i in range(subgraph.TensorsLength())]
    operators = [_operator(model, subgraph.Operators(i)) for i in range(subgraph.OperatorsLength())]
    graph = Graph(
        tensors=tuple(tensors),
        operators=_named(operators, tensors),
        input=int(subgraph.Inputs(0)),
        output=int(subgraph.Outputs(0)),
    )
    graph = without_float_copies(graph)
    _check(graph)
    return graph
