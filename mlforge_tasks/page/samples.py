"""Training examples as they are: one of each class, or of low, usual and high targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks import windows
from mlforge_tasks.page.evaluated import raw_units
from mlforge_tasks.page.inputs import Picture, picture
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlforge_tasks.contract.data_card import DataCard
    from mlforge_tasks.origins import Origins

MOST_CLASSES = 24
# Of a regression: which share of the training targets is lower.
SHARES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class Sample:
    """One training example.

    Attributes:
        label: Its class, or its target.
        place: Where it is in the data; empty where that is not known.
        picture: Its input.
    """

    label: str
    place: str
    picture: Picture


def samples(folder: Path, card: DataCard, origins: Origins | None) -> tuple[Sample, ...]:
    """Always the same ones.

    Args:
        folder: The prepared data set.
        card: Its card.
        origins: Where rows are from; None where that is not known.
    """
    examples = windows.read(folder, "train", card.window_length)
    chosen = list(_chosen(folder, card))
    which = np.array([at for at, _ in chosen], np.int64)
    values = raw_units(examples[which], card)
    return tuple(
        Sample(
            label,
            "" if origins is None else origins.of(int(row), card.window_length or 1).place,
            picture(given, card),
        )
        for (_, label), row, given in zip(chosen, examples.starts[which], values, strict=True)
    )


def _chosen(folder: Path, card: DataCard) -> Iterator[tuple[int, str]]:
    """Number and label of each."""
    y = windows.read_targets(folder, "train")
    if card.task == "regression":
        order = np.argsort(y[:, 0], kind="stable")
        for share in SHARES:
            at = int(order[int(share * (len(order) - 1))])
            output = card.outputs[0]
            yield at, f"{output.name} {format_value(float(y[at, 0]), output.unit)}"
        return
    for label, name in enumerate(card.labels[:MOST_CLASSES]):
        mine = np.flatnonzero(y[:, label] == 1 if y.ndim > 1 else y == label)
        if len(mine):
            yield int(mine[len(mine) // 2]), name
