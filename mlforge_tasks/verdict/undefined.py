"""What a goal asks that a split cannot tell, whatever a model does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks import windows
from mlforge_tasks.contract.data_card import CARD, SPLITS, DataCard
from mlforge_tasks.errors import DataError
from mlforge_tasks.verdict import figures, intervals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import Split
    from mlforge_tasks.contract.goal import Figure

# A model is judged on them; what it learns from need hold nothing of a range.
JUDGED: tuple[Split, ...] = SPLITS[1:]
# Means over classes: without one of them they are means over something else.
_OF_EVERY_CLASS = frozenset({"balanced_accuracy", "macro_f1"})


@dataclass(frozen=True)
class Unjudged:
    """A figure that a split cannot tell.

    Attributes:
        figure: Which.
        split: On which split.
        what: What is wrong with it, for people.
        hint: What to do about it.
    """

    figure: Figure
    split: Split
    what: str
    hint: str

    @property
    def error(self) -> DataError:
        """As what ends a run."""
        return DataError(self.what, hint=self.hint)


def undefined(asked: Sequence[Figure], dataset: Path, *, surely: bool) -> Iterator[Unjudged]:
    """Each figure that a split does not tell: no target in its range, none of its label.

    Args:
        asked: The figures that the contract asks.
        dataset: The prepared data set.
        surely: Whether they are judged by their intervals.
    """
    card = DataCard.read(dataset / CARD)
    for split in JUDGED:
        targets = windows.read_targets(dataset, split)
        right = _right(targets, card)
        for figure in asked:
            what = f"'{figure.name}' is not defined on the {split} split"
            if figures.value_of(figure, right, targets, card) is None:
                yield Unjudged(figure, split, what, figures.why(figure))
            elif absent := _absent(figure, targets, card):
                what += f", which has no example of {absent}"
                yield Unjudged(figure, split, what, _SPLIT_OTHERWISE)
            elif surely and figures.concerned(figure, targets) < intervals.LEAST:
                what = f"nothing is sure of '{figure.name}' on the {split} split"
                yield Unjudged(figure, split, f"{what}: it is of one example", _MORE)


_SPLIT_OTHERWISE = "split otherwise, leave the label out of dataset.target, or ask `accuracy`"
_MORE = "split otherwise, ask another range, or leave out goal.confidence"


def _absent(figure: Figure, targets: NDArray[Any], card: DataCard) -> str:
    """The classes that a mean over all of them lacks; empty where it lacks none."""
    if figure.metric not in _OF_EVERY_CLASS or targets.ndim > 1:
        return ""
    counts = np.bincount(targets, minlength=len(card.labels))
    lacking = [label for label, count in zip(card.labels, counts, strict=True) if not count]
    return ", ".join(f"'{label}'" for label in lacking[:5]) + ("…" if len(lacking) > 5 else "")


def _right(targets: NDArray[Any], card: DataCard) -> NDArray[np.float64]:
    """The outputs of a model that is never wrong."""
    if card.task in {"regression", "multilabel"}:
        return targets.astype(np.float64)
    right: NDArray[np.float64] = np.eye(len(card.labels))[targets]
    return right
