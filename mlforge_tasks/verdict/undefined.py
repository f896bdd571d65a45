"""What a goal asks that a split cannot tell, whatever a model does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks import windows
from mlforge_tasks.contract.data_card import EXAMPLES_CARD, SPLITS, DataCard
from mlforge_tasks.verdict import figures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import Split
    from mlforge_tasks.contract.goal import Figure

# A model is judged on them; what it learns from need hold nothing of a range.
JUDGED: tuple[Split, ...] = SPLITS[1:]


def undefined(asked: Sequence[Figure], dataset: Path) -> Iterator[tuple[Figure, Split]]:
    """Each figure that a split does not define: no target in its range, none of its label.

    Args:
        asked: The figures that the contract asks.
        dataset: The prepared data set.
    """
    card = DataCard.read(dataset / EXAMPLES_CARD)
    for split in JUDGED:
        targets = windows.read_targets(dataset, split)
        right = _right(targets, card)
        for figure in asked:
            if figures.value_of(figure, right, targets, card) is None:
                yield figure, split


def _right(targets: NDArray[Any], card: DataCard) -> NDArray[np.float64]:
    """The outputs of a model that is never wrong."""
    if card.task in {"regression", "multilabel"}:
        return targets.astype(np.float64)
    right: NDArray[np.float64] = np.eye(len(card.labels))[targets]
    return right
