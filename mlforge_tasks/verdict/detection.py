"""A detector's figures, and the threshold that makes a detector of a model's scores.

A score is any number that grows with how surely an example is positive, the int8 model's own
steps included; an example raises an alarm where its score is at least the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.verdict.decision import Counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.contract.goal import Figure
    from mlforge_tasks.int8 import Quantised
    from mlforge_tasks.verdict.decision import Decision

    Scores = NDArray[np.number[Any]]
    Positive = NDArray[np.bool_]
    Reals = NDArray[np.float64]


def scores_of(outputs: NDArray[Any], positive: int) -> NDArray[Any]:
    """How far an output leads the largest of the others: [N].

    0 is where the largest output changes. int8 outputs give whole numbers from -255 to 255, int16
    ones from -65535 to 65535, which the firmware computes alike.

    Args:
        outputs: [N, classes], int8, int16 or float.
        positive: Which class is to be detected.
    """
    wide = outputs.astype(np.int32 if outputs.dtype in {np.int8, np.int16} else np.float64)
    lead: NDArray[Any] = wide[:, positive] - np.delete(wide, positive, axis=1).max(axis=1)
    return lead


@dataclass(frozen=True)
class OperatingPoints:
    """All that any threshold can make of some examples, from no alarm at all to one for each.

    Attributes:
        least: [P], the lowest score that raises an alarm, descending; the first is infinity.
        hits: [P], positive examples that do.
        false_alarms: [P], negative ones that do.
    """

    least: Reals
    hits: Reals
    false_alarms: Reals

    @classmethod
    def of(cls, scores: Scores, positive: Positive) -> OperatingPoints:
        """Those of some examples.

        Args:
            scores: [N].
            positive: [N].

        Raises:
            ValueError: None of them is positive, or all are: there is nothing to tell apart.
        """
        if positive.all() or not positive.any():
            raise ValueError("a detector is judged by positive and by negative examples")
        different, group = np.unique(scores, return_inverse=True)
        hits = np.bincount(group, weights=positive)[::-1]
        others = np.bincount(group, weights=~positive)[::-1]
        return cls(
            np.concatenate(([np.inf], different[::-1].astype(np.float64))),
            np.concatenate(([0.0], np.cumsum(hits))),
            np.concatenate(([0.0], np.cumsum(others))),
        )

    @property
    def recall(self) -> Reals:
        """[P]."""
        share: Reals = self.hits / self.hits[-1]
        return share

    @property
    def precision(self) -> Reals:
        """[P], 1 where there is no alarm."""
        alarms = self.hits + self.false_alarms
        return np.divide(self.hits, alarms, out=np.ones_like(alarms), where=alarms > 0)

    @property
    def f1(self) -> Reals:
        """[P]."""
        scores: Reals = 2 * self.hits / (self.hits + self.false_alarms + self.hits[-1])
        return scores

    @property
    def average_precision(self) -> float:
        """Mean of the precisions at each positive example: the sum of (R_n - R_(n-1)) P_n.

        As scikit-learn's
        (https://scikit-learn.org/stable/modules/generated/sklearn.metrics.average_precision_score.html).
        """
        return float(np.sum(np.diff(self.recall) * self.precision[1:]))

    @property
    def roc_area(self) -> float:
        """Area under the ROC curve: how likely a positive scores above a negative, ties half."""
        return float(np.trapezoid(self.recall, self.false_alarms / self.false_alarms[-1]))

    def at(self, least: float) -> int:
        """The point of a threshold.

        Args:
            least: The least score that raises an alarm.
        """
        return int(np.count_nonzero(self.least >= least)) - 1

    def best(self, metric: str, least: float) -> int:
        """Which of them a detection goal asks for.

        Of equal ones the one that detects more, of these the one with fewer false alarms.

        Args:
            metric: `f1`, `recall_at_precision`, `precision_at_recall`, `false_alarms_per_hour` or
                `average_precision`, which has no point of its own: the best F1.
            least: The least precision or recall, where the goal names one.
        """
        value, kept = {
            "recall_at_precision": (self.recall, self.precision),
            "precision_at_recall": (self.precision, self.recall),
            "false_alarms_per_hour": (-self.false_alarms, self.recall),
        }.get(metric, (self.f1, np.full_like(self.hits, np.inf)))
        allowed = np.flatnonzero(kept >= least)
        order = np.lexsort((-self.false_alarms[allowed], self.hits[allowed], value[allowed]))
        return int(allowed[order[-1]])

    def threshold(self, point: int) -> int:
        """The whole number that gives a point, for scores that are whole numbers themselves.

        In the middle between the lowest score that raises an alarm and the next one below it, since
        those of other examples lie between; without an alarm, just above the highest score.
        """
        if point == 0:
            return int(self.least[1]) + 1
        if point == len(self.least) - 1:
            return int(self.least[point])
        return (int(self.least[point]) + int(self.least[point + 1])) // 2 + 1

    def least_score(self, point: int) -> float:
        """The same for scores that are real numbers."""
        if point == 0:
            return float(np.nextafter(self.least[1], np.inf))
        below = self.least[min(point + 1, len(self.least) - 1)]
        return float((self.least[point] + below) / 2)

    def counts(self, point: int) -> Counts:
        """What it makes of the examples."""
        hits, others = int(self.hits[point]), int(self.false_alarms[point])
        misses = int(self.hits[-1]) - hits
        quiet = int(self.false_alarms[-1]) - others
        return Counts(hits=hits, misses=misses, false_alarms=others, quiet=quiet)


def decisions(decision: Decision, outputs: NDArray[Quantised]) -> NDArray[np.uint8]:
    """The bytes that a device gives beside its outputs: [N, thresholds], 1 for an alarm.

    Args:
        decision: How it decides.
        outputs: [N, classes], int8 or int16.
    """
    scores = outputs
    if decision.positive is not None:
        scores = scores_of(outputs, decision.positive)[:, None]
    least = np.array([one.least for one in decision.thresholds])
    return (scores >= least).astype(np.uint8)


def value_at(figure: Figure, counts: Counts) -> float:
    """A detection figure of what a threshold makes of some examples.

    Args:
        figure: Any but `average_precision`, which is of all thresholds.
        counts: What became of them.
    """
    if figure.metric == "false_alarms_per_hour":
        if figure.example_s is None:
            raise AssertionError("the validator wants a time")
        return counts.false_alarms_per_hour(figure.example_s)
    if figure.metric in {"recall", "recall_at_precision"}:
        return counts.recall
    if figure.metric == "f1":
        return counts.f1
    # On a curve it is 1 without any alarm; but what never says so is never right.
    return counts.precision if counts.hits else 0.0
