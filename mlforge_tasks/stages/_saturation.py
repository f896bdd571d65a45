"""Saturation inside a network: layers whose values stand at an end of their type's range."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks import oracle
from mlforge_tasks.engines._aot.importer import import_model
from mlforge_tasks.engines._aot.islands import TABLE
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.quantisation import ITEM_BYTES
from mlforge_tasks.verdict.evaluation import Rail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor
    from mlforge_tasks.windows import Windows

    _Pair = tuple[int, int]

# Of a split; each takes as long as an inference on the host.
EXAMPLES = 500
# They compute what their range may cut off even where it is that of an input.
_COMPUTING = {
    *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL"),
    *("ADD", "SUB", "MUL", "SUM"),
}
# Whatever these are given, their range is that of the function.
_BOUNDED = {"LOGISTIC", "SOFTMAX", "TANH", "LOG_SOFTMAX", "L2_NORMALIZATION"}
# What they make lies between the least and the greatest of what they are given.
_BETWEEN = {
    *("AVERAGE_POOL_2D", "CONCATENATION", "MAX_POOL_2D", "MEAN", "PACK", "QUANTIZE", "REDUCE_MAX"),
    *("REDUCE_MIN", "RELU", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"),
}
# Where a function ends, or an activation function cuts: no fault of the range. Below and above.
_CUTS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "NONE": (-np.inf, np.inf),
        "RELU": (0.0, np.inf),
        "RELU6": (0.0, 6.0),
        "RELU_N1_TO_1": (-1.0, 1.0),
        "HARD_SWISH": (-0.375, np.inf),
        "ELU": (-1.0, np.inf),
        "ABS": (0.0, np.inf),
        "SQUARED_DIFFERENCE": (0.0, np.inf),
    }
)
_LEAST_SILU = -0.2785
_PAIRS: Mapping[str, Callable[..., NDArray[np.float64]]] = MappingProxyType(
    {"ADD": np.add, "SUB": np.subtract, "MUL": np.multiply}
)


@dataclass(frozen=True)
class _Layer:
    """An operator's output, and whether a value at its low or high end is one that is cut off."""

    name: str
    tensor: int
    size: int
    cut_off: tuple[bool, bool]


def layer_rails(tflite: bytes, inputs: Windows) -> tuple[Rail, ...]:
    """Saturation by layer, the last one left out, over at most `EXAMPLES` of some examples.

    An end at which the layer's own activation function stops (0 after a ReLU) has no saturation,
    and layers that only move values have none of their own.

    Args:
        tflite: The model.
        inputs: What it is given, int8 or int16.

    Returns:
        In the order they run; nothing where there is no oracle, or no engine reads the model.
    """
    if not oracle.available():
        return ()
    try:
        layers = tuple(_layers(import_model(tflite)))
        chosen = _some(inputs)
        anew = None if inputs.anew is None else inputs.anew[chosen]
        some = replace(inputs, starts=inputs.starts[chosen], anew=anew)
        if not layers:
            return ()
        counts = oracle.ends_of(tflite, some, [one.tensor for one in layers])
    except (CandidateFailure, oracle.ReferenceCrashedError):
        return ()
    return tuple(
        Rail(
            name=layer.name,
            values=layer.size * len(chosen),
            at_low=int(low) * layer.cut_off[0],
            at_high=int(high) * layer.cut_off[1],
        )
        for layer, (low, high) in zip(layers, counts, strict=True)
    )


def _some(inputs: Windows) -> NDArray[np.int64]:
    """Examples from all over them; of a stream the first."""
    if inputs.anew is not None:
        return np.arange(min(len(inputs), EXAMPLES))
    return np.unique(np.linspace(0, len(inputs) - 1, EXAMPLES).astype(np.int64))


def _layers(graph: Graph) -> Iterator[_Layer]:
    gates = {(one.inputs[0], one.output) for one in graph.operators if one.op == "LOGISTIC"}
    for operator in graph.operators:
        made = graph.output_of(operator)
        inside = made.dtype in ITEM_BYTES and operator.output not in graph.outputs
        if inside and operator.op not in _BOUNDED and not _moves(operator, made, graph):
            ends = _ends(operator, graph, gates)
            yield _Layer(operator.name, operator.output, made.size, _cut_off(ends, made))


def _moves(operator: Operator, made: Tensor, graph: Graph) -> bool:
    """Whether an operator's values are those of an input, or lie between them."""
    inputs = graph.inputs_of(operator)
    return operator.op not in _COMPUTING and any(_same_scale(made, one) for one in inputs)


def _same_scale(one: Tensor, other: Tensor) -> bool:
    if other.dtype not in ITEM_BYTES or other.data is not None:
        return False
    return (one.scale, one.zero_point) == (other.scale, other.zero_point)


def _ends(operator: Operator, graph: Graph, gates: AbstractSet[_Pair]) -> tuple[float, float]:
    """Where an operator's function ends, below and above.

    Args:
        operator: Any.
        graph: Its model.
        gates: What each LOGISTIC takes and makes.
    """
    options = operator.options
    if operator.op == TABLE:
        return options.least, options.greatest
    if operator.op == "RSQRT":  # of one step; there is none between it and 0
        return 0.0, float(graph.inputs_of(operator)[0].scale) ** -0.5
    below, above = _CUTS[operator.op if operator.op in _CUTS else options.activation]
    if operator.op in _BETWEEN:
        given = [_range(one) for one in graph.inputs_of(operator) if one.dtype in ITEM_BYTES]
        least, most = float(np.min(given)), float(np.max(given))
        below, above = max(below, least), min(above, most)
    if operator.op in _PAIRS:
        least, most = _of_pair(operator, graph, gates)
        below, above = max(below, least), min(above, most)
    return below, above


def _of_pair(operator: Operator, graph: Graph, gates: AbstractSet[_Pair]) -> tuple[float, float]:
    """The least and the greatest that a sum, a difference or a product can be."""
    first, second = operator.inputs
    ranges = (_range(one) for one in graph.inputs_of(operator))
    corners = _PAIRS[operator.op](*np.ix_(*ranges))
    least = float(corners.min())
    if operator.op == "MUL" and first == second:
        least = max(least, 0.0)
    if operator.op == "MUL" and not gates.isdisjoint({(first, second), (second, first)}):
        least = max(least, _LEAST_SILU)
    return least, float(corners.max())


def _range(tensor: Tensor) -> NDArray[np.float64]:
    """The least and the greatest that a tensor can be."""
    reach = np.iinfo(tensor.dtype)
    ends = np.array([reach.min, reach.max], np.float64)
    steps = ends if tensor.data is None else tensor.constant.astype(np.float64)
    values = (np.array([steps.min(), steps.max()]) - tensor.zero_point) * float(tensor.scale)
    return np.sort(values)


def _cut_off(ends: tuple[float, float], made: Tensor) -> tuple[bool, bool]:
    """Whether values beyond the low and the high end are lost, by a step or more, to the range."""
    below, above = ends
    low, high = _range(made)
    near = 1.5 * float(made.scale)
    return bool(low > below + near), bool(high < above - near)
