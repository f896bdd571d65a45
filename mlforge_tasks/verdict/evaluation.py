"""What a model reaches on the validation and test splits; `evaluation.json`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlforge_tasks.contract.data_card import BaselineRule
from mlforge_tasks.quantisation import EndType
from mlforge_tasks.records import Interval, Measurement, Record, Source
from mlforge_tasks.verdict.decision import Counts

EVALUATION = "evaluation.json"
Computer = Literal["tflite-micro", "aot"]


class ClassFigures(Record):
    """What became of one class's examples.

    Attributes:
        label: Its name.
        examples: How many there are.
        predicted: How many were taken for it.
        recall: The share of its examples that were found; None where there are none.
        precision: The share of what was taken for it that is it; None where nothing was.
        f1: Their harmonic mean; None where there is neither.
    """

    label: str
    examples: int
    predicted: int
    recall: float | None
    precision: float | None
    f1: float | None


class RangeErrors(Record):
    """Errors of the examples whose target lies in a range.

    Attributes:
        low: The targets' least.
        high: The targets' most.
        examples: How many.
        mae: Mean absolute error, in the output's unit.
        bias: Mean of output less target.
    """

    low: float
    high: float
    examples: int
    mae: float
    bias: float


class OutputErrors(Record):
    """How one predicted quantity comes out, in its own unit.

    Attributes:
        name: Its name.
        unit: Its unit.
        mae: Mean absolute error.
        rmse: Root of the mean squared error.
        r2: Coefficient of determination; None where the targets never change.
        bias: Mean of output less target.
        ranges: By range of the target, lowest first, with equal numbers of examples in each.
        low: The least that the output can say.
        high: The most that it can say.
        targets_below: How many targets are less than `low`.
        targets_above: How many are more than `high`.
    """

    name: str
    unit: str
    mae: float
    rmse: float
    r2: float | None
    bias: float
    ranges: tuple[RangeErrors, ...]
    low: float
    high: float
    targets_below: int
    targets_above: int


class Rail(Record):
    """How many values of an int8 or int16 tensor stand at either end of its range.

    Attributes:
        name: The feature, output, class or layer.
        values: How many there are.
        at_low: How many are the least; of a layer, unless its activation function stops there.
        at_high: How many are the greatest; the same of a layer.
    """

    name: str
    values: int
    at_low: int
    at_high: int

    @property
    def share(self) -> float:
        """Of all values, those at either end."""
        return (self.at_low + self.at_high) / self.values


class WithoutModel(Record):
    """What a rule that needs no network reaches.

    Attributes:
        rule: See `data_card.Baseline`.
        figures: What the contract asks, by name; without what the split does not define.
    """

    rule: BaselineRule
    figures: dict[str, float]


class SplitEvaluation(Record):
    """One split.

    Attributes:
        examples: How many.
        figures: What the contract asks, by name, of the int8 model in original units.
        intervals: How sure figures are, by name: where examples are few, or the contract judges by
            the worse end.
        float_figures: The same of the float network; empty where there is none.
        without_model: The same of what needs no network.
        confusion: Examples by class (rows) and by what they were taken for; empty for regression.
        classes: By class; empty for regression.
        detection: What the device's threshold makes of it; None where nothing is detected.
        outputs: By predicted quantity; empty for classification.
        input_rails: Saturation of the quantised inputs, by feature.
        output_rails: Saturation of the outputs, by output or class.
        layer_rails: Saturation inside the network, by layer, over some of the validation split;
            empty where it is not known.
    """

    examples: int
    figures: dict[str, float]
    intervals: dict[str, Interval] = Field(default_factory=dict)
    float_figures: dict[str, float] = Field(default_factory=dict)
    without_model: tuple[WithoutModel, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    classes: tuple[ClassFigures, ...] = ()
    detection: Counts | None = None
    outputs: tuple[OutputErrors, ...] = ()
    input_rails: tuple[Rail, ...] = ()
    output_rails: tuple[Rail, ...] = ()
    layer_rails: tuple[Rail, ...] = ()

    def measured(self, suffix: str, source: Source) -> dict[str, Measurement]:
        """What is asked as measurements, by their names.

        Args:
            suffix: Of the names.
            source: Where the model was measured.
        """
        return {
            name + suffix: Measurement(
                metric=name + suffix,
                value=value,
                unit="",
                source=source,
                interval=self.intervals.get(name),
            )
            for name, value in self.figures.items()
        }


class Evaluation(Record):
    """Both splits.

    Attributes:
        computed_by: `tflite-micro`, or `aot` where there is no wheel of that, or its interpreter
            cannot run the model.
        not_compared: Why it was not `tflite-micro`; empty where it was.
        dtype: The type of the model's output.
        validation: The split that the search reads.
        test: The split that judges what meets everything else.
    """

    computed_by: Computer
    not_compared: str = ""
    dtype: EndType = "int8"
    validation: SplitEvaluation
    test: SplitEvaluation
