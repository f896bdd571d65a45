"""Model files that no engine runs, which are told at once as what they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlforge_tasks.tflite_file.kind import not_int8
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.origin import origin_of, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.tflite_file.model import FileGraph
    from mlforge_tasks.tflite_file.origin import Origin, Tool

_NPU = (
    "the file is Vela's output for an Ethos-U NPU (custom operator 'ethos-u'), which alone runs "
    "it; give the .tflite file that Vela was given"
)
_IN_FULL: Mapping[Tool, str] = {
    "Keras": "give the .keras file, which is quantised with the contract's data; or convert it "
    "with Optimize.DEFAULT, a representative_dataset and supported_ops [TFLITE_BUILTINS_INT8]",
    "PyTorch": "quantise weights and activations before litert_torch.convert, statically with "
    "representative data (torchao's PT2E with litert_torch's PT2EQuantizer)",
    "ONNX": "convert with `onnx2tf -oiqt`, and take the file …_full_integer_quant.tflite",
}
_ANYHOW = "quantise weights and activations to int8, with representative data"


def _unset_weights(graph: FileGraph) -> str:
    """TensorFlow 2.21 makes such files of a Keras 3 model by `from_concrete_functions`."""
    names = {one.op for one in graph.operators}
    if "READ_VARIABLE" not in names or "ASSIGN_VARIABLE" in names:
        return ""
    return (
        "the model's weights are not in the file: it reads variables (READ_VARIABLE) that nothing "
        "sets, as from_concrete_functions makes of a Keras 3 model; give the .keras file, or "
        "convert with from_keras_model"
    )


def _open_dilation(graph: FileGraph, origin: Origin) -> str:
    """Of a dilated convolution a file with an open batch has one of the parts it is made of."""
    for one in graph.operators:
        made = [graph.tensors[index] for index in one.outputs]
        if one.op == "SPACE_TO_BATCH_ND" and made and made[0].shape[:1] == (1,):
            layer = origin.layer(made[0].name)
            return (
                "the file was converted with an open batch, where a dilated convolution "
                + (f"({layer}) " if layer else "")
                + "becomes SPACE_TO_BATCH_ND with a batch that is not in the file; give the .keras "
                "file, or convert it for a batch of 1, which keeps the dilation in the convolution"
            )
    return ""


def misshapen(content: bytes) -> str:
    """Which computed shape is not that of one example, and what to do; empty where none.

    A file that was converted with an open batch has 1 there for what it does not know.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    model = read(content)
    graph, origin = model.main, origin_of(model)
    if not any(one.op == "SHAPE" for one in graph.operators):
        return ""
    for one in graph.operators:
        if one.op != "RESHAPE" or one.inputs[:1] <= (-1,) or len(one.outputs) != 1:
            continue
        source, made = graph.tensors[one.inputs[0]], graph.tensors[one.outputs[0]]
        if math.prod(source.shape) != math.prod(made.shape):
            layer = quoted(origin, made.name)
            return (
                f"the file was converted with an open batch, and a RESHAPE{layer} to a "
                "computed shape does not have that of one example; give the .keras file, or "
                "convert it for a batch of 1"
            )
    return ""


def float_end(content: bytes) -> str:
    """Which operator makes an output in float behind integers, and what to do; empty where none.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    model = read(content)
    graph, origin = model.main, origin_of(model)
    for index in graph.outputs:
        makers = [one for one in graph.operators if index in one.outputs]
        if graph.tensors[index].dtype != "float32" or len(makers) != 1:
            continue
        if makers[0].op != "DEQUANTIZE":
            return (
                f"its output is made in float32, by {makers[0].op}"
                f"{quoted(origin, graph.tensors[index].name)}: "
                f"{_IN_FULL.get(origin.tool, _ANYHOW)}"
            )
    return ""


def refusal(content: bytes) -> str:
    """What a `.tflite` file is that no engine runs, and what to do; empty where it is none.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    model = read(content)
    origin = origin_of(model)
    if origin.tool == "Vela":
        return _NPU
    why = _unset_weights(model.main) or _open_dilation(model.main, origin)
    if why:
        return why
    why = not_int8(model.main)
    return f"the model is not int8, {why}: {_IN_FULL.get(origin.tool, _ANYHOW)}" if why else ""
