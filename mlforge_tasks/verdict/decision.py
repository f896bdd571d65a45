"""What a device decides from a model's int8 outputs, as records; `detection` computes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Rule = Literal["lead", "outputs", "score"]
DECISION = "decision.json"
SECONDS_AN_HOUR = 3600.0


class Counts(Record):
    """What a detector made of some examples.

    Attributes:
        hits: Positive examples that raised an alarm.
        misses: Positive ones that did not.
        false_alarms: Negative ones that did.
        quiet: Negative ones that did not.
    """

    hits: int
    misses: int
    false_alarms: int
    quiet: int

    @property
    def recall(self) -> float:
        """Share of the positive examples that raise an alarm; there has to be one."""
        return self.hits / (self.hits + self.misses)

    @property
    def precision(self) -> float:
        """Share of the alarms that are right; 1 without any, as scikit-learn's curve has it."""
        alarms = self.hits + self.false_alarms
        return self.hits / alarms if alarms else 1.0

    @property
    def f1(self) -> float:
        """2 hits / (2 hits + misses + false alarms)."""
        return 2 * self.hits / (2 * self.hits + self.misses + self.false_alarms)

    def false_alarms_per_hour(self, example_s: float) -> float:
        """False alarms in an hour without anything to detect.

        Args:
            example_s: Time from one example to the next.
        """
        return self.false_alarms / (self.false_alarms + self.quiet) * SECONDS_AN_HOUR / example_s


class Threshold(Record):
    """When a label is said to be there.

    Attributes:
        label: Its name.
        chosen_for: The figure that it is the best for, on the validation split.
        least: The least score that raises an alarm: in steps of int8, or as `model_score` tells it.
        validation: What it makes of the validation split; None for a probe, whose threshold is 0.
    """

    label: str
    chosen_for: str
    least: int
    validation: Counts | None


class Decision(Record):
    """What a device decides; `decision.json`.

    Attributes:
        rule: What the scores are. `lead`: how far the output of the one label that is looked for
            leads the largest of the others. `outputs`: the output of each label. `score`: how far
            a reconstruction is from its input.
        positive: Which output is looked for; None where all are.
        thresholds: One for each byte that the device gives, 1 for an alarm and 0 for none.
    """

    rule: Rule
    positive: int | None
    thresholds: tuple[Threshold, ...]


def decision_in(inputs: Mapping[str, Path]) -> Decision | None:
    """What stage `decide` made of a model; None where the device only gives outputs.

    Args:
        inputs: A stage's.
    """
    return Decision.read(inputs["decide"] / DECISION) if "decide" in inputs else None
