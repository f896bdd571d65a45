"""Lowers RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.pick import Picked, every, pick
from mlforge_tasks.engines._aot.program import Call, Constant, Data, Parameters, Step
from mlforge_tasks.engines._aot.simple import require_same_scale
from mlforge_tasks.engines._aot.view import steps_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Options
    from mlforge_tasks.engines._aot.program import Lowered, Value

    _Integers = NDArray[np.int64]

# Places of RESIZE_BILINEAR are in units of 1/1024.
_UNIT = 1024


def _nearest(size: int, wanted: int, options: Options) -> list[int]:
    """Where each output element comes from, in the float32 that the reference computes in."""
    ends = options.align_corners and wanted > 1
    scale = np.float32(size - 1 if ends else size) / np.float32(wanted - 1 if ends else wanted)
    shift = np.float32(0.5 if options.half_pixel_centers else 0)
    places = [(np.float32(place) + shift) * scale for place in range(wanted)]
    up = np.float32(0.5 if options.align_corners else 0)
    return [min(int(np.floor(each + up)), size - 1) for each in places]


def resize_nearest(operator: Operator, graph: Graph) -> Lowered:
    """RESIZE_NEAREST_NEIGHBOR."""
    source, output = graph.inputs_of(operator)[0].shape, graph.output_of(operator).shape
    _, line, pixel, _ = steps_of(source)
    axes = [
        Picked(np.array(_nearest(size, wanted, operator.options)), step)
        for size, wanted, step in zip(source[1:3], output[1:3], (line, pixel), strict=True)
    ]
    return pick(operator, graph, [*axes, Picked(every(source[3]), 1)])


@dataclass(frozen=True)
class _Between:
    """Where each output element lies along an axis of the input.

    Attributes:
        low: The element in front of it, or it itself.
        high: The one behind.
        share: How far it is from the first to the second, in units of 1/1024.
    """

    low: _Integers
    high: _Integers
    share: _Integers


def _between(size: int, wanted: int, options: Options) -> _Between:
    """As the reference does, in whole units; a division is towards zero."""
    ends = options.align_corners and wanted > 1
    over, into = (size - 1, wanted - 1) if ends else (size, wanted)
    scale = (_UNIT * over + into // 2) // into
    places = np.arange(wanted, dtype=np.int64) * scale
    if options.half_pixel_centers:
        places += scale // 2 - _UNIT // 2
    low = np.trunc(places / _UNIT).astype(np.int64).clip(0)
    high = np.trunc((places + _UNIT - 1) / _UNIT).astype(np.int64).clip(None, size - 1)
    # Between an element and itself any share gives that element.
    share = np.where(low == high, 0, places - _UNIT * low)
    return _Between(low, high, share)


def resize_bilinear(operator: Operator, graph: Graph) -> Step:
    """RESIZE_BILINEAR.

    Raises:
        CandidateFailure: The scale changes, both options are set, or the reference, which rounds
            how far apart elements are, would read behind the last one.
    """
    require_same_scale(operator, graph, graph.inputs_of(operator)[:1])
    options = operator.options
    what = f"RESIZE_BILINEAR '{operator.name}'"
    if options.align_corners and options.half_pixel_centers:
        raise unsupported(f"{what} with align_corners and half_pixel_centers", "use one of them")
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    names, constants = [], []
    for axis, step in ((1, source.shape[2] * source.shape[3]), (2, source.shape[3])):
        found = _between(source.shape[axis], output.shape[axis], options)
        if found.low.max() >= source.shape[axis]:
            raise unsupported(
                f"{what} from {source.shape[axis]} to {output.shape[axis]}, for which TensorFlow "
                "Lite Micro reads beyond the image,",
                "enlarge it in two steps, or by interpolation 'nearest'",
            )
        rows = np.stack([found.low * step, (found.high - found.low) * step, found.share], axis=1)
        names.append(f"{operator.name}_{('rows', 'columns')[axis - 1]}")
        comment = "first, to the second, share"
        constants.append(Constant(names[-1], "aot_between_t", rows.astype(np.int32), comment))
    members: dict[str, Value] = {
        "rows": names[0],
        "columns": names[1],
        "height": output.shape[1],
        "width": output.shape[2],
        "channels": output.shape[3],
    }
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call("aot_bilinear_s8.h", "aot_bilinear_s8", arguments),),
        constants=tuple(constants),
        parameters=Parameters(operator.name, "aot_bilinear_t", members),
    )
