"""The median stopping rule: a training that falls behind most others so far is not worth its end.

After https://dl.acm.org/doi/10.1145/3097983.3098043 (Google Vizier, section 3.2.2): a training is
stopped where its best figure is worse than the median of the others' best up to the same epoch.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.contract.metrics import better
from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

CURVES = "curves.json"
# A median of fewer says little about what can be reached.
FEWEST_CURVES = 2


class Curves(Record):
    """The goal's metric after each epoch, of each candidate that was trained to its end."""

    curves: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Pruning:
    """What a training is held against.

    Attributes:
        metric: The goal's.
        curves: The metric after each epoch, of candidates that were trained before.
        warm_up: Epochs that every training is given.
    """

    metric: str
    curves: tuple[tuple[float, ...], ...]
    warm_up: int

    def threshold(self, values: Sequence[float]) -> float | None:
        """What the training should have reached by now; None where it may go on.

        Args:
            values: The metric after each of its epochs so far.
        """
        if len(self.curves) < FEWEST_CURVES or len(values) <= self.warm_up:
            return None
        best = self._best(values)
        # A curve that ended sooner stays where it was.
        median = statistics.median(self._best(curve[: len(values)]) for curve in self.curves)
        return median if better(self.metric, median, best) else None

    def _best(self, values: Sequence[float]) -> float:
        best = values[0]
        for value in values[1:]:
            best = value if better(self.metric, value, best) else best
        return best
