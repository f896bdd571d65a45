"""The `goal:` section of a contract: which figures the int8 model must reach."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from mlforge_tasks.contract.fields import Name, checked
from mlforge_tasks.contract.metrics import METRICS, Direction, Metric, Parameter
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake, one_of
from mlforge_tasks.yaml_file.units import Seconds, Share, format_share, parse_share

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Across = Literal["each", "worst"]
BaselineUse = Literal["beat", "ignore"]
Confidence = Annotated[Share, Field(ge=0.5, le=0.999)]
# The metric that needs to know how much time an example stands for.
HOURLY = "false_alarms_per_hour"
# What a metric needs beside its target, by key.
_PARAMETERS: Mapping[Parameter, str] = MappingProxyType(
    {
        "quantile": "the share of examples that the error is for, such as 95 %",
        "precision": "the least share of alarms that must be right, such as 90 %",
        "recall": "the least share of what is there that must be found, such as 90 %",
    }
)


def _bound(value: object, metric: Metric | None, at: tuple[str, ...] = ()) -> float:
    """One bound of a metric, checked as far as the metric is known."""
    share = metric is not None and metric.share
    if isinstance(value, str) and (share or metric is None):
        value = parse_share(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        united = isinstance(value, str) and value[:1].isdigit()
        raise Mistake("a number without a unit" if united else "a number", at=at)
    if not math.isfinite(value):
        raise Mistake("a finite number", at=at)
    if share and not 0 <= value <= 1:
        percent = format_share(value / 100) if 1 < value <= 100 else None
        raise Mistake("a share from 0 to 1, such as 0.72 or '72 %'", at=at, suggestion=percent)
    if metric is not None and value > metric.most:
        raise Mistake(f"at most {metric.most:g}, which a model without any error has", at=at)
    if metric is not None and metric.direction == "minimize" and value <= 0:
        raise Mistake("a number greater than 0", at=at)
    return float(value)


class Ask(Record):
    """A metric and the bound that it must keep.

    Attributes:
        metric: The figure; it implies whether less or more is better.
        target: The bound, in the metric's unit, for each output that is judged; or one by output.
        output: The only output that is judged; by default all are.
        across: Whether each of several outputs is judged, in its own unit, or the worst by its
            scale: errors are divided by the training targets' standard deviation then.
        quantile: For `quantile_error`: the share of examples whose error must be within it.
    """

    metric: str
    target: float | dict[str, float]
    output: Name | None = None
    across: Across = "each"
    quantile: Share | None = None

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, metric: str) -> str:
        one_of(metric, tuple(METRICS), kind="a metric")
        return metric

    @field_validator("target", mode="before")
    @classmethod
    def _bounds(cls, target: object, info: ValidationInfo) -> object:
        metric = METRICS.get(info.data.get("metric", ""))
        if not isinstance(target, dict):
            return _bound(target, metric)
        if not target:
            raise Mistake("a number, or one by output", found="nothing")
        return {str(name): _bound(bound, metric, (str(name),)) for name, bound in target.items()}

    @model_validator(mode="after")
    def _consistent(self) -> Ask:
        return checked(self, self._mistakes())

    def _mistakes(self) -> Iterator[Mistake]:
        metric = METRICS[self.metric]
        for key, wanted in _PARAMETERS.items():
            given = getattr(self, key, None) is not None
            if given and getattr(self, key) == 0:
                yield Mistake("a share greater than 0 %", at=(key,))
            if metric.parameter == key and not given:
                yield Mistake(wanted, at=(key,), found="nothing")
            if metric.parameter != key and given:
                known = " or ".join(one for one in METRICS if METRICS[one].parameter == key)
                yield Mistake(f"no {key}, which is for {known}", at=(key,))
        named = self.output is not None or isinstance(self.target, dict)
        if self.across == "worst" and named:
            yield Mistake("each, where outputs are named", at=("across",))
        if self.output is not None and isinstance(self.target, dict):
            yield Mistake("either output, or a target by output", at=("output",))

    @property
    def direction(self) -> Direction:
        """Whether the metric should be small or large."""
        return METRICS[self.metric].direction

    @property
    def parameter(self) -> float | None:
        """What the metric needs beside its target."""
        key = METRICS[self.metric].parameter
        return None if key is None else getattr(self, key, None)


class WholeAsk(Ask):
    """The same for all examples of a split, which may be to detect one label.

    Attributes:
        precision: For `recall_at_precision`: the least share of alarms that must be right.
        recall: For `precision_at_recall` and `false_alarms_per_hour`: the least share of what is
            there that must be found.
        positive: The label that is detected; of two the second by default.
        every_s: For `false_alarms_per_hour`: time from one example to the next; by default as
            `dataset.window` and `dataset.time` have it.
    """

    precision: Share | None = None
    recall: Share | None = None
    positive: Name | None = None
    every_s: Seconds | None = Field(default=None, alias="every")

    def _mistakes(self) -> Iterator[Mistake]:
        yield from super()._mistakes()
        if self.positive is not None and not METRICS[self.metric].detects:
            yield Mistake(f"no label, since {self.metric} is of all of them", at=("positive",))
        if self.every_s is not None and self.metric != HOURLY:
            yield Mistake(f"no such key, which is for {HOURLY}", at=("every",))


class RangeAsk(Ask):
    """The same for the examples whose target lies in a range.

    `recall` is the share of them whose output lies in the range too, `precision` the share of what
    comes out in the range that belongs there.

    Attributes:
        below: The target is less than this, in the output's unit.
        above: The target is at least this.
    """

    below: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> RangeAsk:
        if self.below is None and self.above is None:
            raise Mistake("the key 'below' or 'above', or both", found="neither")
        if self.below is not None and self.above is not None and self.above >= self.below:
            raise Mistake(f"less than 'below', {self.below:g}", at=("above",))
        return self


class Goal(WholeAsk):
    """What the int8 model must reach, on validation and on test data.

    The search is led by the first metric; all that is asked is judged.

    Attributes:
        also: More figures that are asked.
        ranges: Figures of examples whose target lies in a range.
        baseline: Whether the leading figures must be strictly better than those of what needs no
            network, or that is only told.
        confidence: Judges each figure by the worse end of its interval at this level.
        quantisation_change: How far the int8 model's figure may be from the float network's, as a
            share of that, before the run says so. It decides nothing: the int8 figure is judged.
    """

    also: tuple[WholeAsk, ...] = ()
    ranges: tuple[RangeAsk, ...] = ()
    baseline: BaselineUse = "beat"
    confidence: Confidence | None = None
    quantisation_change: Share = 0.1

    def asks(self) -> Iterator[tuple[tuple[int | str, ...], Ask]]:
        """All that is asked, each with where it stands below `goal`."""
        yield (), self
        yield from ((("also", at), one) for at, one in enumerate(self.also))
        yield from ((("ranges", at), one) for at, one in enumerate(self.ranges))


class Figure(Record):
    """A figure of a model on a split: all that its computation depends on but the data.

    Attributes:
        name: What measurements and clauses call it: `mse`, `mae(b)`, `recall(below 70)`. No name
            ends with the suffix of the test split.
        metric: A key of `METRICS`.
        output: Index of the only output, or of the class, that it is about. Without one, errors of
            several outputs are taken together, each divided by its scale.
        worst: Whether the worst of the outputs counts, each by its scale.
        parameter: What the metric needs beside.
        example_s: Time from one example to the next, where the metric needs it.
        below: Only examples whose target is less than this count.
        above: Only examples whose target is at least this count.
    """

    name: str
    metric: str
    output: int | None = None
    worst: bool = False
    parameter: float | None = None
    example_s: float | None = None
    below: float | None = None
    above: float | None = None

    @property
    def direction(self) -> Direction:
        """Whether it should be small or large."""
        return METRICS[self.metric].direction

    @property
    def detects(self) -> bool:
        """Whether it is of one label, `output`, that is told from all others by a threshold."""
        return METRICS[self.metric].detects and self.below is None and self.above is None


class Asked(Record):
    """A figure, and the bound that it must keep.

    Attributes:
        figure: Which.
        target: The bound.
        unit: Its unit.
        key: Where the bound stands in the contract.
    """

    figure: Figure
    target: float
    unit: str
    key: str


def range_text(below: float | None, above: float | None) -> str:
    """`below 70`, `from 70`, `70 to 180`; nothing where all counts."""
    if below is None:
        return "" if above is None else f"from {above:g}"
    return f"below {below:g}" if above is None else f"{above:g} to {below:g}"
