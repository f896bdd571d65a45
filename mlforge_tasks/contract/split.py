"""How examples are told apart that train, validate and test: the rules of `dataset.split`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from mlforge_tasks.contract.fields import Fraction, Seed, Text, not_empty
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake


class _Fractions(Record):
    """Shares of the validation and the test split; the training split is the rest."""

    validation: Fraction
    test: Fraction

    @model_validator(mode="after")
    def _leave_some_to_train_on(self) -> _Fractions:
        if self.validation + self.test >= 1:
            raise Mistake(f"less than 1 - {self.validation:g} (validation)", at=("test",))
        return self


class ChronologicalSplit(_Fractions):
    """The first rows train, the next validate, the last test; no window lies across a cut."""

    rule: Literal["chronological"]


class RandomSplit(_Fractions):
    """Rows at random, by label for classification; rows with equal inputs stay together."""

    rule: Literal["random"]
    seed: Seed


class RandomGroupSplit(_Fractions):
    """Whole groups at random; the shares count groups."""

    rule: Literal["random_group"]
    seed: Seed


class GroupSplit(Record):
    """Named groups validate and test; all others train."""

    rule: Literal["group"]
    validation: Annotated[tuple[Text, ...], AfterValidator(not_empty)]
    test: Annotated[tuple[Text, ...], AfterValidator(not_empty)]

    @model_validator(mode="after")
    def _disjoint(self) -> GroupSplit:
        both = sorted(set(self.validation) & set(self.test))
        if both:
            wanted = "groups that are not in validation too"
            raise Mistake(wanted, at=("test",), found=", ".join(both))
        return self


SplitRule = Annotated[
    ChronologicalSplit | RandomSplit | RandomGroupSplit | GroupSplit, Field(discriminator="rule")
]
