"""What a model predicts: `dataset.target`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from mlforge_tasks.contract.fields import Name, Text, checked, repeated
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Task = Literal["regression", "classification", "multilabel", "anomaly"]
# What tells a task in `dataset.target`.
TOLD_BY: Mapping[Task, str] = {
    "regression": "outputs",
    "classification": "labels",
    "multilabel": "labels and the key 'columns'",
    "anomaly": "labels and the key 'normal'",
}


class Channel(Record):
    """A measured quantity: what it is called, and its unit as the sensor gives it.

    Attributes:
        name: What it is called.
        unit: As the sensor gives it; it is told with each figure.
    """

    name: Name
    unit: Name


class Output(Record):
    """A number that comes out of a network for regression.

    Attributes:
        name: The quantity's, with its horizon where there are several.
        unit: The quantity's.
        quantity: Index into the target's `outputs`.
        horizon: How many rows after the window's last one it is; 0 without a window.
    """

    name: str
    unit: str
    quantity: int
    horizon: int


class Target(Record):
    """What the model predicts: quantities (`outputs`), a class (`labels`), or what is not `normal`.

    Attributes:
        outputs: For regression, the predicted quantities.
        labels: For classification, the classes' names; class i is `labels[i]`.
        values: What the data holds for each label; by default the label itself.
        column: Column or array of the target; by default each output's own name.
        columns: For multilabel, a column for each label, 1 where it is there and 0 where it is not;
            for regression one for each output, by default of its own name.
        normal: For anomaly, the labels that a model learns; it is to tell the others from them.
    """

    outputs: tuple[Channel, ...] = ()
    labels: tuple[Name, ...] = ()
    values: tuple[Text, ...] = ()
    column: Text | None = None
    columns: tuple[Text, ...] = ()
    normal: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Target:
        return checked(self, self._mistakes())

    def _mistakes(self) -> Iterator[Mistake]:
        if bool(self.outputs) == bool(self.labels):
            found = "both" if self.outputs else "neither"
            yield Mistake("either outputs (regression) or labels (classification)", found=found)
        elif self.labels:
            yield from self._label_mistakes()
        else:
            yield from repeated("outputs", tuple(output.name for output in self.outputs))
            for field in ("values", "normal"):
                if getattr(self, field):
                    yield Mistake(f"{field} only beside labels", at=(field,))
            if self.columns:
                yield from self._column_mistakes(len(self.outputs), "output")

    def _label_mistakes(self) -> Iterator[Mistake]:
        if self.columns:
            yield from self._column_mistakes(len(self.labels), "label")
        elif self.column is None:
            yield Mistake("the key 'column', which holds the class", found="nothing")
        if len(self.labels) < 2:
            yield Mistake("at least 2 labels", at=("labels",), found="1")
        yield from repeated("labels", self.labels)
        yield from repeated("values", self.values)
        if self.values and len(self.values) != len(self.labels):
            wanted = f"{len(self.labels)} values, one per label"
            yield Mistake(wanted, at=("values",), found=str(len(self.values)))
        yield from repeated("normal", self.normal)
        unknown = [label for label in self.normal if label not in self.labels]
        if unknown:
            yield Mistake("some of the labels", at=("normal",), found=unknown[0])
        elif set(self.normal) == set(self.labels):
            yield Mistake("a label that is not normal", at=("normal",), found="all labels")

    def _column_mistakes(self, count: int, each: str) -> Iterator[Mistake]:
        yield from repeated("columns", self.columns)
        if len(self.columns) != count:
            wanted = f"{count} columns, one per {each}"
            yield Mistake(wanted, at=("columns",), found=str(len(self.columns)))
        for field in ("column", "values", "normal") if self.labels else ("column",):
            if getattr(self, field):
                yield Mistake(f"no {field} beside columns", at=(field,))

    @property
    def raw_values(self) -> tuple[str, ...]:
        """What the data holds for each label."""
        return self.values or self.labels

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes' names, in the order of their numbers; what is not normal is one."""
        if not self.normal:
            return self.labels
        others = (label for label in self.labels if label not in self.normal)
        return (" or ".join(self.normal), " or ".join(others))

    @property
    def task(self) -> Task:
        """What it makes a model do."""
        if self.normal:
            return "anomaly"
        if self.columns and self.labels:
            return "multilabel"
        return "classification" if self.labels else "regression"
