"""The class of each row, and that there is enough of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._table import shown
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.yaml_file import closest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import Split
    from mlforge_tasks.contract.dataset import DatasetSpec
    from mlforge_tasks.datasets._table import Table


def read_classes(spec: DatasetSpec, table: Table) -> NDArray[np.int32]:
    """Each row's class, [rows], -1 where it is missing; for anomaly 0 where it is normal, else 1.

    Raises:
        MlforgeError: A row holds what the contract does not name.
    """
    target = spec.target
    if target.column is None:
        raise AssertionError("the spec's validator wants a column beside labels")
    texts = table.texts(target.column)
    found = texts.values.tolist()
    known = {value: number for number, value in enumerate(target.raw_values)}
    for index, value in enumerate(found):
        if value not in known and table.cells.is_missing(value):
            known[value] = -1
        if value not in known:
            near = closest(value, known)
            guess = f"did you mean '{near}'? " if near else ""
            place = table.place(texts.first_row(index))
            raise MlforgeError(
                f"{place}: column '{target.column}': found '{value}', wanted one of "
                f"{shown(target.raw_values)} (dataset.target)",
                hint=f"{guess}the column holds: {shown(tuple(found))}",
            )
    classes = [known[value] for value in found]
    if target.normal:
        strange = [label not in target.normal for label in target.labels]
        classes = [int(strange[each]) if each >= 0 else each for each in classes]
    return np.take(np.array(classes, dtype=np.int32), texts.index)


def read_labels(spec: DatasetSpec, table: Table) -> NDArray[np.int32]:
    """Whether each label is there, [rows, labels]: 1, 0, or -1 where a row does not say it.

    Raises:
        MlforgeError: A column holds something else.
    """
    return np.stack([_flags(name, table) for name in spec.target.columns], axis=1)


def _flags(name: str, table: Table) -> NDArray[np.int32]:
    values = table.numbers(name, holes=True).reshape(table.rows, -1)
    if values.shape[1] != 1:
        raise MlforgeError(
            f"{table.where}: '{name}' holds {values.shape[1]} values a row, wanted one: whether a "
            "label is there (dataset.target.columns)"
        )
    flat = values[:, 0]
    wrong = ~(np.isin(flat, (0.0, 1.0)) | np.isnan(flat))
    if wrong.any():
        row = int(wrong.argmax())
        raise MlforgeError(
            f"{table.place(row)}: column '{name}': found {flat[row]:g}, wanted 1 where the "
            "label is there and 0 where it is not (dataset.target.columns)"
        )
    flags: NDArray[np.int32] = np.where(np.isnan(flat), -1, flat).astype(np.int32)
    return flags


def combinations(targets: NDArray[np.int32]) -> NDArray[np.int32]:
    """A number for each combination of labels, [rows]; a class is a number itself.

    Args:
        targets: [rows] or [rows, labels].
    """
    if targets.ndim == 1:
        return targets
    _, numbers = np.unique(targets, axis=0, return_inverse=True)
    return numbers.reshape(-1).astype(np.int32)


def class_counts(targets: NDArray[np.int32], classes: int) -> tuple[int, ...]:
    """Examples of each class, or with each label."""
    if targets.ndim == 1:
        return tuple(np.bincount(targets, minlength=classes).tolist())
    return tuple((targets == 1).sum(axis=0).tolist())


def check_classes(spec: DatasetSpec, table: Table, found: Mapping[Split, NDArray[Any]]) -> None:
    """Every class has an example where it is needed: to learn from, or to judge by.

    Args:
        spec: The contract's section.
        table: The source.
        found: The targets of each split.

    Raises:
        MlforgeError: It has none.
    """
    few = spec.target.normal or len(spec.target.labels) == 2
    needed: tuple[Split, ...] = ("train",) if spec.target.labels else ()
    if spec.target.normal:
        needed = ("validation", "test")
    if spec.target.task == "multilabel":
        needed = ("train", "validation", "test")
    for name in needed:
        counts = class_counts(found[name], len(spec.target.classes))
        seen = {at for at, count in enumerate(counts) if count}
        unseen = [label for at, label in enumerate(spec.target.classes) if at not in seen]
        if unseen:
            raise MlforgeError(
                f"{table.where}: the {name} split has no example of {shown(tuple(unseen))}",
                hint=("" if few else "leave the label out of dataset.target, or ")
                + "split otherwise: `rule: each_label` cuts the rows of each label by themselves "
                "(dataset.split)",
            )
