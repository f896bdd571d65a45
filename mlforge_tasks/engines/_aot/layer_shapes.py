"""The shapes that layers with windows or weights make, see `shapes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Options, Shape

    Shapes = Sequence[Shape]

_IMAGE_AXES = 4
_MOST_PLACES = 0xFFFF  # what RESIZE_NEAREST_NEIGHBOR's lists of rows and columns hold


class MisfitError(Exception):
    """Shapes, options or constants that do not fit one another; says which."""


def require(fits: bool, what: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not fits:
        raise MisfitError(what)


def numbers(operator: Operator, graph: Graph, place: int) -> list[int]:
    """A constant list of an operator."""
    return [int(each) for each in graph.tensors[operator.inputs[place]].constant.ravel()]


def axis_of(axis: int, shape: Shape) -> int:
    """An axis counted from the front."""
    require(-len(shape) <= axis < len(shape), f"axis {axis}")
    return axis % len(shape)


def _image(operator: Operator, graph: Graph, place: int = 0) -> Shape:
    """The shape of one image, [1, height, width, channels]."""
    shape = graph.tensors[operator.inputs[place]].shape
    require(len(shape) == _IMAGE_AXES, f"{len(shape)} axes instead of {_IMAGE_AXES}")
    require(shape[0] == 1, f"a batch of {shape[0]} (run one image at a time)")
    return shape


def _windows(options: Options, shape: Shape, kernel: Sequence[int]) -> Shape:
    """Height and width of what a window makes."""
    sizes = []
    for size, taps, stride, dilation in zip(
        shape[1:3], kernel, options.stride, options.dilation, strict=True
    ):
        span = 0 if options.same_padding else (taps - 1) * dilation
        require(size > span, f"a window of {span + 1} over {size}")
        sizes.append(-(-(size - span) // stride))
    return tuple(sizes)


def _filters(operator: Operator, graph: Graph, channel_axis: int) -> tuple[Shape, int]:
    """The shape of a layer's weights, and how many channels they make."""
    shape = graph.tensors[operator.inputs[1]].shape
    require(len(shape) == _IMAGE_AXES, f"weights of {len(shape)} axes")
    require(min(shape) > 0, f"weights {list(shape)}")
    channels = shape[channel_axis]
    bias = operator.inputs[2 if operator.op != "TRANSPOSE_CONV" else 3 :]
    _check_bias(bias, channels, graph)
    return shape, channels


def _check_bias(bias: Sequence[int], channels: int, graph: Graph) -> None:
    if bias and bias[0] >= 0:
        size = graph.tensors[bias[0]].size
        require(size == channels, f"{size} biases for {channels} channels")


def conv_2d(operator: Operator, graph: Graph) -> Shapes:
    source = _image(operator, graph)
    filters, channels = _filters(operator, graph, 0)
    groups, left = divmod(source[3], filters[3])
    require(left == 0, f"weights for {filters[3]} of {source[3]} channels")
    require(channels % max(groups, 1) == 0, f"{groups} groups for {channels} channels")
    return [(1, *_windows(operator.options, source, filters[1:3]), channels)]


def depthwise_conv_2d(operator: Operator, graph: Graph) -> Shapes:
    source = _image(operator, graph)
    filters, channels = _filters(operator, graph, 3)
    multiplier = operator.options.count
    require(filters[0] == 1, f"weights {list(filters)}")
    require(
        source[3] * multiplier == channels,
        f"a depth multiplier of {multiplier}, {source[3]} channels in and {channels} out",
    )
    return [(1, *_windows(operator.options, source, filters[1:3]), channels)]


def transpose_conv(operator: Operator, graph: Graph) -> Shapes:
    """The other way round: a convolution of the output would make the input's shape."""
    source = _image(operator, graph, 2)
    filters, channels = _filters(operator, graph, 0)
    output = graph.output_of(operator).shape
    require(len(output) == _IMAGE_AXES, f"an output of {len(output)} axes")
    made = _windows(operator.options, output, filters[1:3])
    require(made == source[1:3], f"an input {list(source)} for an output {list(output)}")
    require(source[3] == filters[3], f"weights for {filters[3]} of {source[3]} channels")
    return [(1, *output[1:3], channels)]


def fully_connected(operator: Operator, graph: Graph) -> Shapes:
    source, output = graph.tensors[operator.inputs[0]], graph.output_of(operator).shape
    weights = graph.tensors[operator.inputs[1]].shape
    require(len(weights) == 2 and min(weights) > 0, f"weights {list(weights)}")
    units, taps = weights
    _check_bias(operator.inputs[2:], units, graph)
    require(source.size % taps == 0, f"weights for {taps} inputs of {source.size}")
    require(output[-1:] == (units,), f"an output {list(output)} of {units} units")
    return [(source.size // taps, units)]


def pool(operator: Operator, graph: Graph) -> Shapes:
    source = _image(operator, graph)
    return [(1, *_windows(operator.options, source, operator.options.kernel), source[3])]


def resize(operator: Operator, graph: Graph) -> Shapes:
    source = _image(operator, graph)
    sizes = numbers(operator, graph, 1)
    require(len(sizes) == 2 and min(sizes) > 0, f"sizes {sizes}")
    require(max(*sizes, *source[1:3]) <= _MOST_PLACES, f"more than {_MOST_PLACES} rows or columns")
    return [(1, *sizes, source[3])]


def lstm(operator: Operator, graph: Graph) -> Shapes:
    source = graph.tensors[operator.inputs[0]].shape
    require(len(source) == 3, f"{len(source)} axes instead of 3")
    require(min(source) > 0, f"an input {list(source)}")
    require(len(operator.inputs) > 12, f"{len(operator.inputs)} inputs")
    return [(*source[:2], graph.tensors[operator.inputs[12]].size)]


def svdf(operator: Operator, graph: Graph) -> Shapes:
    source = graph.tensors[operator.inputs[0]].shape
    require(len(operator.inputs) == 5, f"{len(operator.inputs)} inputs")
    require(len(source) == 2 and source[0] == 1, f"an input {list(source)}")
    filters, rank = graph.tensors[operator.inputs[1]].shape[0], operator.options.count
    require(rank > 0 and filters % rank == 0, f"{filters} filters of rank {rank}")
    return [(1, filters // rank)]
