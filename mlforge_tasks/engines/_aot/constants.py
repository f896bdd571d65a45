"""Computes what an operator makes of constants: shapes, as a graph of any batch size has them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.failure import unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Options, Tensor

    _Values = NDArray[np.generic]
    _Fold = Callable[[Sequence[_Values], Options], _Values]


def _picked(values: Sequence[_Values], options: Options) -> _Values:
    """STRIDED_SLICE of a list, as shapes are."""
    source, *bounds = values
    begin, end, step = (int(each.ravel()[0]) for each in bounds)
    if options.shrink_mask & 1:
        return source[begin]  # type: ignore[no-any-return]
    first = None if options.begin_mask & 1 else begin
    last = None if options.end_mask & 1 else end
    return source[first:last:step]


def _packed(values: Sequence[_Values], options: Options) -> _Values:
    return np.stack(values, axis=options.axis)


_FOLDS: Mapping[str, tuple[int | None, _Fold]] = {
    "STRIDED_SLICE": (4, _picked),
    "PACK": (None, _packed),
    "CONCATENATION": (None, lambda values, options: np.concatenate(values, axis=options.axis)),
}


def _fold(operator: Operator, tensors: Sequence[Tensor]) -> _Values | None:
    """What an operator makes, where it is constant and int32."""
    if len(operator.outputs) != 1 or tensors[operator.output].dtype != "int32":
        return None
    if any(index < 0 for index in operator.inputs) or operator.options.other_masks:
        return None
    if operator.op == "SHAPE" and len(operator.inputs) == 1:
        return np.array(tensors[operator.inputs[0]].shape, np.int32)
    values = [tensors[index].data for index in operator.inputs]
    count, fold = _FOLDS.get(operator.op, (None, None))
    if fold is None or count not in {None, len(values)} or not values:
        return None
    found = [each for each in values if each is not None and each.dtype == np.int32]
    if len(found) != len(values) or (operator.op == "STRIDED_SLICE" and found[0].ndim != 1):
        return None
    try:
        return np.asarray(fold(found, operator.options))
    except (ValueError, IndexError) as error:  # numpy's, of axes and shapes that do not fit
        text = f"{operator.op} of constants that do not fit ({error})"
        raise unsupported(text, "convert the model again") from None


def folded(graph: Graph) -> Graph:
    """The graph without operators whose int32 outputs are known: SHAPE and what picks of shapes.

    A converter leaves them where the batch is open; shapes in the file are those of one example.
    """
    tensors = list(graph.tensors)
    kept = []
    for operator in graph.operators:
        values = _fold(operator, tensors)
        if values is None:
            kept.append(operator)
        else:
            known = replace(tensors[operator.output], data=values, shape=values.shape)
            tensors[operator.output] = known
    return replace(graph, tensors=tuple(tensors), operators=tuple(kept))
