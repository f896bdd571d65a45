"""Archives whose arrays are called by what they are for: `x_train` and `x_test`, `train_images`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

SPLIT = "split"
_CALLED = {"train": "train", "test": "test"} | dict.fromkeys(
    ("val", "valid", "validation"), "validation"
)
_ANY = "|".join(sorted(_CALLED, key=len, reverse=True))
_NAME = re.compile(
    rf"(?P<before>{_ANY})_(?P<rest>.+)|(?P<base>.+)_(?P<after>{_ANY})", re.IGNORECASE
)

Parts = dict[str, dict[str, str]]


def parts_of(names: Sequence[str]) -> Parts:
    """Which array a quantity's is for each split; nothing where names do not all say both.

    Args:
        names: The arrays'.
    """
    parts: Parts = {}
    for name in names:
        found = _NAME.fullmatch(name)
        if found is None:
            return {}
        split = _CALLED[(found["before"] or found["after"]).lower()]
        parts.setdefault(found["rest"] or found["base"], {})[split] = name
    splits = {tuple(sorted(one)) for one in parts.values()}
    whole = len(splits) == 1 and {"train", "test"} <= {*next(iter(splits))} and SPLIT not in parts
    return parts if whole else {}


def joined(
    parts: Parts, kept: Sequence[str], read: Callable[[str], NDArray[Any]], where: str
) -> dict[str, NDArray[Any]]:
    """Quantities with the rows of all splits, and the column that says which each is of.

    Args:
        parts: See `parts_of`.
        kept: Which of them, and whether `SPLIT`.
        read: Gives an array by its name.
        where: The archive's name, for messages.

    Raises:
        MlforgeError: Arrays of one split differ in length.
    """
    columns: dict[str, NDArray[Any]] = {}
    lengths: dict[tuple[int, ...], str] = {}
    for name in kept:
        if name != SPLIT:
            arrays = [np.atleast_1d(read(parts[name][split])) for split in _order(parts)]
            lengths.setdefault(tuple(map(len, arrays)), name)
            columns[name] = np.concatenate(list(map(_flat, arrays)))
    if len(lengths) != 1:
        found = "; ".join(f"{name} {list(counts)}" for counts, name in lengths.items())
        raise MlforgeError(
            f"{where}: found {found} entries for {', '.join(_order(parts))}; wanted as many for "
            "each of the quantities"
        )
    if SPLIT in kept:
        columns[SPLIT] = np.repeat(np.array(_order(parts)), next(iter(lengths)))
    return columns


def _order(parts: Parts) -> list[str]:
    there = next(iter(parts.values()))
    return [split for split in ("train", "validation", "test") if split in there]


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    """One number a row as a column, [rows, 1] too."""
    return array.reshape(len(array)) if array.ndim == 2 and array.shape[1] == 1 else array
