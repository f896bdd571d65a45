"""Lowers operators on int16 values, as the converter's 16x8 mode makes them.

Their kernels are the same for every core but for the inner products. What only moves values is the
kernel of int8 on twice as many bytes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import gathering, int16_layers, int16_maps, resize, shape, view
from mlforge_tasks.engines._aot.failure import unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor
    from mlforge_tasks.engines._aot.program import Lowered

    _Lowering = Callable[[Operator, Graph], Lowered]

_ITEM_BYTES = 2
# What is added to a list that has one, or two, numbers for each axis: nothing for the bytes.
_LISTS: Mapping[str, tuple[tuple[int, ...], ...]] = {
    "PAD": ((0, 0),),
    "PADV2": ((0, 0),),
    "SLICE": ((0,), (_ITEM_BYTES,)),
    "STRIDED_SLICE": ((0,), (_ITEM_BYTES,), (1,)),
}
_AXIS_INPUTS = {"SPLIT": 0, "SPLIT_V": 2}


def is_of_int16(operator: Operator, graph: Graph) -> bool:
    """Whether an operator reads or makes int16."""
    tensors = (*graph.inputs_of(operator), *graph.outputs_of(operator))
    return any(each.is_int16_value for each in tensors)


def _as_bytes(tensor: Tensor, *, image: bool) -> Tensor:
    """A tensor with an axis more for its bytes, or of an image with twice as many channels."""
    if tensor.dtype != "int16":
        return tensor
    *sides, last = tensor.shape
    made = (*sides, last * _ITEM_BYTES) if image else (*tensor.shape, _ITEM_BYTES)
    return replace(tensor, shape=made, dtype="int8")


def _lists_for_bytes(operator: Operator, graph: Graph) -> Mapping[int, Tensor]:
    """Constant operands as they are with an axis more, by index."""
    found = {}
    for place, more in enumerate(_LISTS.get(operator.op, ()), start=1):
        tensor = graph.tensors[operator.inputs[place]]
        values = np.concatenate([tensor.constant.ravel(), more]).astype(np.int32)
        found[operator.inputs[place]] = replace(tensor, data=values, shape=values.shape)
    if operator.op == "TRANSPOSE":
        tensor = graph.tensors[operator.inputs[1]]
        rank = tensor.size
        values = np.array([*tensor.constant.ravel(), rank], np.int32)
        found[operator.inputs[1]] = replace(tensor, data=values, shape=values.shape)
    if operator.op in _AXIS_INPUTS:
        index = operator.inputs[_AXIS_INPUTS[operator.op]]
        axis = int(graph.tensors[index].constant.ravel()[0]) % _rank(operator, graph)
        found[index] = replace(graph.tensors[index], data=np.array(axis, np.int32))
    return found


def _rank(operator: Operator, graph: Graph) -> int:
    """Axes of the tensor that an operator joins or splits."""
    if operator.op == "PACK":
        return len(graph.output_of(operator).shape)
    place = 1 if operator.op == "SPLIT" else 0
    return len(graph.tensors[operator.inputs[place]].shape)


def _moved(lower: _Lowering, *, image: bool = False) -> _Lowering:
    """The lowering of an operator that only moves int8 values, for int16 ones."""

    def lowered(operator: Operator, graph: Graph) -> Lowered:
        tensors = list(graph.tensors)
        used = {index for index in (*operator.inputs, *operator.outputs) if index >= 0}
        if all(graph.tensors[index].data is not None for index in operator.inputs):
            return lower(operator, graph)
        for index in used:
            tensors[index] = _as_bytes(tensors[index], image=image)
        for index, tensor in _lists_for_bytes(operator, graph).items():
            tensors[index] = tensor
        axis = operator.options.axis % max(_rank(operator, graph), 1)
        moved = replace(operator, options=replace(operator.options, axis=axis))
        return lower(moved, replace(graph, tensors=tuple(tensors)))

    return lowered


def _padv2(operator: Operator, graph: Graph) -> Lowered:
    value = int(graph.tensors[operator.inputs[2]].constant.ravel()[0])
    if value not in {0, -1}:  # both bytes alike
        raise unsupported(
            f"PADV2 '{operator.name}' of int16 with a value other than 0", "pad with zeros"
        )
    return _moved(shape.pad)(operator, graph)


OPERATORS: Mapping[str, _Lowering] = {
    "ADD": int16_maps.add_or_sub,
    "AVERAGE_POOL_2D": int16_layers.pool,
    "BROADCAST_TO": _moved(gathering.broadcast_to),
    "CONCATENATION": _moved(shape.concatenation),
    "CONV_2D": int16_layers.conv_2d,
    "DEPTHWISE_CONV_2D": int16_layers.depthwise_conv_2d,
    "EXPAND_DIMS": shape.reshape,
    "FULLY_CONNECTED": int16_layers.fully_connected,
    "LEAKY_RELU": int16_maps.leaky_relu,
    "LOGISTIC": int16_maps.sigmoid,
    "MAX_POOL_2D": int16_layers.pool,
    "MEAN": int16_layers.mean,
    "MUL": int16_maps.mul,
    "PACK": _moved(shape.concatenation),
    "PAD": _moved(shape.pad),
    "PADV2": _padv2,
    "QUANTIZE": int16_maps.quantize,
    "RELU": int16_maps.relu,
    "RELU6": int16_maps.relu6,
    "RESHAPE": shape.reshape,
    "RESIZE_NEAREST_NEIGHBOR": _moved(resize.resize_nearest, image=True),
    "SLICE": _moved(gathering.slice_),
    "SOFTMAX": int16_maps.softmax,
    "SPLIT": _moved(view.split),
    "SPLIT_V": _moved(view.split),
    "SQUEEZE": shape.reshape,
    "STRIDED_SLICE": _moved(view.strided_slice),
    "SUB": int16_maps.add_or_sub,
    "TANH": int16_maps.sigmoid,
    "TRANSPOSE": _moved(view.transpose),
    "TRANSPOSE_CONV": _moved(shape.spread, image=True),
    "UNPACK": _moved(view.unpack),
}
# What the converter makes no int16 of, or the reference does not run.
INSTEAD: Mapping[str, str] = {
    "REDUCE_MAX": "use MaxPooling1D or MaxPooling2D over all of the input",
}
