"""Checks that every tensor is made once, before it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.failure import unsupported

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.graph import Graph

_AGAIN = "convert the model again: operators have to stand in the order they run"


def check_order(graph: Graph) -> None:
    """Operators stand in the order they run, and every output is made by one of them.

    Raises:
        CandidateFailure: A tensor is read before it is made, made twice, constant and yet made, or
            the model's output is not made at all.
    """
    if any(graph.tensors[index].data is not None for index in graph.inputs):
        raise unsupported("a constant as the model's input", _AGAIN)
    made = {*graph.inputs, *(each.tensor for each in graph.states)}
    for operator in graph.operators:
        for index in operator.inputs:
            tensor = graph.tensors[index]
            if index >= 0 and index not in made and tensor.data is None and not tensor.oddity:
                what = f"{operator.op} that reads '{tensor.name}' before anything has made it"
                raise unsupported(what, _AGAIN)
        if not operator.outputs:
            raise unsupported(f"{operator.op} without an output", _AGAIN)
        for index in operator.outputs:
            tensor = graph.tensors[index]
            if index in made or tensor.data is not None:
                what = tensor.oddity or ("made already" if index in made else "constant")
                raise unsupported(
                    f"{operator.op} that writes '{tensor.name}', which is {what},", _AGAIN
                )
            made.add(index)
    if not set(graph.outputs) <= made - set(graph.inputs):
        raise unsupported("an output that no operator makes", "give the model a layer")
