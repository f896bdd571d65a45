"""Values that were not measured: filled as the contract says, or else of no use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.contract.measured import FillMissing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.contract.measured import Missing


def fill(
    features: NDArray[np.float32], rule: Missing | None, breaks: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], int]:
    """Fills missing inputs in place; what stays missing becomes 0, and no example may have it.

    Args:
        features: Raw inputs, [rows, ...], NaN where one is missing.
        rule: What becomes of missing values; None where there are none.
        breaks: Whether a row does not go on from the one before.

    Returns:
        Whether a row has all its inputs, [rows], and how many values were filled.
    """
    filled = 0
    whole = np.ones(len(features), dtype=np.bool_)
    if rule is None:
        return whole, filled
    flat = features.reshape(len(features), -1)
    for values in flat.T:
        missing = np.isnan(values)
        if not missing.any():
            continue
        if isinstance(rule, FillMissing):
            _fill(values, missing, rule, breaks)
            filled += int(missing.sum())
            missing = np.isnan(values)
            filled -= int(missing.sum())
        whole &= ~missing
        values[missing] = 0
    return whole, filled


def _fill(
    values: NDArray[np.float32],
    missing: NDArray[np.bool_],
    rule: FillMissing,
    breaks: NDArray[np.bool_],
) -> None:
    """Fills what lies between two breaks and is near enough to a value."""
    index = np.arange(len(values))
    begin = np.maximum.accumulate(np.where(breaks, index, 0))
    last = np.maximum.accumulate(np.where(missing, -1, index))
    fits = missing & (last >= begin)
    if rule.rule == "hold":
        fits &= index - last <= rule.rows
        values[fits] = values[last[fits]]
        return
    after = np.minimum.accumulate(np.where(missing, len(values), index)[::-1])[::-1]
    fits &= (after < len(values)) & (after - last - 1 <= rule.rows)
    fits[fits] = begin[after[fits]] == begin[fits]
    before, behind = values[last[fits]], values[after[fits]]
    share = (index[fits] - last[fits]) / (after[fits] - last[fits])
    values[fits] = before + share * (behind.astype(np.float64) - before)
