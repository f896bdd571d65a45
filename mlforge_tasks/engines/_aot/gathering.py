"""Lowers SLICE, GATHER, GATHER_ND, REVERSE_V2, BROADCAST_TO and MIRROR_PAD."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from mlforge_tasks.engines._aot.pick import Picked, every, pick
from mlforge_tasks.engines._aot.simple import require_same_scale
from mlforge_tasks.engines._aot.view import steps_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Shape
    from mlforge_tasks.engines._aot.program import Lowered


# TensorFlow's quantiser gives it the scale of an ADD that reads it.
_TURNED = (
    "use x[:, ::-1] in its place, whose scale is kept; TensorFlow Lite Micro would compute another "
    "value than the model says"
)


def _picked(
    operator: Operator, graph: Graph, shape: Shape, places: Sequence[NDArray[np.int64]]
) -> Lowered:
    """Places along every axis of the first input, under a shape of as many elements."""
    advice = {"instead": _TURNED} if operator.op == "REVERSE_V2" else {}
    require_same_scale(operator, graph, graph.inputs_of(operator)[:1], **advice)
    steps = steps_of(shape)
    axes = [Picked(each, step) for each, step in zip(places, steps, strict=True)]
    return pick(operator, graph, axes)


def _lists(operator: Operator, graph: Graph) -> list[list[int]]:
    """The constant lists behind the first input."""
    found = graph.inputs_of(operator)[1:]
    return [[int(value) for value in each.constant.ravel()] for each in found]


def slice_(operator: Operator, graph: Graph) -> Lowered:
    """SLICE; a size of -1 is all there is."""
    source, output = graph.inputs_of(operator)[0].shape, graph.output_of(operator).shape
    begins, _ = _lists(operator, graph)
    places = [begin + every(size) for begin, size in zip(begins, output, strict=True)]
    return _picked(operator, graph, source, places)


def gather(operator: Operator, graph: Graph) -> Lowered:
    """GATHER of constant places along an axis."""
    source = graph.inputs_of(operator)[0].shape
    (places,) = _lists(operator, graph)
    axis = operator.options.axis % len(source)
    axes = [every(size) for size in source]
    axes[axis] = np.array(places)
    return _picked(operator, graph, source, axes)


def gather_nd(operator: Operator, graph: Graph) -> Lowered:
    """GATHER_ND of constant places: each names one of what the first axes have."""
    source, places = graph.inputs_of(operator)
    depth = places.shape[-1]
    named, rest = source.shape[:depth], math.prod(source.shape[depth:])
    rows = places.constant.reshape(-1, depth).astype(np.int64) @ np.array(steps_of(named))
    return _picked(operator, graph, (math.prod(named), rest), [rows, every(rest)])


def reverse(operator: Operator, graph: Graph) -> Lowered:
    """REVERSE_V2."""
    source = graph.inputs_of(operator)[0].shape
    (axes,) = _lists(operator, graph)
    turned = {axis % len(source) for axis in axes}
    places = [
        every(size)[::-1] if axis in turned else every(size) for axis, size in enumerate(source)
    ]
    return _picked(operator, graph, source, places)


def broadcast_to(operator: Operator, graph: Graph) -> Lowered:
    """BROADCAST_TO."""
    source, output = graph.inputs_of(operator)[0].shape, graph.output_of(operator).shape
    source = (1,) * (len(output) - len(source)) + source
    places = [every(wanted) * (size > 1) for size, wanted in zip(source, output, strict=True)]
    return _picked(operator, graph, source, places)


def mirror_pad(operator: Operator, graph: Graph) -> Lowered:
    """MIRROR_PAD; a reflection does not have the border itself twice."""
    source = graph.inputs_of(operator)[0].shape
    (counts,) = _lists(operator, graph)
    mode: Literal["reflect", "symmetric"]
    mode = "reflect" if operator.options.reflects else "symmetric"
    pairs = zip(counts[::2], counts[1::2], strict=True)
    places = [np.pad(every(size), pair, mode) for size, pair in zip(source, pairs, strict=True)]
    return _picked(operator, graph, source, places)
