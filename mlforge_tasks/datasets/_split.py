"""Which split each row belongs to. Rows are told apart, so nothing made of them can leak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.contract.split import (
    ChronologicalSplit,
    ColumnSplit,
    EachSplit,
    GroupSplit,
    RandomGroupSplit,
    RandomRecordingSplit,
    RandomSplit,
)
from mlforge_tasks.datasets._table import shown
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.windows import ROWS_AT_ONCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.contract.split import SplitRule
    from mlforge_tasks.datasets._table import Table
    from mlforge_tasks.datasets._texts import Texts


TRAIN, VALIDATION, TEST = range(3)
LEFT_OUT = 3  # of training: what is not normal


def of_rows(
    rule: SplitRule,
    table: Table,
    features: NDArray[np.float32],
    classes: NDArray[np.int32] | None,
    groups: Texts | None,
) -> NDArray[np.int8]:
    """Which split each row belongs to, as an index into `SPLITS`, [rows].

    Args:
        rule: How it is told.
        table: The source.
        features: Raw inputs, [rows, ...].
        classes: Class of each row, or combination of labels; None for regression.
        groups: Each row's group, or None.

    Raises:
        MlforgeError: The data does not go with the rule.
    """
    if isinstance(rule, ChronologicalSplit | EachSplit):
        return _by_order(rule, table, classes)
    if isinstance(rule, RandomSplit):
        return at_random(rule, features, classes)
    if isinstance(rule, ColumnSplit):
        whole = np.cumsum(table.starts, dtype=np.int32) if groups is None else groups.index
        return by_column(rule, table.texts(rule.column), whole, classes, table.where)
    if isinstance(rule, RandomRecordingSplit):
        return by_recording(rule, table.starts, classes, table.where)
    if groups is None:
        raise AssertionError("the spec's validator wants a group for this rule")
    if isinstance(rule, GroupSplit):
        return by_group(rule, groups, table.where)
    return by_random_group(rule, groups, table.where)


def _by_order(
    rule: ChronologicalSplit | EachSplit, table: Table, classes: NDArray[np.int32] | None
) -> NDArray[np.int8]:
    """The first rows train, the next validate, the last test; of all, or of each kind."""
    if isinstance(rule, ChronologicalSplit):
        return _cut(rule, table.rows)
    kinds = classes
    if rule.rule == "each_recording" or kinds is None:
        kinds = np.cumsum(table.starts, dtype=np.int32)
    split = np.empty(len(kinds), dtype=np.int8)
    order = np.argsort(kinds, kind="stable")
    cuts = np.flatnonzero(np.diff(kinds[order])) + 1
    for rows in np.split(order, cuts):
        split[rows] = _cut(rule, len(rows))
    return split


def _cut(rule: ChronologicalSplit | EachSplit, rows: int) -> NDArray[np.int8]:
    split = np.full(rows, TRAIN, dtype=np.int8)
    split[round(rows * (1 - rule.validation - rule.test)) :] = VALIDATION
    split[round(rows * (1 - rule.test)) :] = TEST
    return split


def by_group(rule: GroupSplit, groups: Texts, where: str) -> NDArray[np.int8]:
    """The named groups validate and test.

    Raises:
        MlforgeError: The data has no such group.
    """
    _check_known((*rule.validation, *rule.test), groups, "group", where)
    split = np.full(len(groups.index), TRAIN, dtype=np.int8)
    split[groups.among(rule.validation)] = VALIDATION
    split[groups.among(rule.test)] = TEST
    return split


def _check_known(named: tuple[str, ...], values: Texts, what: str, where: str) -> None:
    known = set(values.values.tolist())
    missing = [name for name in named if name not in known]
    if missing:
        raise MlforgeError(
            f"{where}: there is no {what} '{missing[0]}' (dataset.split)",
            hint=f"there are: {shown(tuple(sorted(known)))}",
        )


def by_column(
    rule: ColumnSplit,
    values: Texts,
    units: NDArray[Any],
    classes: NDArray[np.int32] | None,
    where: str,
) -> NDArray[np.int8]:
    """What a column says; whole units of what trains validate where a share is to.

    Args:
        rule: How.
        values: The column, [rows].
        units: What is drawn as a whole, such as a recording: its name or number, [rows].
        classes: Class of each row, or None for regression.
        where: The file, for messages.

    Raises:
        MlforgeError: The data has no such value, or too few units to draw from.
    """
    named = rule.validation if isinstance(rule.validation, tuple) else ()
    _check_known((*named, *rule.test), values, f"row whose column '{rule.column}' is", where)
    split = np.full(len(values.index), TRAIN, dtype=np.int8)
    split[values.among(named)] = VALIDATION
    split[values.among(rule.test)] = TEST
    if not isinstance(rule.validation, tuple):
        training = np.flatnonzero(split == TRAIN)
        strata = None if classes is None else classes[training]
        drawn = _drawn(rule.validation, rule.seed, units[training], strata, where)
        split[training[drawn]] = VALIDATION
    return split


def _drawn(
    share: float,
    seed: int,
    units: NDArray[Any],
    strata: NDArray[np.int32] | None,
    where: str,
) -> NDArray[np.bool_]:
    """Whether each row's unit is among a share of them, see `_spread`.

    Raises:
        MlforgeError: None would be left to train on.
    """
    names, first, unit = np.unique(units, return_index=True, return_inverse=True)
    count = max(1, round(share * len(names)))
    if count >= len(names):
        raise MlforgeError(
            f"{where}: a share of {share:g} to validate leaves none to train on of "
            f"{len(names)} recordings or groups that do not test (dataset.split.validation)",
            hint="name values of the column that validate, or the `group` of each row",
        )
    drawn = np.zeros(len(names), dtype=np.bool_)
    drawn[_spread(count, seed, len(names), None if strata is None else strata[first])] = True
    return drawn[unit]


def _spread(
    count: int, seed: int, units: int, strata: NDArray[np.int32] | None
) -> NDArray[np.int64]:
    """So many of some units as evenly as it goes over the strata: every n-th of them in turn.

    Systematic sampling of a list that is shuffled, then sorted by stratum (W. G. Cochran, Sampling
    Techniques, 8.3), so that the number drawn is right however small the strata are.
    """
    order = np.random.default_rng(seed).permutation(units)
    if strata is not None:
        order = order[np.argsort(strata[order], kind="stable")]
    return order[((np.arange(count) + 0.5) * units / count).astype(np.int64)]


def _numbers(
    rule: RandomRecordingSplit | RandomGroupSplit, units: int, what: str, where: str
) -> tuple[int, int]:
    """How many of some units test and validate, at least one each.

    Raises:
        MlforgeError: None would be left to train on.
    """
    tests, validations = (max(1, round(share * units)) for share in (rule.test, rule.validation))
    if tests + validations >= units:
        raise MlforgeError(
            f"{where}: {units} {what} leave none to train on (dataset.split)",
            hint="use smaller shares, or split chronologically",
        )
    return tests, validations


def by_recording(
    rule: RandomRecordingSplit,
    starts: NDArray[np.bool_],
    classes: NDArray[np.int32] | None,
    where: str,
) -> NDArray[np.int8]:
    """Whole recordings at random, as evenly as it goes over the labels that they begin with.

    Args:
        rule: How.
        starts: Whether a row is the first of a recording, [rows].
        classes: Class of each row, or None for regression.
        where: The file, for messages.

    Raises:
        MlforgeError: There are too few recordings.
    """
    unit = np.cumsum(starts, dtype=np.int32) - 1
    count = int(unit[-1]) + 1
    tests, validations = _numbers(rule, count, "recordings", where)
    split = np.full(count, TRAIN, dtype=np.int8)
    strata = None if classes is None else classes[starts]
    for drawn, which in ((tests, TEST), (validations, VALIDATION)):
        left = np.flatnonzero(split == TRAIN)
        of = strata if strata is None else strata[left]
        split[left[_spread(drawn, rule.seed, len(left), of)]] = which
    return np.take(split, unit)


def by_random_group(rule: RandomGroupSplit, groups: Texts, where: str) -> NDArray[np.int8]:
    """Whole groups at random, at least one in each split.

    Raises:
        MlforgeError: There are too few groups.
    """
    names = groups.values
    order = np.random.default_rng(rule.seed).permutation(len(names))
    tests, validations = _numbers(rule, len(names), "groups", where)
    split = np.full(len(names), TRAIN, dtype=np.int8)
    split[order[:tests]] = TEST
    split[order[tests : tests + validations]] = VALIDATION
    return np.take(split, groups.index)


def _equal_rows(flat: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first of each set of equal rows, sorted by their bytes, and each row's place in that.

    As `numpy.unique` gives them, which makes three copies of the rows.
    """
    if (np.signbit(flat) & (flat == 0)).any():
        flat = flat + np.float32(0)  # no -0.0
    as_bytes = flat.view(np.dtype((np.void, flat.dtype.itemsize * flat.shape[1])))[:, 0]
    order = as_bytes.argsort(kind="stable")
    new = np.ones(len(order), dtype=np.bool_)
    for at in range(1, len(order), ROWS_AT_ONCE):
        here = as_bytes[order[at : at + ROWS_AT_ONCE]]
        before = as_bytes[order[at - 1 : at - 1 + len(here)]]
        new[at : at + len(here)] = here != before
    unit = np.empty(len(order), dtype=np.int64)
    unit[order] = np.cumsum(new) - 1
    return order[new], unit


def at_random(
    rule: RandomSplit, inputs: NDArray[np.float32], classes: NDArray[np.int32] | None
) -> NDArray[np.int8]:
    """Rows at random, class by class; rows with equal inputs stay together."""
    first, unit = _equal_rows(np.ascontiguousarray(inputs.reshape(len(inputs), -1)))
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
