"""Gives what a mask of attention leaves its resolution back.

Keras masks scores with the least number that a float has. The int8 converter then gives the scores,
masked or not, one scale that reaches as far, under which all that are not masked are 0. A mask
needs no more than to be so far below every score that its exponential is nothing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlforge_tasks.tflite_file.edit import Edit
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.origin import origin_of, quoted

if TYPE_CHECKING:
    from mlforge_tasks.tflite_file.model import FileGraph, FileOperator, FileTensor

# No scores have such a step.
_HUGE = 1e20
# exp(-10) of a thousand scores is less than a step of what SOFTMAX makes.
_BELOW = 10.0
_LEAST = b"\x80"
_INT8_MIN, _INT8_MAX = -128, 127


def _range_of(operator: FileOperator, graph: FileGraph) -> tuple[float, float] | None:
    """What a product of a tensor and a constant number can be."""
    if operator.op != "MUL" or len(operator.inputs) != 2:
        return None
    tensors = [graph.tensors[index] for index in operator.inputs]
    computed = [each for each in tensors if each.data is None]
    constants = [each for each in tensors if each.data is not None and len(each.data) == 1]
    if len(computed) != 1 or len(constants) != 1 or computed[0].scales[0] > _HUGE:
        return None
    (zero,), (scale,) = computed[0].zero_points, computed[0].scales
    (own_zero,), (own_scale,) = constants[0].zero_points, constants[0].scales
    (value,) = struct.unpack("<b", bytes(constants[0].data or b""))
    factor = (value - own_zero) * own_scale * scale
    ends = sorted(((_INT8_MIN - zero) * factor, (_INT8_MAX - zero) * factor))
    return ends[0], ends[1]


@dataclass(frozen=True)
class _Masked:
    """What a choice makes and chooses from.

    Attributes:
        scores: Tensors that are masked, or are to be.
        mask: The constant in their place, which several layers may have in common.
        low: The least that scores can be.
        high: The most.
    """

    scores: tuple[int, int]
    mask: int
    low: float
    high: float


def _masked(operator: FileOperator, graph: FileGraph) -> _Masked | None:
    """Where a constant far below all scores is chosen in their place."""
    if operator.op != "SELECT_V2" or len(operator.inputs) != 3 or len(operator.outputs) != 1:
        return None
    mask, *computed = sorted(operator.inputs[1:], key=lambda i: graph.tensors[i].data is None)
    tensors = [graph.tensors[index] for index in (mask, *computed, *operator.outputs)]
    alike = len({(each.scales, each.zero_points) for each in tensors}) == 1
    if not alike or len(tensors[0].scales) != 1 or tensors[0].scales[0] < _HUGE:
        return None
    makers = [each for each in graph.operators if computed[0] in each.outputs]
    found = _range_of(makers[0], graph) if len(makers) == 1 else None
    if found is None or bytes(tensors[0].data or b"") != _LEAST or tensors[1].data is not None:
        return None
    return _Masked((computed[0], operator.outputs[0]), mask, *found)


def _reaching(tensor: FileTensor, low: float, high: float) -> FileTensor:
    """The tensor with a range, in which 0 has a place of its own."""
    scale = (high - low) / (_INT8_MAX - _INT8_MIN)
    zero_point = round(_INT8_MIN - low / scale)
    (written,) = struct.unpack("<f", struct.pack("<f", scale))
    return replace(tensor, scales=(written,), zero_points=(zero_point,))


def with_near_masks(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A model whose masks are no further below than they need to be, and what was done.

    Where there is nothing to do it is as it was.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    model = read(content)
    graph, origin = model.main, origin_of(model)
    found = [_masked(each, graph) for each in graph.operators]
    masked = [each for each in found if each is not None]
    edit = Edit(content)
    for mask in {each.mask for each in masked}:
        of_it = [each for each in masked if each.mask == mask]
        low = min(0.0, *(each.low for each in of_it)) - _BELOW
        high = max(0.0, *(each.high for each in of_it))
        for index in (mask, *(tensor for each in of_it for tensor in each.scores)):
            edit.tensors[index] = _reaching(graph.tensors[index], low, high)
    changed = edit.written() if masked else None
    if changed is None:
        return content, ()
    told = (
        f"a mask{quoted(origin, graph.tensors[each.scores[1]].name)} takes scores to "
        f"{_least(edit.tensors[each.scores[1]]):.3g} and no further, so that int8 keeps their steps"
        for each in masked
    )
    return changed, tuple(dict.fromkeys(told))


def _least(tensor: FileTensor) -> float:
    return (_INT8_MIN - tensor.zero_points[0]) * tensor.scales[0]
