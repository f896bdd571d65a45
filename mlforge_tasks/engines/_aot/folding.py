"""What a layer with weights makes of input channels that have one value: a part of its bias."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.taps import taps_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.intervals import Interval
    from mlforge_tasks.engines._aot.taps import Taps

    _Integers = NDArray[np.int64]
    _Flags = NDArray[np.bool_]


def _parts_of_windows(taps: Taps, source: Interval, zero_point: int) -> _Integers:
    """What each input channel adds to each kind of window, were it the least that it can be.

    Returns:
        [input channel, output channel, kind].
    """
    steps = source.low - zero_point
    products = taps.weights.transpose(3, 0, 1, 2) * steps[:, None, None, None]
    return taps.sums(products)


def foldable(operator: Operator, graph: Graph, source: Interval) -> _Flags | None:
    """Input channels that a CONV_2D or FULLY_CONNECTED can do without, by channel.

    They are those that add the same to every window: channels that nothing is multiplied by but
    zeros, and those of one value, of a layer without a border; under a border only if what lies on
    the input adds up alike everywhere, as it does where the value is the zero point.
    None where weights are not regular, and nothing is known.
    """
    taps = taps_of(operator, graph)
    if taps is None:
        return None
    read: _Flags = np.any(taps.weights, axis=(0, 1, 2), keepdims=True).ravel()
    added = _parts_of_windows(taps, source, graph.inputs_of(operator)[0].zero_point)
    alike: _Flags = np.all(added == added[..., :1], axis=(1, 2), keepdims=True).ravel()
    flags: _Flags = ~read | (source.constant & alike)
    return flags


def added_by(operator: Operator, graph: Graph, source: Interval, dropped: _Flags) -> _Integers:
    """What foldable input channels add to every window, by output channel."""
    taps = taps_of(operator, graph)
    if taps is None:
        raise ValueError(f"nothing of {operator.name} can be folded")
    held = replace(taps, weights=taps.weights[..., dropped])
    few = replace(source, low=source.low[dropped], high=source.high[dropped])
    added = _parts_of_windows(held, few, graph.inputs_of(operator)[0].zero_point)
    whole: _Integers = added[..., 0].sum(axis=0)
    return whole
