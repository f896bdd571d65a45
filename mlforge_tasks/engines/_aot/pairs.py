"""Pairs of channels whose weights DSP kernels take from one word.

A tap's weights are the 16-bit sum of the first channel's and 256 times the second's
(kernels/dsp/aot_dot_s8.h). Where that leaves 16 bits, the first stays alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.fixed_point import INT8_MAX, INT8_MIN, WIDE_RIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.program import Constant, Value
    from mlforge_tasks.engines._aot.weighted import Requant

LONG = "aot_dot_four_long_s8"
"""The kernel of sums that need more than 24 bits."""
_MOST_SECOND = 1 << 23
NO_CHANNEL = -128
"""A shift; as AOT_NO_CHANNEL of the kernels."""


def paired(taps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Channels in pairs, in their order.

    Args:
        taps: Weights [channel, tap].

    Returns:
        [pair, 2]; -1 where a channel has no second.
    """
    pairs: list[tuple[int, int]] = []
    channel = 0
    while channel < len(taps):
        second = channel + 1
        alone = second == len(taps) or bool(
            np.any((taps[channel] < 0) & (taps[second] == INT8_MIN))
        )
        pairs.append((channel, -1 if alone else second))
        channel += 1 if alone else 2
    return np.array(pairs)


def summed(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Weights [pair, 2, tap] as the bytes of the sums that kernels read."""
    first, second = pairs[:, 0], pairs[:, 1]
    return np.stack([first, second - (first < 0)], axis=1)


def _expanded(constant: Constant, each: int, missing: int, rows: NDArray[np.int64]) -> Constant:
    values = constant.values.reshape(-1, each)
    values = np.concatenate([values, np.full((1, each), missing, values.dtype)])[rows]
    return replace(constant, values=values.ravel())


def requant_of_pairs(records: Requant, pairs: NDArray[np.int64]) -> Requant:
    """Records of channels as kernels read them, two a pair.

    Those of one multiplier and shift stay as they are, and want pairs without gaps but the last.
    """
    if records.multiplier is not None:
        return records
    rows = pairs.ravel()
    # The wide form is told by the sign: no shift at all is one to the right by nothing.
    shifts = np.where(records.shifts.values == 0, WIDE_RIGHT, records.shifts.values)
    return replace(
        records,
        values=_expanded(records.values, 2, 0, rows),
        shifts=_expanded(replace(records.shifts, values=shifts), 1, NO_CHANNEL, rows),
    )


def dsp_members(
    taps: NDArray[np.int64], pairs: NDArray[np.int64], records: Requant, *, single: bool
) -> dict[str, Value]:
    """What of an `aot_dot_t` the pairs decide; `records` are those of channels."""
    if single:
        return {"pairs": len(pairs), "four": "NULL"}
    seconds = pairs[pairs[:, 1] >= 0, 1]
    biases = records.values.values.astype(np.int64).reshape(-1, 2)[seconds, 0]
    ends = np.stack([taps[seconds] * INT8_MIN, taps[seconds] * INT8_MAX])
    low, high = biases + ends.min(axis=0).sum(axis=1), biases + ends.max(axis=0).sum(axis=1)
    fit = np.all((low >= -_MOST_SECOND) & (high < _MOST_SECOND))
    return {"pairs": len(pairs), "four": "aot_dot_four_s8" if fit else LONG}


def conv_header(dot: Mapping[str, Value]) -> str:
    """What declares the convolution with the kernel that an `aot_dot_t` names."""
    return "aot_dot_long_s8.h" if dot.get("four") == LONG else "aot_conv_s8.h"
