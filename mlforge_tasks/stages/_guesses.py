"""What needs no network, judged as a model is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlforge_tasks import windows
from mlforge_tasks.contract.data_card import Baseline
from mlforge_tasks.contract.detector import detectors
from mlforge_tasks.verdict import figures
from mlforge_tasks.verdict.evaluation import WithoutModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import DataCard, Split
    from mlforge_tasks.contract.goal import Figure


@dataclass(frozen=True)
class Guesses:
    """What each rule gives, and the threshold that it would detect with.

    Attributes:
        dataset: The prepared data set, which has them.
        card: Its card.
        asked: The figures that the contract asks.
        least: By rule, the threshold that is the best on the validation split; empty where nothing
            is detected.
    """

    dataset: Path
    card: DataCard
    asked: Sequence[Figure]
    least: Mapping[str, tuple[float, ...] | None]

    @classmethod
    def read(cls, dataset: Path, card: DataCard, asked: Sequence[Figure]) -> Self:
        """Those of a data set; thresholds are chosen as a device's is."""
        wanted = detectors(asked, card.task, len(card.labels))
        if not wanted:
            return cls(dataset, card, asked, {})
        targets = windows.read_targets(dataset, "validation")
        least = {
            rule: figures.least_scores(wanted, found.astype(np.float64), targets)
            for rule, found in windows.read_guesses(dataset, "validation").items()
        }
        return cls(dataset, card, asked, least)

    def on(self, split: Split, targets: NDArray[Any]) -> Iterator[WithoutModel]:
        """What is asked of each, as far as the split defines it.

        Args:
            split: Which.
            targets: Its targets.
        """
        for rule, found in windows.read_guesses(self.dataset, split).items():
            outputs = found.astype(np.float64)
            values = {
                one.name: figures.value_of(one, outputs, targets, self.card, self.least.get(rule))
                for one in self.asked
            }
            known = {name: value for name, value in values.items() if value is not None}
            yield WithoutModel.from_dump({"rule": rule, "figures": known})

    def told(self, *splits: Split) -> Iterator[Baseline]:
        """The same of whole splits, as the data card tells such figures."""
        for split in splits:
            for one in self.on(split, windows.read_targets(self.dataset, split)):
                for metric, value in one.figures.items():
                    yield Baseline(split=split, rule=one.rule, metric=metric, value=value)
