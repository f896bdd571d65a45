"""What the goal's metric loses from the float network to the int8 model that runs on the device."""

from __future__ import annotations

from mlforge_tasks.records import Record


class QuantisationLoss(Record):
    """One candidate's figures on the validation split.

    Attributes:
        candidate: Which.
        metric: The goal's.
        float_value: Of the float network, in the metric's unit.
        int8_value: Of the int8 model.
        change: How far int8 is from float, as a share of the float figure; whether for better or
            worse, a large one says that the device computes something else.
        allowed: `goal.quantisation_change`.
    """

    candidate: str
    metric: str
    float_value: float
    int8_value: float
    change: float
    allowed: float

    @property
    def large(self) -> bool:
        """Whether it is more than the contract takes for granted."""
        return self.change > self.allowed


def loss(
    candidate: str, metric: str, float_value: float, int8_value: float, allowed: float
) -> QuantisationLoss:
    """Compares a candidate's two figures; see `QuantisationLoss`."""
    difference = abs(int8_value - float_value)
    # Of a float figure of 0 any difference is more than a share.
    change = difference / abs(float_value) if float_value else float(difference > 0)
    return QuantisationLoss(
        candidate=candidate,
        metric=metric,
        float_value=float_value,
        int8_value=int8_value,
        change=change,
        allowed=allowed,
    )
