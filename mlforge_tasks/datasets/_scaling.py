"""Normalisation: (raw - mean) / scale, worked out in float32 as the firmware does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.contract.dataset import FixedScaling
from mlforge_tasks.windows import ROWS_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlforge_tasks.contract.dataset import Scaling


@dataclass(frozen=True)
class Statistics:
    """What some rows hold, one figure per value of the last axis; float64."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]


@dataclass(frozen=True)
class Normalisation:
    """One mean and one scale per value of the last axis, float32."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    def apply(self, rows: NDArray[np.float32]) -> None:
        """Normalises rows where they are; every step in float32, so a device gets the same bits."""
        np.subtract(rows, self.mean, out=rows)
        np.divide(rows, self.scale, out=rows)


def measure(values: NDArray[np.float32], used: NDArray[np.bool_] | None = None) -> Statistics:
    """Range, mean and standard deviation, with sums in float64; a part at a time.

    Args:
        values: [rows, ..., features].
        used: Which rows count; by default all.
    """

    def parts() -> Iterator[NDArray[np.float32]]:
        for at in range(0, len(values), ROWS_AT_ONCE):
            part = values[at : at + ROWS_AT_ONCE]
            if used is not None:
                part = part[used[at : at + ROWS_AT_ONCE]]
            if len(part):
                yield part.reshape(-1, values.shape[-1])

    low = np.min([part.min(axis=0) for part in parts()], axis=0)
    high = np.max([part.max(axis=0) for part in parts()], axis=0)
    count = sum(len(part) for part in parts())
    mean = sum(part.sum(axis=0, dtype=np.float64) for part in parts()) / count
    squares = sum(np.square(part - mean).sum(axis=0) for part in parts())
    return Statistics(
        low.astype(np.float64), high.astype(np.float64), mean, np.sqrt(squares / count)
    )


def fit(rule: Scaling, found: Statistics) -> Normalisation:
    """The normalisation of some training rows.

    Args:
        rule: How.
        found: What they hold.
    """
    mean, scale = np.zeros_like(found.low), np.ones_like(found.low)
    if isinstance(rule, FixedScaling):
        mean, scale = mean + rule.mean, scale * rule.scale
    elif rule.rule == "standard":
        mean, scale = found.mean, found.deviation
    elif rule.rule == "minmax":
        mean, scale = found.low, found.high - found.low
    if not isinstance(rule, FixedScaling):
        # A feature that never changes says nothing; it must not divide by (nearly) zero.
        scale = np.where(found.high > found.low, scale, 1.0)
    return Normalisation(mean.astype(np.float32), scale.astype(np.float32))
