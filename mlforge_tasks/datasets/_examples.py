"""Rows to examples: features and targets by row, then windows that never cross a break.

An example is where it begins: nothing is copied of the rows that windows share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.contract.data_card import SPLITS
from mlforge_tasks.contract.dataset import Window
from mlforge_tasks.contract.split import ChronologicalSplit, ColumnSplit, GroupSplit, RandomSplit
from mlforge_tasks.datasets import _split
from mlforge_tasks.datasets._table import shown
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.windows import Windows
from mlforge_tasks.yaml_file import closest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import Split
    from mlforge_tasks.contract.dataset import DatasetSpec, Time
    from mlforge_tasks.datasets._table import Table

ONE_ROW = Window(length=1)


@dataclass(frozen=True)
class Rows:
    """What each row of a source says.

    Attributes:
        features: Raw inputs, float32 [rows, ...]; the last axis holds the features.
        targets: Raw outputs, float32 [rows, outputs], or class indices, int32 [rows].
        groups: Each row's group, or None.
        split: Index into `SPLITS` of each row.
        breaks: Whether a row must not share a window with the one before.
    """

    features: NDArray[np.float32]
    targets: NDArray[Any]
    groups: NDArray[np.str_] | None
    split: NDArray[np.int8]
    breaks: NDArray[np.bool_]


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
    targets = _classes(spec, table) if spec.target.labels else _outputs(spec, table)
    groups = table.texts(spec.group) if spec.group is not None else None
    split = _split_of_rows(spec, table, features, targets, groups)
    changes: list[NDArray[Any]] = [split]
    if groups is not None:
        changes.append(groups)
    if spec.target.labels:
        changes.append(targets)
    breaks = table.starts.copy()
    for values in changes:
        breaks[1:] |= values[1:] != values[:-1]
    if spec.time is not None:
        ordered = isinstance(spec.split, ChronologicalSplit)
        breaks |= _time_breaks(spec.time, table, np.zeros_like(breaks) if ordered else breaks)
    return Rows(features, targets, groups, split, breaks)


def _features(spec: DatasetSpec, table: Table) -> NDArray[np.float32]:
    inputs = spec.inputs
    names = inputs.columns or tuple(feature.name for feature in inputs.features)
    if inputs.column_range is not None:
        names = table.between(inputs.column_range.first, inputs.column_range.last)
    flat = _side_by_side(table, names, "an input")
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
    names = (target.column,) if target.column else tuple(one.name for one in target.outputs)
    flat = _side_by_side(table, names, "a target")
    if flat.shape[1] != len(target.outputs):
        raise MlforgeError(
            f"{table.where}: found {flat.shape[1]} target values a row, wanted "
            f"{len(target.outputs)}, one per output (dataset.target)"
        )
    return flat


def _side_by_side(table: Table, names: tuple[str, ...], what: str) -> NDArray[np.float32]:
    """Columns as a device would be fed with them: C's `float`, [rows, values].

    One column at a time is in memory as 64-bit numbers.
    """
    widths = [math.prod(table.column(name).shape[1:]) for name in names]
    flat = np.empty((table.rows, sum(widths)), dtype=np.float32)
    limit = float(np.finfo(np.float32).max)
    for name, width, end in zip(names, widths, np.cumsum(widths).tolist(), strict=True):
        numbers = table.numbers(name).reshape(table.rows, width)
        largest = np.maximum(numbers.max(axis=1), -numbers.min(axis=1)) if width else numbers
        if (largest > limit).any():
            place = table.place(int((largest > limit).argmax()))
            raise MlforgeError(f"{place}: {what} is larger than a float holds ({limit:.3g})")
        flat[:, end - width : end] = numbers
    return flat


def _classes(spec: DatasetSpec, table: Table) -> NDArray[np.int32]:
    target = spec.target
    if target.column is None:
        raise AssertionError("the spec's validator wants a column beside labels")
    texts = table.texts(target.column)
    found, first, index = np.unique(texts, return_index=True, return_inverse=True)
    known = {value: number for number, value in enumerate(target.raw_values)}
    for value, row in zip(found.tolist(), first.tolist(), strict=True):
        if value not in known:
            near = closest(value, known)
            guess = f"did you mean '{near}'? " if near else ""
            raise MlforgeError(
                f"{table.place(row)}: column '{target.column}': found '{value}', wanted one of "
                f"{shown(target.raw_values)} (dataset.target)",
                hint=f"{guess}the column holds: {shown(tuple(found.tolist()))}",
            )
    return np.array([known[value] for value in found.tolist()], dtype=np.int32)[index]


def _split_of_rows(
    spec: DatasetSpec,
    table: Table,
    features: NDArray[np.float32],
    targets: NDArray[Any],
    groups: NDArray[np.str_] | None,
) -> NDArray[np.int8]:
    rule = spec.split
    if isinstance(rule, ChronologicalSplit):
        return _split.chronological(rule, table.rows)
    if isinstance(rule, RandomSplit):
        return _split.at_random(rule, features, targets if spec.target.labels else None)
    if isinstance(rule, ColumnSplit):
        whole = np.cumsum(table.starts) if groups is None else groups
        classes = targets if spec.target.labels else None
        return _split.by_column(rule, table.texts(rule.column), whole, classes, table.where)
    if groups is None:
        raise AssertionError("the spec's validator wants a group for this rule")
    if isinstance(rule, GroupSplit):
        return _split.by_group(rule, groups, table.where)
    return _split.by_random_group(rule, groups, table.where)


def _time_breaks(time: Time, table: Table, may_go_back: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Breaks where a step is outside of interval ± tolerance.

    Raises:
        MlforgeError: A time lies before the one before, where it may not.
    """
    step_us = np.diff(table.times_us(time.column), prepend=0)
    backwards = (step_us < 0) & ~may_go_back
    backwards[0] = False
    if backwards.any():
        raise MlforgeError(
            f"{table.place(int(backwards.argmax()))}: column '{time.column}': found a time before "
            "that of the row above, wanted rows in the order of time",
            hint="sort the rows by time, or name the column of the recordings as `group`",
        )
    interval_us, tolerance_us = round(time.interval_s * 1e6), round(time.tolerance_s * 1e6)
    breaks: NDArray[np.bool_] = np.abs(step_us - interval_us) > tolerance_us
    breaks[0] = True
    return breaks


def window_starts(breaks: NDArray[np.bool_], window: Window) -> NDArray[np.int64]:
    """First rows of all windows that lie, with their target, between two breaks.

    Args:
        breaks: Whether a row must not share a window with the one before; the first does not.
        window: Length, stride and horizon; strides are counted from each break.
    """
    begins = np.flatnonzero(breaks)
    ends = np.append(begins[1:], len(breaks))
    runs = [
        np.arange(begin, end - window.span + 1, window.stride)
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
    ]
    return np.concatenate(runs)


def make_examples(spec: DatasetSpec, table: Table, rows: Rows) -> Mapping[Split, Examples]:
    """Windows of each split, in the order of the rows; of a random split in random order.

    Raises:
        MlforgeError: A split has no example, or training lacks a class.
    """
    window = spec.window or ONE_ROW
    starts = window_starts(rows.breaks, window) if spec.window else np.arange(table.rows)
    if isinstance(spec.split, RandomSplit):
        starts = np.random.default_rng(spec.split.seed).permutation(starts)
    examples = dict(_by_split(spec, rows, window, starts))
    for name, found in examples.items():
        if not len(found.starts):
            raise MlforgeError(
                f"{table.where}: the {name} split has no example; {table.rows} rows gave "
                f"{len(starts)} examples of {window.span} rows in a row",
                hint="check dataset.split, and dataset.window against the gaps in the data",
            )
    labels = spec.target.labels
    seen = set(examples["train"].y.tolist()) if labels else set()
    unseen = [label for index, label in enumerate(labels) if index not in seen]
    if unseen:
        raise MlforgeError(
            f"{table.where}: the train split has no example of {shown(tuple(unseen))}",
            hint="leave the label out of dataset.target.labels, or split otherwise",
        )
    return examples


def _by_split(
    spec: DatasetSpec, rows: Rows, window: Window, starts: NDArray[np.int64]
) -> Iterator[tuple[Split, Examples]]:
    length = None if spec.window is None else window.length
    for index, name in enumerate(SPLITS):
        mine = starts[rows.split[starts] == index]
        x = Windows(rows.features, mine, length)
        yield name, Examples(x, rows.targets[mine + window.span - 1])


def covered(starts: NDArray[np.int64], rows: int, span: int) -> NDArray[np.bool_]:
    """Which rows lie in one of the spans that begin at `starts`."""
    change = np.bincount(starts, minlength=rows + span)
    change[span:] -= np.bincount(starts, minlength=rows + span)[:-span]
    inside: NDArray[np.bool_] = np.cumsum(change)[:rows] > 0
    return inside
