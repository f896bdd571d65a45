"""Which split each row belongs to. Rows are told apart, so nothing made of them can leak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.contract.split import (
    ChronologicalSplit,
    GroupSplit,
    RandomGroupSplit,
    RandomSplit,
)
from mlforge_tasks.datasets._table import shown
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from numpy.typing import NDArray


TRAIN, VALIDATION, TEST = range(3)


def chronological(rule: ChronologicalSplit, rows: int) -> NDArray[np.int8]:
    """The first rows train, the next validate, the last test."""
    split = np.full(rows, TRAIN, dtype=np.int8)
    split[round(rows * (1 - rule.validation - rule.test)) :] = VALIDATION
    split[round(rows * (1 - rule.test)) :] = TEST
    return split


def by_group(rule: GroupSplit, groups: NDArray[np.str_], where: str) -> NDArray[np.int8]:
    """The named groups validate and test.

    Raises:
        MlforgeError: The data has no such group.
    """
    known = set(groups.tolist())
    missing = [name for name in (*rule.validation, *rule.test) if name not in known]
    if missing:
        raise MlforgeError(
            f"{where}: there is no group '{missing[0]}' (dataset.split)",
            hint=f"its groups: {shown(tuple(sorted(known)))}",
        )
    split = np.full(len(groups), TRAIN, dtype=np.int8)
    split[np.isin(groups, rule.validation)] = VALIDATION
    split[np.isin(groups, rule.test)] = TEST
    return split


def by_random_group(
    rule: RandomGroupSplit, groups: NDArray[np.str_], where: str
) -> NDArray[np.int8]:
    """Whole groups at random, at least one in each split.

    Raises:
        MlforgeError: There are too few groups.
    """
    names, group = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(rule.seed).permutation(len(names))
    tests = max(1, round(rule.test * len(names)))
    validations = max(1, round(rule.validation * len(names)))
    if tests + validations >= len(names):
        raise MlforgeError(
            f"{where}: {len(names)} groups leave none to train on (dataset.split)",
            hint="use smaller shares, or split chronologically",
        )
    split = np.full(len(names), TRAIN, dtype=np.int8)
    split[order[:tests]] = TEST
    split[order[tests : tests + validations]] = VALIDATION
    return split[group]


def at_random(
    rule: RandomSplit, inputs: NDArray[np.float32], classes: NDArray[np.int32] | None
) -> NDArray[np.int8]:
    """Rows at random, class by class; rows with equal inputs stay together."""
    flat = np.ascontiguousarray(inputs.reshape(len(inputs), -1)) + np.float32(0)  # no -0.0
    as_bytes = flat.view(np.dtype((np.void, flat.dtype.itemsize * flat.shape[1])))[:, 0]
    _, first, unit = np.unique(as_bytes, return_index=True, return_inverse=True)
    stratum = np.zeros(len(first), dtype=np.int32) if classes is None else classes[first]
    random = np.random.default_rng(rule.seed)
    split = np.full(len(first), TRAIN, dtype=np.int8)
    for value in np.unique(stratum):
        members = random.permutation(np.flatnonzero(stratum == value))
        tests = round(rule.test * len(members))
        validations = round(rule.validation * len(members))
        split[members[:tests]] = TEST
        split[members[tests : tests + validations]] = VALIDATION
    return split[unit]
