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


def check_classes(spec: DatasetSpec, table: Table, found: Mapping[Split, NDArray[Any]]) -> None:
    """Every class has an example where it is needed: to learn from, or to judge by.

    Args:
        spec: The contract's section.
        table: The source.
        found: The targets of each split.

    Raises:
        MlforgeError: It has none.
    """
    needed: tuple[Split, ...] = ("train",) if spec.target.labels else ()
    if spec.target.normal:
        needed = ("validation", "test")
    for name in needed:
        seen = set(found[name].tolist())
        unseen = [label for at, label in enumerate(spec.target.classes) if at not in seen]
        if unseen:
            raise MlforgeError(
                f"{table.where}: the {name} split has no example of {shown(tuple(unseen))}",
                hint="leave the label out of dataset.target, or split otherwise",
            )
