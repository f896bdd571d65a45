"""The shapes that operators make which move elements, or multiply matrices; see `shapes`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.layer_shapes import MisfitError, axis_of, numbers, require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Shape
    from mlforge_tasks.engines._aot.layer_shapes import Shapes

_SEQUENCE_AXES, _IMAGE_AXES = 3, 4
_MATRIX_AXES = 2
_MOST_MATMUL_AXES = 5


def _source(operator: Operator, graph: Graph) -> Shape:
    return graph.tensors[operator.inputs[0]].shape


def _slice(operator: Operator, graph: Graph) -> Shapes:
    source = _source(operator, graph)
    begins, sizes = (numbers(operator, graph, place) for place in (1, 2))
    require(len(begins) == len(sizes) == len(source), "bounds for some axes only")
    made = []
    for size, begin, wanted in zip(source, begins, sizes, strict=True):
        count = size - begin if wanted == -1 else wanted
        require(begin >= 0 and 0 < count <= size - begin, f"{wanted} of {size} from {begin}")
        made.append(count)
    return [tuple(made)]


def _inside(places: list[int], size: int) -> None:
    wrong = [each for each in places if not 0 <= each < size]
    require(not wrong, f"place {wrong[0] if wrong else 0} of {size}")


def _gather(operator: Operator, graph: Graph) -> Shapes:
    source, places = _source(operator, graph), graph.tensors[operator.inputs[1]].shape
    axis = axis_of(operator.options.axis, source)
    shared = operator.options.batch_axes
    shared += len(places) if shared < 0 else 0
    require(0 <= shared <= min(axis, len(places)), f"{shared} axes of examples")
    require(math.prod(places[:shared]) == 1, f"places for {list(places[:shared])} examples")
    _inside(numbers(operator, graph, 1), source[axis])
    return [(*source[:axis], *places[shared:], *source[axis + 1 :])]


def _gather_nd(operator: Operator, graph: Graph) -> Shapes:
    source, places = _source(operator, graph), graph.tensors[operator.inputs[1]].shape
    depth = places[-1] if places else 0
    require(0 < depth <= len(source), f"places of {depth} axes")
    values = numbers(operator, graph, 1)
    for axis in range(depth):
        _inside(values[axis::depth], source[axis])
    return [(*places[:-1], *source[depth:])]


def _reverse(operator: Operator, graph: Graph) -> Shapes:
    source = _source(operator, graph)
    for axis in numbers(operator, graph, 1):
        axis_of(axis, source)
    return [source]


def _broadcast_to(operator: Operator, graph: Graph) -> Shapes:
    source, wanted = _source(operator, graph), tuple(numbers(operator, graph, 1))
    try:
        made = np.broadcast_shapes(source, wanted)
    except ValueError:
        made = ()
    require(made == wanted, f"{list(source)} to {list(wanted)}")
    return [wanted]


def _mirror_pad(operator: Operator, graph: Graph) -> Shapes:
    source, counts = _source(operator, graph), numbers(operator, graph, 1)
    require(len(counts) == 2 * len(source), f"padding {counts}")
    pairs = list(zip(counts[::2], counts[1::2], strict=True))
    for size, pair in zip(source, pairs, strict=True):
        most = size - operator.options.reflects
        require(min(pair) >= 0 and max(pair) <= most, f"a mirrored border {list(pair)} of {size}")
    return [tuple(size + sum(pair) for size, pair in zip(source, pairs, strict=True))]


def _image(shape: Shape) -> Shape:
    require(len(shape) == _IMAGE_AXES, f"{len(shape)} axes instead of {_IMAGE_AXES}")
    require(shape[0] == 1, f"a batch of {shape[0]} (run one image at a time)")
    return shape


def _space_to_depth(operator: Operator, graph: Graph) -> Shapes:
    _, height, width, channels = _image(_source(operator, graph))
    block = operator.options.block
    require(block > 0 and height % block == width % block == 0, f"blocks of {block}")
    return [(1, height // block, width // block, channels * block**2)]


def _depth_to_space(operator: Operator, graph: Graph) -> Shapes:
    _, height, width, channels = _image(_source(operator, graph))
    block = operator.options.block
    require(block > 0 and channels % block**2 == 0, f"blocks of {block}")
    return [(1, height * block, width * block, channels // block**2)]


def _blocks(operator: Operator, graph: Graph) -> tuple[Shape, list[int], list[tuple[int, int]]]:
    """The input's shape, and for each of its axes of pixels the block's side and the border."""
    source = _source(operator, graph)
    require(len(source) in {_SEQUENCE_AXES, _IMAGE_AXES}, f"{len(source)} axes")
    block, counts = numbers(operator, graph, 1), numbers(operator, graph, 2)
    fits = len(block) == len(source) - 2 and len(counts) == 2 * len(block)
    require(fits and min(block) > 0 and min(counts) >= 0, f"blocks {block} and borders {counts}")
    return source, block, list(zip(counts[::2], counts[1::2], strict=True))


def _space_to_batch(operator: Operator, graph: Graph) -> Shapes:
    source, block, borders = _blocks(operator, graph)
    require(source[0] == 1, f"a batch of {source[0]} (run one image at a time)")
    sizes = [size + sum(pair) for size, pair in zip(source[1:-1], borders, strict=True)]
    uneven = [size for size, side in zip(sizes, block, strict=True) if size % side]
    require(not uneven, f"blocks {block} of {sizes}")
    made = (size // side for size, side in zip(sizes, block, strict=True))
    return [(math.prod(block), *made, source[-1])]


def _batch_to_space(operator: Operator, graph: Graph) -> Shapes:
    source, block, borders = _blocks(operator, graph)
    require(source[0] == math.prod(block), f"{source[0]} examples for blocks {block}")
    made = []
    for size, side, cut in zip(source[1:-1], block, borders, strict=True):
        made.append(size * side - sum(cut))
        require(made[-1] > 0, f"{list(cut)} cut of {size * side}")
    return [(1, *made, source[-1])]


def _batch_matmul(operator: Operator, graph: Graph) -> Shapes:
    shapes = [graph.tensors[index].shape for index in operator.inputs]
    said = " and ".join(str(list(each)) for each in shapes)
    axes = {len(each) for each in shapes}
    require(min(axes) >= _MATRIX_AXES and max(axes) <= _MOST_MATMUL_AXES, f"operands {said}")
    (rows, depth), (other, columns) = (
        shape[: -_MATRIX_AXES - 1 : -1] if turned else shape[-_MATRIX_AXES:]
        for shape, turned in zip(shapes, operator.options.adjoint, strict=True)
    )
    require(depth == other, f"operands {said}")
    try:
        lead = np.broadcast_shapes(*(each[:-_MATRIX_AXES] for each in shapes))
    except ValueError:
        raise MisfitError(f"operands {said}") from None
    return [(*lead, rows, columns)]


EXACT: Mapping[str, Callable[[Operator, Graph], Shapes]] = {
    "BATCH_MATMUL": _batch_matmul,
    "BATCH_TO_SPACE_ND": _batch_to_space,
    "BROADCAST_TO": _broadcast_to,
    "DEPTH_TO_SPACE": _depth_to_space,
    "GATHER": _gather,
    "GATHER_ND": _gather_nd,
    "MIRROR_PAD": _mirror_pad,
    "REVERSE_V2": _reverse,
    "SLICE": _slice,
    "SPACE_TO_BATCH_ND": _space_to_batch,
    "SPACE_TO_DEPTH": _space_to_depth,
}
