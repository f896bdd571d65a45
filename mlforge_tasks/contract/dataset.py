"""The `dataset:` section of a contract: where data is, and how it becomes examples."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from mlforge_tasks.contract.delimited import Delimited
from mlforge_tasks.contract.fields import (
    Count,
    Name,
    Seed,
    Text,
    checked,
    not_empty,
    repeated,
)
from mlforge_tasks.contract.measured import DropMissing, FillMissing, Missing, Time
from mlforge_tasks.contract.source import Source
from mlforge_tasks.contract.split import SplitRule
from mlforge_tasks.contract.target import Channel, Output, Target, Task
from mlforge_tasks.contract.window import Window, horizon_text
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator

# Training examples that calibrate where a contract does not say how many.
CALIBRATION_COUNT = 200
# So many of each class are among them, however rare it is.
CLASS_CALIBRATION_COUNT = 10

# What a layer takes at most.
MAX_AXES = 3


class ColumnRange(Record):
    """Neighbouring columns of a table, both ends included.

    Attributes:
        first: The first of them.
        last: The last of them.
    """

    first: Text
    last: Text


class Inputs(Record):
    """What the model sees.

    Attributes:
        features: The quantities on the last axis of an input.
        columns: Columns, or arrays, that hold them side by side; by default one per feature.
        column_range: The same for many neighbouring columns.
        shape: Shape of one row, such as [28, 28, 1]; by default as the columns have it.
    """

    features: Annotated[tuple[Channel, ...], AfterValidator(not_empty)]
    columns: tuple[Text, ...] = ()
    column_range: ColumnRange | None = None
    shape: Annotated[tuple[Count, ...], AfterValidator(not_empty)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Inputs:
        return checked(self, self._mistakes())

    def _mistakes(self) -> Iterator[Mistake]:
        yield from repeated("features", tuple(feature.name for feature in self.features))
        if self.columns and self.column_range is not None:
            yield Mistake("either columns or column_range", at=("column_range",))
        if self.shape is not None and self.shape[-1] != len(self.features):
            wanted = f"a last axis of {len(self.features)}, the number of features"
            yield Mistake(wanted, at=("shape",), found=str(list(self.shape)))


class ComputedScaling(Record):
    """Normalisation computed from the training split.

    Attributes:
        rule: `standard`: mean 0, standard deviation 1. `minmax`: 0 to 1. `none`: as it is.
    """

    rule: Literal["standard", "minmax", "none"]


class FixedScaling(Record):
    """normalised = (raw - mean) / scale, one value per feature or one for all.

    Attributes:
        rule: This one.
        mean: What is taken off, in each feature's unit.
        scale: What the rest is divided by, in each feature's unit.
    """

    rule: Literal["fixed"]
    mean: Annotated[
        tuple[Annotated[float, Field(strict=True, ge=-1e30, le=1e30)], ...],
        AfterValidator(not_empty),
    ]
    scale: Annotated[
        tuple[Annotated[float, Field(strict=True, ge=1e-30, le=1e30)], ...],
        AfterValidator(not_empty),
    ]


Scaling = Annotated[ComputedScaling | FixedScaling, Field(discriminator="rule")]


class Calibration(Record):
    """Training examples that set the int8 ranges, drawn at random; some of each class.

    Attributes:
        count: How many; by default `CALIBRATION_COUNT`, or as many as there are.
        seed: Which ones.
        output_range: Whether the int8 output reaches as far as the network goes for them, or also
            as far as the training targets do.
    """

    count: Count | None = None
    seed: Seed = 1
    output_range: Literal["calibrated", "targets"] = "calibrated"


class DatasetSpec(Record):
    """The `dataset:` section: where the data is, and how it becomes examples.

    Validate with `context={"project_root": path}` to have file paths checked against the disk.

    Attributes:
        licence: Under which terms the data may be used.
        source: Where it comes from.
        inputs: What the model sees.
        target: What it predicts.
        group: Column that says who or what a row belongs to; windows never mix two groups.
        time: When each row was measured.
        missing: What becomes of missing values; by default their rows are left out where the
            source says how they are written, and refused elsewhere.
        window: How rows become examples; without it each row is one.
        scaling: How inputs are normalised.
        split: How train, validation and test are told apart.
        calibration: Which training examples calibrate the int8 model.
    """

    licence: Name
    source: Source
    inputs: Inputs
    target: Target
    group: Text | None = None
    time: Time | None = None
    missing: Missing | None = None
    window: Window | None = None
    scaling: Scaling = ComputedScaling(rule="standard")
    split: SplitRule
    calibration: Calibration = Calibration()

    @model_validator(mode="after")
    def _consistent(self) -> DatasetSpec:
        return checked(self, (*self._split_mistakes(), *self._row_mistakes()))

    def _split_mistakes(self) -> Iterator[Mistake]:
        rule = self.split.rule
        if rule in {"group", "random_group"} and self.group is None:
            yield Mistake(f"the key 'group', since split.rule is '{rule}'", found="nothing")
        if rule == "each_label" and not self.target.labels:
            yield Mistake("'each_recording', since there are no labels", at=("split", "rule"))
        if rule in {"random", "random_recording"} and self.group is not None:
            what = "rows" if rule == "random" else "recordings"
            wanted = f"'group' or 'random_group', since the {what} of a group belong together"
            yield Mistake(wanted, at=("split", "rule"))
        if rule == "random" and self.window is not None:
            wanted = (
                "'chronological', 'each_label', 'each_recording', 'random_recording', 'group' or "
                "'random_group', since windows share rows"
            )
            yield Mistake(wanted, at=("split", "rule"))

    def _row_mistakes(self) -> Iterator[Mistake]:
        if self.time is not None and self.window is None:
            yield Mistake("the key 'window', which 'time' is for", at=("time",), found="none")
        if isinstance(self.missing, FillMissing) and self.window is None:
            wanted = "'drop', since rows without a window do not follow each other"
            yield Mistake(wanted, at=("missing", "rule"))
        if self.window is not None and self.window.horizon != 0 and self.target.labels:
            yield Mistake("no horizon beside labels", at=("window", "horizon"))
        axes = len(self.inputs.shape or (1,)) + (self.window is not None)
        if axes > MAX_AXES:
            wanted = f"at most {MAX_AXES} axes, the window's included: height, width, channels"
            yield Mistake(wanted, at=("inputs", "shape"), found=str(axes))
        if isinstance(self.scaling, FixedScaling):
            features = len(self.inputs.features)
            for name in ("mean", "scale"):
                count = len(getattr(self.scaling, name))
                if count not in {1, features}:
                    wanted = f"1 value, or {features}, one per feature"
                    yield Mistake(wanted, at=("scaling", name), found=str(count))

    @property
    def holes(self) -> Missing | None:
        """What becomes of missing values; None where there may be none."""
        told = isinstance(self.source, Delimited) and bool(self.source.missing)
        return self.missing or (DropMissing(rule="drop") if told else None)

    @property
    def task(self) -> Task:
        """What the target makes of it; the contract's `task` must say the same."""
        return self.target.task

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What comes out for regression: each quantity, at each of the window's horizons.

        Those of a quantity are neighbours; where a contract lists horizons, each is called by its
        own, such as `glucose+30 min`.
        """
        horizons = (0,) if self.window is None else self.window.horizons
        return tuple(
            Output(name=channel.name + after, unit=channel.unit, quantity=at, horizon=rows)
            for at, channel in enumerate(self.target.outputs)
            for rows, after in zip(horizons, map(self._after, horizons), strict=True)
        )

    def _after(self, rows: int) -> str:
        if self.window is None or not self.window.named:
            return ""
        return "+" + horizon_text(rows, None if self.time is None else self.time.interval_s)

    def outputs_by_name(self) -> dict[str, tuple[Output, ...]]:
        """What a goal means by each name: an output, or a quantity at all horizons."""
        outputs, quantities = self.outputs, self.target.outputs
        called = {one.name: tuple[Output, ...]() for one in quantities}
        for one in outputs:
            called[quantities[one.quantity].name] += (one,)
        return called | {one.name: (one,) for one in outputs}

    def output_count(self, input_shape: tuple[int, ...]) -> int:
        """How many numbers come out of a network: quantities, classes, or its input again."""
        target = self.target
        return prod(input_shape) if target.normal else len(target.labels or self.outputs)

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """Shape of one example; None where only the data tells it.

        An array may have axes of its own; a cell of a table, or one of several columns, has none.
        """
        inputs, flat = self.inputs, not self.source.columns_have_axes
        if inputs.column_range is None and len(inputs.columns or inputs.features) > 1:
            flat = True
        if inputs.shape is None and not flat:
            return None
        row = inputs.shape or (len(inputs.features),)
        return row if self.window is None else (self.window.length, *row)

    @property
    def source_module(self) -> str:
        """The plug-in module that reads the source."""
        return f"mlforge_tasks.datasets.from_{self.source.kind}"
