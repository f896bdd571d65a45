"""Which first operators of a graph can run stripe by stripe.

A row is what lies side by side in memory along a tensor's first axis that is longer than 1: a row
of pixels of an image, a time step of a sequence. An operator that makes some rows of its output
needs some rows of its inputs, which are less and less than all, the later in a network; so a stripe
of the last operator's output can be made without any tensor in between being whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.program import Alias, Step
from mlforge_tasks.engines._aot.ranges import MAPS
from mlforge_tasks.engines._aot.window import Axis, window_axes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Shape, Tensor
    from mlforge_tasks.engines._aot.program import Lowered

_CONVOLUTIONS = {"CONV_2D", "DEPTHWISE_CONV_2D"}
_POOLS = {"AVERAGE_POOL_2D", "MAX_POOL_2D"}
_BINARY = {"ADD", "DIV", "MAXIMUM", "MINIMUM", "MUL", "SQUARED_DIFFERENCE", "SUB"}
_IMAGE = 4


@dataclass(frozen=True)
class Rows:
    """Some rows of a tensor, from the first to before the end."""

    first: int
    end: int

    @property
    def count(self) -> int:
        """How many."""
        return self.end - self.first

    def with_those(self, other: Rows) -> Rows:
        """The least rows that both are among."""
        return Rows(min(self.first, other.first), max(self.end, other.end))


def row_axis(shape: Shape) -> int | None:
    """The axis along which rows lie; None where nothing is longer than 1."""
    return next((axis for axis, size in enumerate(shape) if size > 1), None)


def row_count(tensor: Tensor) -> int:
    """How many rows a tensor has."""
    axis = row_axis(tensor.shape)
    return 1 if axis is None else tensor.shape[axis]


def row_bytes(tensor: Tensor) -> int:
    """What one of them takes."""
    return tensor.size // row_count(tensor)


def activations(operator: Operator, graph: Graph) -> tuple[int, ...]:
    """Inputs that are computed."""
    return tuple(
        index for index in operator.inputs if index >= 0 and graph.tensors[index].data is None
    )


def window(operator: Operator, graph: Graph) -> tuple[Axis, Axis] | None:
    """Height and width of its windows; None where it has none."""
    if operator.op not in _CONVOLUTIONS | _POOLS:
        return None
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    kernel = operator.options.kernel
    if operator.op in _CONVOLUTIONS:
        shape = graph.inputs_of(operator)[1].shape
        kernel = (shape[1], shape[2])
    return window_axes(operator, source, output, kernel)


def slides(source: Tensor) -> int:
    """Which axis of an image's windows, height or width, goes over its rows."""
    return (row_axis(source.shape) or 1) - 1


def _broadcasts(tensor: Tensor, output: Tensor, axis: int) -> bool:
    """Whether a constant operand is the same for every row."""
    place = axis - len(output.shape) + len(tensor.shape)
    return place < 0 or tensor.shape[place] == 1


def _is_by_rows(operator: Operator, form: Lowered, graph: Graph) -> bool:
    """Whether some rows of the output follow from some rows of the inputs."""
    output = graph.output_of(operator)
    axis = row_axis(output.shape)
    sources = [graph.tensors[index] for index in activations(operator, graph)]
    if axis is None or not sources or len(operator.outputs) != 1:
        return False
    if isinstance(form, Alias):
        return {(row_count(each), row_bytes(each)) for each in sources} == {
            (row_count(output), row_bytes(output))
        }
    if not isinstance(form, Step):
        return False
    if operator.op in _CONVOLUTIONS | _POOLS:
        source = sources[0]
        image = len(source.shape) == len(output.shape) == _IMAGE
        return image and row_axis(source.shape) == axis in (1, 2) and len(sources) == 1
    if operator.op in MAPS:
        return sources[0].shape == output.shape
    others = [each for each in graph.inputs_of(operator) if each.data is not None]
    same = all(each.shape == output.shape for each in sources)
    return (
        operator.op in _BINARY and same and all(_broadcasts(each, output, axis) for each in others)
    )


def region_ends(graph: Graph, lowered: Sequence[Lowered]) -> Iterator[int]:
    """Last operators of stages that can run stripe by stripe, all from the first operator on."""
    last_use = {graph.output: len(graph.operators)}
    for index, operator in enumerate(graph.operators):
        last_use.update(dict.fromkeys(operator.inputs, index))
    last_use[graph.output] = len(graph.operators)
    made: list[int] = []
    for index, (operator, form) in enumerate(zip(graph.operators, lowered, strict=True)):
        if not _is_by_rows(operator, form, graph):
            return
        alone = all(last_use.get(tensor, -1) <= index for tensor in made)
        if alone and isinstance(form, Step) and operator.output != graph.output:
            yield index
        made.append(operator.output)


def same_bytes(graph: Graph, lowered: Sequence[Lowered], end: int) -> dict[int, int]:
    """Tensors that are others in another shape, and which, of operators up to one."""
    found: dict[int, int] = {}
    for operator, form in zip(graph.operators[: end + 1], lowered, strict=False):
        if isinstance(form, Alias):
            found[operator.output] = found.get(form.source, form.source)
    return found


def padded(operator: Operator, graph: Graph, before: int) -> Operator:
    """The operator with other padding in front of its rows."""
    axes = window(operator, graph)
    if axes is None:
        return operator
    pads = [axis.before for axis in axes]
    pads[slides(graph.inputs_of(operator)[0])] = before
    options = replace(operator.options, same_padding=False, before=(pads[0], pads[1]))
    return replace(operator, options=options)
