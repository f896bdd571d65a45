"""Rows to examples: features and targets by row, then windows that never cross a break.

An example is where it begins: nothing is copied of the rows that windows share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.contract.data_card import SPLITS
from mlforge_tasks.contract.split import ChronologicalSplit, EachSplit, RandomSplit
from mlforge_tasks.contract.window import Window
from mlforge_tasks.datasets import _split
from mlforge_tasks.datasets._cells import quoted
from mlforge_tasks.datasets._classes import (
    check_classes,
    combinations,
    read_classes,
    read_labels,
)
from mlforge_tasks.datasets._losses import losses
from mlforge_tasks.datasets._missing import fill
from mlforge_tasks.datasets._times import read_clock
from mlforge_tasks.datasets._windows import target_rows, whole_windows, window_starts
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.windows import Windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import Split
    from mlforge_tasks.contract.dataset import DatasetSpec
    from mlforge_tasks.contract.measured import Time
    from mlforge_tasks.datasets._table import Table
    from mlforge_tasks.datasets._texts import Texts
    from mlforge_tasks.datasets._times import Clock

ONE_ROW = Window(length=1)
_BLOCK_ROWS = 1 << 18


@dataclass(frozen=True)
class Rows:
    """What each row of a source says.

    Attributes:
        features: Raw inputs, float32 [rows, ...]; the last axis holds the features.
        targets: Raw outputs, float32 [rows, outputs], or class indices, int32 [rows].
        groups: Each row's group, or None.
        split: Index into `SPLITS` of each row.
        breaks: Whether a row must not share a window with the one before.
        apart: The same, were all rows an interval apart.
        has_inputs: Whether a row has all its inputs.
        has_target: Whether a row has its target.
        begins: Whether a row begins a stream: a recording, a group, a split, or what a gap ends.
        clock: When they were measured, or None.
        filled: How many inputs were missing and are not any more.
    """

    features: NDArray[np.float32]
    targets: NDArray[Any]
    groups: Texts | None
    split: NDArray[np.int8]
    breaks: NDArray[np.bool_]
    apart: NDArray[np.bool_]
    has_inputs: NDArray[np.bool_]
    has_target: NDArray[np.bool_]
    begins: NDArray[np.bool_]
    clock: Clock | None
    filled: int


@dataclass(frozen=True)
class Examples:
    """One split.

    Attributes:
        x: Raw inputs, float32.
        y: Targets, [N, outputs] or [N].
    """

    x: Windows
    y: NDArray[Any]

    @property
    def starts(self) -> NDArray[np.int64]:
        """First row of each example, [N]."""
        return self.x.starts


def read_rows(spec: DatasetSpec, table: Table) -> Rows:
    """Picks the columns that the contract names and tells the splits apart.

    Raises:
        MlforgeError: The data is not as the contract says.
    """
    features = _features(spec, table)
    targets = _targets(spec, table)
    has_target = _all_there(targets)
    groups = _groups(spec.group, table) if spec.group is not None else None
    classes = combinations(targets) if spec.target.labels else None
    split = _split.of_rows(spec.split, table, features, classes, groups)
    if spec.target.normal:
        split[(split == _split.TRAIN) & (targets > 0)] = _split.LEFT_OUT
    apart: NDArray[np.bool_] = table.starts.copy()
    apart[1:] |= split[1:] != split[:-1]
    if groups is not None:
        apart[1:] |= groups.changes()
    begins = apart.copy()
    if classes is not None:
        apart[1:] |= classes[1:] != classes[:-1]
    clock, breaks = None, apart
    if spec.time is not None:
        clock = _clock(spec, spec.time, table, apart)
        breaks = apart | clock.breaks
        begins |= clock.breaks
    has_inputs, filled = fill(features, spec.holes, breaks)
    return Rows(
        features,
        targets,
        groups,
        split,
        breaks,
        apart,
        has_inputs,
        has_target,
        begins,
        clock,
        filled,
    )


def _clock(spec: DatasetSpec, time: Time, table: Table, apart: NDArray[np.bool_]) -> Clock:
    ordered = isinstance(spec.split, ChronologicalSplit | EachSplit)
    clock = read_clock(time, table, table.starts if ordered else apart)
    if spec.holes is None and not clock.known.all():
        raise MlforgeError(
            f"{table.place(int(clock.known.argmin()))}: column '{time.column}': found no time, "
            "wanted a time",
            hint="say in dataset.missing what becomes of missing values, such as {rule: drop}",
        )
    return clock


def _groups(column: str, table: Table) -> Texts:
    groups = table.texts(column)
    for index, name in enumerate(groups.values.tolist()) if table.cells.missing else ():
        if table.cells.is_missing(name):
            raise MlforgeError(
                f"{table.place(groups.first_row(index))}: column '{column}': found "
                f"{quoted(name)}, wanted a group (dataset.group)",
                hint="name the group of each row, or remove those without",
            )
    return groups


def _targets(spec: DatasetSpec, table: Table) -> NDArray[Any]:
    if spec.target.task == "multilabel":
        return read_labels(spec, table)
    return read_classes(spec, table) if spec.target.labels else _outputs(spec, table)


def _all_there(targets: NDArray[Any]) -> NDArray[np.bool_]:
    known = targets >= 0 if np.issubdtype(targets.dtype, np.integer) else ~np.isnan(targets)
    there: NDArray[np.bool_] = np.logical_and.reduce(known.reshape(len(targets), -1), axis=1)
    return there


def _features(spec: DatasetSpec, table: Table) -> NDArray[np.float32]:
    inputs = spec.inputs
    names = inputs.columns or tuple(feature.name for feature in inputs.features)
    if inputs.column_range is not None:
        names = table.between(inputs.column_range.first, inputs.column_range.last)
    flat = _side_by_side(spec, table, names, "an input")
    own = table.columns[names[0]].shape[1:] if len(names) == 1 else ()
    shape = inputs.shape or own or (flat.shape[1],)
    if np.prod(shape) != flat.shape[1] or shape[-1] != len(inputs.features):
        raise MlforgeError(
            f"{table.where}: a row has {flat.shape[1]} input values; found the shape "
            f"{list(shape)} and {len(inputs.features)} features, wanted a shape of as many values "
            "whose last axis is the features (dataset.inputs)",
            hint="give `shape`, or name each of the features",
        )
    return flat.reshape(table.rows, *shape)


def _outputs(spec: DatasetSpec, table: Table) -> NDArray[np.float32]:
    target = spec.target
    own = (target.column,) if target.column else tuple(one.name for one in target.outputs)
    flat = _side_by_side(spec, table, target.columns or own, "a target")
    if flat.shape[1] != len(target.outputs):
        raise MlforgeError(
            f"{table.where}: found {flat.shape[1]} target values a row, wanted "
            f"{len(target.outputs)}, one per output (dataset.target)"
        )
    return flat


def _side_by_side(
    spec: DatasetSpec, table: Table, names: tuple[str, ...], what: str
) -> NDArray[np.float32]:
    """Columns as a device would be fed with them: C's `float`, [rows, values].

    One column at a time is in memory as 64-bit numbers.
    """
    widths = [math.prod(table.column(name).shape[1:]) for name in names]
    flat = np.empty((table.rows, sum(widths)), dtype=np.float32)
    limit = float(np.finfo(np.float32).max)
    for name, width, end in zip(names, widths, np.cumsum(widths).tolist(), strict=True):
        numbers = table.numbers(name, holes=spec.holes is not None).reshape(table.rows, width)
        row = _too_large(numbers, limit)
        if row is not None:
            raise MlforgeError(
                f"{table.place(row)}: {what} is larger than a float holds ({limit:.3g})"
            )
        flat[:, end - width : end] = numbers
    return flat


def _too_large(numbers: NDArray[np.float64], limit: float) -> int | None:
    """The first row that holds a number past a limit either way, looked for a block at a time."""
    for begin in range(0, len(numbers), _BLOCK_ROWS):
        over = (np.abs(numbers[begin : begin + _BLOCK_ROWS]) > limit).any(axis=1)
        if over.any():
            return begin + int(over.argmax())
    return None


def make_examples(spec: DatasetSpec, table: Table, rows: Rows) -> Mapping[Split, Examples]:
    """Windows of each split, in the order of the rows; of a random split in random order.

    Raises:
        MlforgeError: A split has no example, or training lacks a class.
    """
    window = spec.window or ONE_ROW
    starts = window_starts(rows.breaks, window) if spec.window else np.arange(table.rows)
    starts = starts[whole_windows(starts, window, rows.has_inputs, rows.has_target)]
    if isinstance(spec.split, RandomSplit):
        starts = np.random.default_rng(spec.split.seed).permutation(starts)
    examples = dict(_by_split(spec, rows, window, starts))
    for name, found in examples.items():
        if not len(found.starts):
            raise MlforgeError(
                f"{table.where}: the {name} split has no example; {table.rows} rows gave "
                f"{len(starts)} examples of {window.span} rows in a row"
                + "".join(f"\n{loss}" for loss in losses(window, table, rows)),
                hint=_no_example(rows, name),
            )
    check_classes(spec, table, {name: one.y for name, one in examples.items()})
    return examples


def _no_example(rows: Rows, split: Split) -> str:
    clock = rows.clock
    if split == "train" and (rows.split == _split.LEFT_OUT).any():
        return "nothing of its rows is normal (dataset.target.normal), split otherwise"
    if clock is not None and not clock.keeps_interval:
        return f"{clock.usual}: correct dataset.time.interval, or dataset.time.unit"
    return "check dataset.split, and dataset.window against the gaps in the data"


def _by_split(
    spec: DatasetSpec, rows: Rows, window: Window, starts: NDArray[np.int64]
) -> Iterator[tuple[Split, Examples]]:
    length = None if spec.window is None else window.length
    for index, name in enumerate(SPLITS):
        mine = starts[rows.split[starts] == index]
        x = Windows(rows.features, mine, length)
        yield name, Examples(x, _targets_of(rows, target_rows(mine, window)))


def streams(rows: Rows, starts: NDArray[np.int64], stride: int) -> NDArray[np.bool_]:
    """Which examples of a split do not go on with the one before.

    Args:
        rows: All of them.
        starts: First row of each example, in the order of the rows.
        stride: From one example to the next.
    """
    run = np.cumsum(rows.begins)[starts]
    anew: NDArray[np.bool_] = np.ones(len(starts), np.bool_)
    anew[1:] = (np.diff(starts) != stride) | (np.diff(run) != 0)
    return anew


def _targets_of(rows: Rows, places: NDArray[np.int64]) -> NDArray[Any]:
    """Of examples whose targets lie at these rows, [N, horizons]; a quantity's side by side."""
    if places.shape[1] == 1:
        return rows.targets[places[:, 0]]
    each = np.moveaxis(rows.targets[places], 1, 2)
    return each.reshape(len(each), each.shape[1] * each.shape[2])
