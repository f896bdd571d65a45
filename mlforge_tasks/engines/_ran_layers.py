"""The operators that run when first ones do so in stripes, as figures of layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.architecture.figures import LayerFigures
from mlforge_tasks.architecture.geometry import Window
from mlforge_tasks.engines._aot.program import Step
from mlforge_tasks.engines._aot.stripes import FEED_ROWS, KEEP_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlforge_tasks.architecture.geometry import Operation
    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor
    from mlforge_tasks.engines._aot.program import Lowered

MOVED_ROWS = "moved_rows"
"""Name of a layer that only moves rows, or takes them in."""
_OPERATIONS: dict[str, Operation] = {
    "CONV_2D": "conv",
    "DEPTHWISE_CONV_2D": "depthwise",
    "FULLY_CONNECTED": "dense",
    "MAX_POOL_2D": "pool",
    "MEAN": "pool",
}


@dataclass(frozen=True)
class Ran:
    """A layer, and how often it runs in an inference."""

    layer: LayerFigures
    times: int = 1


def _window(operator: Operator, source: Tensor, output: Tensor, weights: Tensor | None) -> Window:
    options = operator.options
    kernel = options.kernel
    if weights is not None:
        kernel = (weights.shape[1], weights.shape[2])
    sides = (source.shape[1:3], output.shape[1:3])
    return Window(
        kernel=kernel,
        stride=options.stride[0],
        dilation=options.dilation[0],
        input=(sides[0][0], sides[0][1]),
        output=(sides[1][0], sides[1][1]),
        padded=options.same_padding or bool(options.before and any(options.before)),
    )


def _layer(operator: Operator, graph: Graph, form: Step) -> LayerFigures:
    inputs, output = graph.inputs_of(operator), graph.output_of(operator)
    operation = _OPERATIONS.get(operator.op, "elementwise")
    weighted = operation in {"conv", "depthwise", "dense"}
    slides = operator.op in {"CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D"}
    window = (
        _window(operator, inputs[0], output, inputs[1] if weighted else None) if slides else None
    )
    reads = 0 if weighted else sum(each.size for each in inputs if each.data is None)
    if operator.op == "MAX_POOL_2D":
        reads = output.size * operator.options.kernel[0] * operator.options.kernel[1]
    name = "softmax" if operator.op == "SOFTMAX" else operator.name
    return LayerFigures(
        name=MOVED_ROWS if operator.op in {KEEP_ROWS, FEED_ROWS} else name,
        operation=operation,
        macs=form.macs,
        reads=reads if inputs else output.size,
        channels=output.shape[-1] if weighted else 0,
        weight_bytes=0,
        output_bytes=output.size,
        live_bytes=0,
        inputs=tuple(-1 for each in inputs if each.data is None),
        window=window,
    )


def ran_layers(graph: Graph, lowered: Sequence[Lowered]) -> Iterator[Ran]:
    """What runs, in its order.

    Args:
        graph: An outline, with its first operators in stripes or without.
        lowered: Its operators.
    """
    for index, (operator, form) in enumerate(zip(graph.operators, lowered, strict=True)):
        if isinstance(form, Step):
            turns = (each.turns for each in graph.loops if each.first <= index <= each.last)
            yield Ran(_layer(operator, graph, form), next(turns, 1))
