"""Several inputs and outputs: they lie one behind the other, as one string of bytes each.

So `model_input()` and `model_output()` are where the first of them begins, in the file's order, and
whatever moves bytes to and from a model need not know how many there are.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor, View
from mlforge_tasks.engines._aot.program import Call, Data, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.engines._aot.program import Lowered

COPY = "COPY"
"""What hands out an output that has no place of its own: the schema has no such operator."""


def with_joined_ends(graph: Graph) -> Graph:
    """The graph whose inputs, if there are several, are parts of one tensor; outputs likewise."""
    tensors, views = list(graph.tensors), dict(graph.views)
    joined = set()
    for parts in (each for each in (graph.inputs, graph.outputs) if len(each) > 1):
        sizes = [graph.tensors[part].bytes for part in parts]
        tensors.append(Tensor("", (1, sum(sizes)), "int8"))
        joined.add(of := len(tensors) - 1)
        starts = accumulate(sizes[:-1], initial=0)
        views |= {part: View(of, at) for part, at in zip(parts, starts, strict=True)}
    return replace(graph, tensors=tuple(tensors), views=views, joined=frozenset(joined))


def with_outputs_apart(
    graph: Graph, lowered: Sequence[Lowered]
) -> tuple[Graph, tuple[Lowered, ...]]:
    """Of several outputs, copies those that no kernel writes, and those that are outputs twice."""
    if len(graph.outputs) == 1:
        return graph, tuple(lowered)
    tensors, operators, forms = list(graph.tensors), list(graph.operators), list(lowered)
    written = {
        output
        for operator, form in zip(operators, forms, strict=True)
        for output in operator.outputs
        if isinstance(form, Step)
    }
    outputs = list(graph.outputs)
    for at, output in enumerate(graph.outputs):
        if output in written and output not in outputs[:at]:
            continue
        tensors.append(replace(graph.tensors[output], data=None))
        outputs[at] = len(tensors) - 1
        operators.append(Operator(COPY, (output,), (outputs[at],), name=f"output_{at}"))
        arguments = (tensors[output].bytes, Data(output), Data(outputs[at]))
        forms.append(Step(calls=(Call("aot_move_s8.h", "aot_move_s8", arguments),)))
    made = replace(
        graph, tensors=tuple(tensors), operators=tuple(operators), outputs=tuple(outputs)
    )
    return made, tuple(forms)
