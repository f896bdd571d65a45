"""Lowers the operators that only stripes have: rows that move up, and rows that come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.program import Call, Data, Step
from mlforge_tasks.engines._aot.stripes import FEED_ROWS, KEEP_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlforge_tasks.engines._aot.graph import Graph, Operator


def _keep(operator: Operator, graph: Graph) -> Step:
    """Rows of a buffer to a lower place in it."""
    size = graph.output_of(operator).size
    arguments = (size, Data(operator.inputs[0]), Data(operator.output))
    return Step(calls=(Call("aot_move_s8.h", "aot_move_s8", arguments),))


def _feed(operator: Operator, _: Graph) -> Step:
    """Rows of the model's input, from the application."""
    first, move, count = operator.options.fed
    row = f"{first} + {move} * stripe" if move else str(first)
    arguments = (Data(operator.output), row, count)
    return Step(calls=(Call("", "read_rows", arguments),))


OPERATORS: Mapping[str, Callable[[Operator, Graph], Step]] = {
    KEEP_ROWS: _keep,
    FEED_ROWS: _feed,
}
