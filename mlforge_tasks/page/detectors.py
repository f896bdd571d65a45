"""What a split says of one detector: every threshold's figures, and the one that was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlforge_tasks.verdict.detection import OperatingPoints, scores_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from mlforge_tasks.page.evaluated import Evaluated, Part

# Of two classes the largest output decides, of equal ones the first: the second leads by a step.
LARGEST = 1
TWO = 2


@dataclass(frozen=True)
class Detector:
    """A label that a threshold tells from all else.

    Attributes:
        label: What is detected.
        at: Which output or label it is.
        least: The least score that raises an alarm, in the device's own steps.
        chosen_for: The figure that it is the best for on validation; empty where it is no choice.
    """

    label: str
    at: int
    least: int
    chosen_for: str

    def told(self, part: Part) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """The scores of a split's examples, and which of them are positive: [N] each."""
        if part.targets.ndim > 1:
            return part.raw[:, self.at], part.targets[:, self.at] == 1
        scores = part.raw if part.raw.ndim == 1 else scores_of(part.raw, self.at)
        return scores, part.targets == self.at

    def points(self, part: Part) -> OperatingPoints | None:
        """What any threshold makes of a split; None where there is nothing to tell apart."""
        scores, positive = self.told(part)
        if positive.all() or not positive.any():
            return None
        return OperatingPoints.of(scores, positive)


def detectors(evaluated: Evaluated) -> Iterator[Detector]:
    """Those of a model: what the device decides, or of two classes which is the larger."""
    decision, labels = evaluated.decision, evaluated.card.labels
    if decision is not None:
        for at, one in enumerate(decision.thresholds):
            which = at if decision.positive is None else decision.positive
            yield Detector(one.label, which, one.least, one.chosen_for)
    elif evaluated.card.task == "classification" and len(labels) == TWO:
        yield Detector(labels[1], 1, LARGEST, "")
