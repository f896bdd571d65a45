"""Normalisation: (raw - mean) / scale, worked out in float32 as the firmware does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.contract.dataset import FixedScaling

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.contract.dataset import Scaling


@dataclass(frozen=True)
class Normalisation:
    """One mean and one scale per value of the last axis, float32."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    def apply(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalised values; every step in float32, so a device gets the same bits."""
        return np.ascontiguousarray((raw - self.mean) / self.scale)


def fit(rule: Scaling, raw: NDArray[np.float32]) -> Normalisation:
    """The normalisation of some training rows.

    Args:
        rule: How.
        raw: Values, [rows, ..., features]; sums are taken in float64.
    """
    flat = raw.reshape(-1, raw.shape[-1])
    low, high = flat.min(axis=0).astype(np.float64), flat.max(axis=0).astype(np.float64)
    mean, scale = np.zeros_like(low), np.ones_like(low)
    if isinstance(rule, FixedScaling):
        mean, scale = mean + rule.mean, scale * rule.scale
    elif rule.rule == "standard":
        mean, scale = flat.mean(axis=0, dtype=np.float64), flat.std(axis=0, dtype=np.float64)
    elif rule.rule == "minmax":
        mean, scale = low, high - low
    if not isinstance(rule, FixedScaling):
        # A feature that never changes says nothing; it must not divide by (nearly) zero.
        scale = np.where(high > low, scale, 1.0)
    return Normalisation(mean.astype(np.float32), scale.astype(np.float32))
