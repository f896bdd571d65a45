"""What the numbers of a model are, in the words of who converted it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlforge_tasks.tflite_file.model import FileGraph

_WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}
_SOURCES = {"TRANSPOSE_CONV": 2}


def not_int8(graph: FileGraph) -> str:
    """Why a model's ends are float, where it computes in float; empty where that is not why.

    Of layers with weights none reads int8 or int16 then.
    """
    tensors, weights, values = graph.tensors, set(), set()
    made = {each: one for one in graph.operators for each in one.outputs}
    for one in graph.operators:
        at = _SOURCES.get(one.op, 0)
        if one.op not in _WEIGHTED or len(one.inputs) <= max(at, 1) or min(one.inputs[:2]) < 0:
            continue
        values.add(tensors[one.inputs[at]].dtype)
        index = one.inputs[1]
        maker = made.get(index)
        if maker is not None and maker.op == "DEQUANTIZE" and maker.inputs[:1] > (-1,):
            index = maker.inputs[0]
        weights.add(tensors[index].dtype)
    if values == {"float16"}:
        return "it computes in float16"
    if values != {"float32"}:
        return ""
    if "float16" in weights:
        return "its weights are float16, and it computes in float32"
    if weights & {"int8", "int4"}:
        return "only its weights are quantised (dynamic range), and it computes in float32"
    return "it was converted without quantisation and computes in float32"
