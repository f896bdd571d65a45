"""Where DSP kernels find the taps of a window, against the order that its weights have."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlforge_tasks.engines._aot.graph import Operator
from mlforge_tasks.engines._aot.packing import DSP, PackedWindow

_OPERATOR = Operator("CONV_2D", (0,), (1,), name="layer")


_RUNS = [run for run in range(1, 32) if run % 4 > 0]


@given(runs=st.integers(2, 11), run=st.sampled_from(_RUNS), beyond=st.integers(0, 40))
def test_places_name_every_tap_once_in_the_order_of_weights(
    runs: int, run: int, beyond: int
) -> None:
    """A window holds no more zeros than fill its last four taps."""
    window = PackedWindow(DSP, runs, run)
    constant = window.places(_OPERATOR, run + beyond)
    assert constant is not None
    words, fours, *places = constant.values.tolist()
    found = [place + i for place in places[:words] for i in range(4)]
    found += places[words : words + 4 * fours]
    assert len(found) == window.taps < runs * run + 4
    assert len(places) == words + 4 * fours
    # Taps named by a weight of their own come back in that order.
    weights = (np.arange(runs * run) % 100 + 1).astype(np.int64)[None]
    alone = np.array([[0, -1]])
    packed = window.weights(_OPERATOR, weights, alone).values.reshape(-1, 2, 2, 2)
    first = packed[..., 0].transpose(0, 2, 1).ravel()
    offsets = (np.arange(runs)[:, None] * (run + beyond) + np.arange(run)).ravel()
    named = dict(zip(offsets.tolist(), weights[0].tolist(), strict=True))
    assert first[: runs * run].tolist() == [named[place] for place in found[: runs * run]]
    assert not first[runs * run :].any()
