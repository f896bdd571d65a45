"""Which elements of a tensor are where behind operators that only move them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.tflite_file.model import FileGraph, FileOperator

    Places = NDArray[np.intp]


def elements(shape: tuple[int, ...]) -> Places:
    """The number of each element of a tensor, in its shape."""
    return np.arange(math.prod(shape)).reshape(shape)


def moved(operator: FileOperator, graph: FileGraph, places: Places) -> Places | None:
    """Which elements are where behind an operator.

    Args:
        operator: The operator.
        graph: Where it is.
        places: Which elements are where in its first input.

    Returns:
        The same of its output; None where it is of another scale or type, or is computed.
    """
    source, made = (graph.tensors[one[0]] for one in (operator.inputs, operator.outputs))
    if (made.dtype, made.scales, made.zero_points) != (
        source.dtype,
        source.scales,
        source.zero_points,
    ):
        return None
    lists = [graph.tensors[one].integers for one in operator.inputs[1:] if one >= 0]
    found: Places | None = None
    if operator.op == "RESHAPE" and math.prod(made.shape) == places.size:
        found = places.reshape(made.shape)
    if operator.op == "TRANSPOSE" and sorted(lists[0]) == list(range(places.ndim)):
        found = places.transpose(lists[0])
    if operator.op == "SLICE" and len(lists) == 2:
        cut = (slice(at, at + size) for at, size in zip(*lists, strict=False))
        found = places[tuple(cut)] if min(lists[0], default=-1) >= 0 else None
    return found if found is not None and found.shape == made.shape else None
