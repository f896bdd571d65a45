"""Engine `tflm`: TensorFlow Lite Micro, with an op resolver made for the one model.

The model itself stays what it is, a C array in `model_data.h`, apart from the C++ source: models of
the same operators share their source, which is then compiled once. How much working memory one
needs depends on the kernels and the core, so only an image can tell: `zephyr_app/src/tflm_arena.c`
has model and arena and defines `model_init`, and the platform says how large the arena is, after it
has built and run an image that searches for the smallest one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tflite as schema
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mlforge_tasks.engines import GeneratedModel
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.records import LayerProfile, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "tflm"

# Names of `MicroMutableOpResolver::Add...`; operators whose int8 kernels work in TFLM as Zephyr
# builds it (which leaves half of BATCH_MATMUL out).
METHODS = {
    "ADD": "Add",
    "AVERAGE_POOL_2D": "AveragePool2D",
    "BATCH_TO_SPACE_ND": "BatchToSpaceNd",
    "CONCATENATION": "Concatenation",
    "CONV_2D": "Conv2D",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "DEQUANTIZE": "Dequantize",
    "EXPAND_DIMS": "ExpandDims",
    "FULLY_CONNECTED": "FullyConnected",
    "HARD_SWISH": "HardSwish",
    "LEAKY_RELU": "LeakyRelu",
    "LOGISTIC": "Logistic",
    "MAXIMUM": "Maximum",
    "MAX_POOL_2D": "MaxPool2D",
    "MEAN": "Mean",
    "MINIMUM": "Minimum",
    "MUL": "Mul",
    "PACK": "Pack",
    "PAD": "Pad",
    "PADV2": "PadV2",
    "PRELU": "Prelu",
    "QUANTIZE": "Quantize",
    "REDUCE_MAX": "ReduceMax",
    "RELU": "Relu",
    "RELU6": "Relu6",
    "RESHAPE": "Reshape",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighbor",
    "SHAPE": "Shape",
    "SOFTMAX": "Softmax",
    "SPACE_TO_BATCH_ND": "SpaceToBatchNd",
    "SPLIT": "Split",
    "SPLIT_V": "SplitV",
    "SQUEEZE": "Squeeze",
    "STRIDED_SLICE": "StridedSlice",
    "SUB": "Sub",
    "SUM": "Sum",
    "TANH": "Tanh",
    "TRANSPOSE": "Transpose",
    "TRANSPOSE_CONV": "TransposeConv",
    "UNPACK": "Unpack",
}
# These have a variant without the code for other types (`Register_CONV_2D_INT8`).
INT8_VARIANTS = {
    "ADD",
    "AVERAGE_POOL_2D",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "MAXIMUM",
    "MAX_POOL_2D",
    "MINIMUM",
    "MUL",
    "SOFTMAX",
}
_WEIGHTS_INPUT = 1


@dataclass(frozen=True)
class Operator:
    """One kind of operator for the resolver.

    Attributes:
        name: As TFLite writes it.
        method: What follows `Add` in the resolver's method.
        int8: Whether the kernels' int8-only variant is meant.
    """

    name: str
    method: str
    int8: bool


class TflmEngine:
    """Writes `model.cc` around `MicroInterpreter`."""

    name = "tflm"

    def operators(self, cpu: str) -> tuple[str, ...]:  # noqa: ARG002 - the same for every core
        """See `Engine.operators`."""
        return tuple(sorted(METHODS))

    def generate(self, tflite: bytes, cpu: str, prefix: str = "model") -> GeneratedModel:  # noqa: ARG002 - the sources are the same for every core
        """Generates the C++ source of one model; see `Engine.generate`.

        `arena_bytes` is 0: it is not known before the image has run.

        Raises:
            CandidateFailure: The model has an operator without an int8 kernel in TFLM.
        """
        layers = tuple(_layers(schema.Model.GetRootAs(tflite, 0)))
        text = source(prefix, sorted({layer.op for layer in layers}))
        return GeneratedModel({"model.cc": text.encode()}, arena_bytes=0, layers=layers)


def source(prefix: str, operators: Iterable[str]) -> str:
    """The C++ around the interpreter, for models of these operators.

    Args:
        prefix: What its functions' names begin with.
        operators: As TFLite writes them.

    Raises:
        CandidateFailure: One of them has no int8 kernel in TFLM.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - C++, not HTML
        keep_trailing_newline=True,
    )
    template = environment.get_template("model.cc.jinja")
    return template.render(prefix=prefix, operators=[_operator(name) for name in operators])


def _operator(name: str) -> Operator:
    if name not in METHODS:
        text = f"the model uses {name}, for which TFLite Micro has no int8 kernel here"
        raise CandidateFailure(Reason(code="unsupported_operator", stage="engine", message=text))
    return Operator(name, METHODS[name], name in INT8_VARIANTS)


def _layers(model: Any) -> Iterator[LayerProfile]:
    graph = model.Subgraphs(0)
    for index in range(graph.OperatorsLength()):
        node = graph.Operators(index)
        code = model.OperatorCodes(node.OpcodeIndex())
        name = schema.opcode2name(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))
        inputs = [graph.Tensors(i) for i in node.InputsAsNumpy() if i >= 0]
        output = graph.Tensors(node.Outputs(0))
        shapes = [tensor.ShapeAsNumpy() for tensor in inputs if tensor.ShapeLength()]
        yield LayerProfile(
            name=output.Name().decode(),
            op=name,
            macs=_macs(name, shapes, _elements(output)),
            weight_bytes=sum(model.Buffers(tensor.Buffer()).DataLength() for tensor in inputs),
            output_bytes=_elements(output),
        )


def _elements(tensor: Any) -> int:
    return int(tensor.ShapeAsNumpy().prod()) if tensor.ShapeLength() else 1


def _macs(name: str, shapes: list[Any], outputs: int) -> int:
    """Multiply-accumulates; weights are [out, h, w, in], [1, h, w, out] and [out, in]."""
    if name in {"CONV_2D", "FULLY_CONNECTED"}:
        return outputs * int(shapes[_WEIGHTS_INPUT][1:].prod())
    if name == "DEPTHWISE_CONV_2D":
        return outputs * int(shapes[_WEIGHTS_INPUT][1:3].prod())
    return 0


PLUGIN = TflmEngine()
