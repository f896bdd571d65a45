"""Checks that every output has the shape that its operator's inputs and options make.

Kernels, the reference's too, run over the shapes that a file declares: where they do not fit, they
would read and write beyond a tensor.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import layer_shapes, moved_shapes
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.layer_shapes import MisfitError, axis_of, numbers, require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.layer_shapes import Shapes


def _alike(operator: Operator, graph: Graph) -> Shapes:
    return [graph.tensors[operator.inputs[0]].shape]


def _broadcast(operator: Operator, graph: Graph) -> Shapes:
    shapes = [graph.tensors[index].shape for index in operator.inputs]
    try:
        return [np.broadcast_shapes(*shapes)]
    except ValueError:
        raise MisfitError(f"operands {' and '.join(str(list(each)) for each in shapes)}") from None


def _concatenation(operator: Operator, graph: Graph) -> Shapes:
    shapes = [graph.tensors[index].shape for index in operator.inputs]
    axis = axis_of(operator.options.axis, shapes[0])
    rests = {(*each[:axis], *each[axis + 1 :]) for each in shapes}
    alike = len(rests) == 1 and len({len(each) for each in shapes}) == 1
    require(alike, f"parts {', '.join(str(list(each)) for each in shapes)}")
    size = sum(each[axis] for each in shapes)
    return [(*shapes[0][:axis], size, *shapes[0][axis + 1 :])]


def _pack(operator: Operator, graph: Graph) -> Shapes:
    shapes = [graph.tensors[index].shape for index in operator.inputs]
    count = operator.options.count
    require(count == len(shapes), f"{len(shapes)} parts, where it names {count}")
    require(len(set(shapes)) == 1, f"parts {', '.join(str(list(each)) for each in shapes)}")
    axis = axis_of(operator.options.axis, (1, *shapes[0]))
    return [(*shapes[0][:axis], count, *shapes[0][axis:])]


def _unpack(operator: Operator, graph: Graph) -> Shapes:
    source = graph.tensors[operator.inputs[0]].shape
    axis, count = axis_of(operator.options.axis, source), operator.options.count
    require(count == source[axis] == len(operator.outputs), f"{len(operator.outputs)} outputs")
    return [(*source[:axis], *source[axis + 1 :])] * count


def _split(operator: Operator, graph: Graph) -> Shapes:
    """Equal parts."""
    source = graph.tensors[operator.inputs[1]].shape
    axes = numbers(operator, graph, 0)
    require(len(axes) == 1, f"axes {axes}")
    axis, count = axis_of(axes[0], source), len(operator.outputs)
    require(source[axis] % count == 0, f"{count} parts of {source[axis]}")
    return [(*source[:axis], source[axis] // count, *source[axis + 1 :])] * count


def _split_v(operator: Operator, graph: Graph) -> Shapes:
    """Parts of sizes that are given, one of which may be what is left."""
    source = graph.tensors[operator.inputs[0]].shape
    sizes, axes = numbers(operator, graph, 1), numbers(operator, graph, 2)
    require(len(axes) == 1, f"axes {axes}")
    axis = axis_of(axes[0], source)
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = source[axis] - sum(sizes) - 1
    require(sum(sizes) == source[axis] and min(sizes) > 0, f"sizes {sizes} of {source[axis]}")
    require(len(sizes) == len(operator.outputs), f"{len(sizes)} sizes")
    return [(*source[:axis], size, *source[axis + 1 :]) for size in sizes]


def _expand_dims(operator: Operator, graph: Graph) -> Shapes:
    source, axes = graph.tensors[operator.inputs[0]].shape, numbers(operator, graph, 1)
    require(len(axes) == 1, f"axes {axes}")
    axis = axis_of(axes[0], (1, *source))
    return [(*source[:axis], 1, *source[axis:])]


def _squeeze(operator: Operator, graph: Graph) -> Shapes:
    source = graph.tensors[operator.inputs[0]].shape
    axes = {axis_of(each, source) for each in operator.options.axes}
    ones = {axis for axis, size in enumerate(source) if size == 1}
    require(axes <= ones, f"axes {sorted(axes)} of {list(source)}")
    gone = axes or ones
    return [tuple(size for axis, size in enumerate(source) if axis not in gone)]


def _pad(operator: Operator, graph: Graph) -> Shapes:
    source = graph.tensors[operator.inputs[0]].shape
    counts = numbers(operator, graph, 1)
    require(len(counts) == 2 * len(source) and min(counts, default=0) >= 0, f"padding {counts}")
    pairs = zip(counts[::2], counts[1::2], strict=True)
    return [tuple(size + sum(pair) for size, pair in zip(source, pairs, strict=True))]


def _transpose(operator: Operator, graph: Graph) -> Shapes:
    source, order = graph.tensors[operator.inputs[0]].shape, numbers(operator, graph, 1)
    require(sorted(order) == list(range(len(source))), f"an order of axes {order}")
    return [tuple(source[axis] for axis in order)]


def _strided_slice(operator: Operator, graph: Graph) -> Shapes:
    """What every axis leaves; one that is shrunk leaves nothing of itself."""
    source, options = graph.tensors[operator.inputs[0]].shape, operator.options
    bounds = [numbers(operator, graph, place) for place in (1, 2, 3)]
    require(all(len(each) == len(source) for each in bounds), "bounds for some axes only")
    sizes = []
    for axis, (size, begin, end, step) in enumerate(zip(source, *bounds, strict=True)):
        bit = 1 << axis
        require(step != 0, "a step of 0")
        if options.shrink_mask & bit:
            inside = -size <= begin < size and step == 1 and not options.begin_mask & bit
            require(inside, f"element {begin} of {size}, step {step}")
            continue
        first = None if options.begin_mask & bit else begin
        last = None if options.end_mask & bit else end
        sizes.append(len(range(size)[first:last:step]))
    return [tuple(sizes)]


def _reduced(operator: Operator, graph: Graph) -> Shapes:
    source = graph.tensors[operator.inputs[0]].shape
    axes = {axis_of(each, source) for each in numbers(operator, graph, 1)}
    return [tuple(1 if axis in axes else size for axis, size in enumerate(source))]


# What an output has to have: the shape, or as many elements.
_EXACT: Mapping[str, Callable[[Operator, Graph], Shapes]] = {
    "ABS": _alike,
    "ADD": _broadcast,
    "ASSIGN_VARIABLE": _broadcast,
    "AVERAGE_POOL_2D": layer_shapes.pool,
    "CONCATENATION": _concatenation,
    "CONV_2D": layer_shapes.conv_2d,
    "DEPTHWISE_CONV_2D": layer_shapes.depthwise_conv_2d,
    "DIV": _broadcast,
    "ELU": _alike,
    "EXPAND_DIMS": _expand_dims,
    "HARD_SWISH": _alike,
    "L2_NORMALIZATION": _alike,
    "LEAKY_RELU": _alike,
    "LOGISTIC": _alike,
    "LOG_SOFTMAX": _alike,
    "MAX_POOL_2D": layer_shapes.pool,
    "MAXIMUM": _broadcast,
    "MINIMUM": _broadcast,
    "MUL": _broadcast,
    "PACK": _pack,
    "PAD": _pad,
    "PADV2": _pad,
    "PRELU": _broadcast,
    "QUANTIZE": _alike,
    "READ_VARIABLE": _alike,
    "RELU": _alike,
    "RELU6": _alike,
    "RESIZE_BILINEAR": layer_shapes.resize,
    "RESIZE_NEAREST_NEIGHBOR": layer_shapes.resize,
    "RSQRT": _alike,
    "SELECT_V2": _broadcast,
    "SOFTMAX": _alike,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "SQUARED_DIFFERENCE": _broadcast,
    "SQUEEZE": _squeeze,
    "STRIDED_SLICE": _strided_slice,
    "SUB": _broadcast,
    "SVDF": layer_shapes.svdf,
    "TABLE": _alike,
    "TANH": _alike,
    "TRANSPOSE": _transpose,
    "TRANSPOSE_CONV": layer_shapes.transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": layer_shapes.lstm,
    "UNPACK": _unpack,
    **moved_shapes.EXACT,
}
_AS_MANY: Mapping[str, Callable[[Operator, Graph], Shapes]] = {
    "FULLY_CONNECTED": layer_shapes.fully_connected,
    "MEAN": _reduced,
    "REDUCE_MAX": _reduced,
    "REDUCE_MIN": _reduced,
    "RESHAPE": _alike,
    "SUM": _reduced,
}


def _check(operator: Operator, graph: Graph) -> None:
    made = [tensor.shape for tensor in graph.outputs_of(operator)]
    if operator.op in _EXACT:
        wanted = [tuple(each) for each in _EXACT[operator.op](operator, graph)]
        fits = wanted == made
    else:
        wanted = [tuple(each) for each in _AS_MANY[operator.op](operator, graph)]
        fits = [math.prod(each) for each in wanted] == [math.prod(each) for each in made]
    if not fits:
        said, makes = (", ".join(str(list(each)) for each in shapes) for shapes in (made, wanted))
        raise MisfitError(f"an output {said}, where it makes {makes}")


def check_shapes(graph: Graph) -> None:
    """Raises where an output is not of the shape that is computed.

    Operators that the engine does not have are passed over; `lower` names them.

    Raises:
        CandidateFailure: An output's shape, an option or a constant fits nothing.
    """
    for operator in graph.operators:
        if operator.op not in {*_EXACT, *_AS_MANY}:
            continue
        try:
            _check(operator, graph)
        except MisfitError as misfit:
            raise unsupported(
                f"{operator.op} '{operator.name}' with {misfit}",
                "convert the model again for one example, a batch of 1, with static shapes",
            ) from None
