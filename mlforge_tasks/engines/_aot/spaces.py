"""Lowers what moves pixels to channels or examples, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.pick import Picked, every, pick
from mlforge_tasks.engines._aot.simple import require_same_scale
from mlforge_tasks.engines._aot.view import steps_of

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.graph import Graph, Operator, Shape
    from mlforge_tasks.engines._aot.program import Lowered

_IMAGE_AXES = 4
_BORDER = (
    "TensorFlow Lite Micro fills it with whatever is in memory, not with the zero point; convert "
    "it for a batch of 1, which keeps a layer's dilation in the convolution"
)


def _whole(sizes: Shape, steps: list[int], order: tuple[int, ...]) -> list[Picked]:
    """Every element, its axes in another order."""
    return [Picked(every(sizes[axis]), steps[axis]) for axis in order]


def space_to_depth(operator: Operator, graph: Graph) -> Lowered:
    """SPACE_TO_DEPTH: a block's pixels are channels of one."""
    require_same_scale(operator, graph)
    _, height, width, channels = graph.inputs_of(operator)[0].shape
    block = operator.options.block
    sizes = (height // block, block, width // block, block, channels)
    return pick(operator, graph, _whole(sizes, steps_of(sizes), (0, 2, 1, 3, 4)))


def depth_to_space(operator: Operator, graph: Graph) -> Lowered:
    """DEPTH_TO_SPACE: the other way round."""
    require_same_scale(operator, graph)
    _, height, width, channels = graph.inputs_of(operator)[0].shape
    block = operator.options.block
    sizes = (height, width, block, block, channels // block**2)
    return pick(operator, graph, _whole(sizes, steps_of(sizes), (0, 2, 1, 3, 4)))


def blocks_of(operator: Operator, graph: Graph) -> tuple[tuple[int, int], tuple[int, ...]]:
    """Height and width of a block, and what is added or cut: above, below, left, right."""
    _, block, border = graph.inputs_of(operator)
    sizes = [int(each) for each in block.constant.ravel()]
    counts = [int(each) for each in border.constant.ravel()]
    if len(sizes) == 1:
        sizes, counts = [*sizes, 1], [*counts, 0, 0]
    return (sizes[0], sizes[1]), tuple(counts)


def as_image(shape: Shape) -> Shape:
    """A sequence as an image that is one pixel wide."""
    return shape if len(shape) == _IMAGE_AXES else (*shape[:2], 1, shape[2])


def space_to_batch(operator: Operator, graph: Graph) -> Lowered:
    """SPACE_TO_BATCH_ND of one image: the first pixels of all blocks, then the second ones.

    Raises:
        CandidateFailure: The scale changes, or there is a border, of which the reference leaves
            unset what it is filled with.
    """
    require_same_scale(operator, graph, graph.inputs_of(operator)[:1])
    (rows, columns), border = blocks_of(operator, graph)
    if any(border):
        raise unsupported(f"SPACE_TO_BATCH_ND '{operator.name}' with a border", _BORDER)
    _, height, width, channels = as_image(graph.inputs_of(operator)[0].shape)
    sizes = (height // rows, rows, width // columns, columns, channels)
    return pick(operator, graph, _whole(sizes, steps_of(sizes), (1, 3, 0, 2, 4)))


def batch_to_space(operator: Operator, graph: Graph) -> Lowered:
    """BATCH_TO_SPACE_ND to one image: of every block's pixels one, and then what is cut."""
    require_same_scale(operator, graph, graph.inputs_of(operator)[:1])
    (rows, columns), (above, _, left, _) = blocks_of(operator, graph)
    _, height, width, channels = as_image(graph.inputs_of(operator)[0].shape)
    _, made_rows, made_columns, _ = as_image(graph.output_of(operator).shape)
    y, x = above + every(made_rows), left + every(made_columns)
    return pick(
        operator,
        graph,
        [
            Picked((y % rows) * columns * height + y // rows, width * channels),
            Picked((x % columns) * height * width + x // columns, channels),
            Picked(every(channels), 1),
        ],
    )
