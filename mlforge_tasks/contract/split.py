"""How examples are told apart that train, validate and test: the rules of `dataset.split`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mlforge_tasks.contract.fields import Fraction, Seed, Text, not_empty, share_or_percent
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake


class _Fractions(Record):
    """Shares of the validation and the test split; the training split is the rest.

    Attributes:
        rule: How examples are told apart.
        validation: The share that validates; the search reads its figures.
        test: The share that tests; no search reads its figures.
        seed: For the draw.
    """

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


class EachSplit(_Fractions):
    """The same within the rows of each label, or of each recording."""

    rule: Literal["each_label", "each_recording"]


class RandomSplit(_Fractions):
    """Rows at random, by label for classification; rows with equal inputs stay together."""

    rule: Literal["random"]
    seed: Seed


class RandomGroupSplit(_Fractions):
    """Whole groups at random; the shares count groups."""

    rule: Literal["random_group"]
    seed: Seed


class RandomRecordingSplit(_Fractions):
    """Whole recordings at random, by label for classification; the shares count recordings."""

    rule: Literal["random_recording"]
    seed: Seed


class _NamedSplit(Record):
    """Named values test, and do not validate too.

    Attributes:
        rule: How examples are told apart.
        validation: Those that validate; the search reads their figures.
        test: Those that test; all others train.
    """

    test: Annotated[tuple[Text, ...], AfterValidator(not_empty)]

    def _check_disjoint(self, validation: tuple[str, ...], what: str) -> None:
        both = sorted(set(validation) & set(self.test))
        if both:
            wanted = f"{what} that are not in validation too"
            raise Mistake(wanted, at=("test",), found=", ".join(both))


class GroupSplit(_NamedSplit):
    """Named groups validate and test; all others train."""

    rule: Literal["group"]
    validation: Annotated[tuple[Text, ...], AfterValidator(not_empty)]

    @model_validator(mode="after")
    def _disjoint(self) -> GroupSplit:
        self._check_disjoint(self.validation, "groups")
        return self


def _values_or_share(value: Any) -> tuple[str, ...] | float:
    share = share_or_percent(value)
    if isinstance(share, int | float) and 0 < share < 1:
        return float(share)
    texts = value if isinstance(value, list | tuple) else ()
    if texts and all(isinstance(one, str | int) and not isinstance(one, bool) for one in texts):
        return tuple(str(one) for one in texts)
    raise Mistake("a list of values of the column, or a share between 0 and 1")


class ColumnSplit(_NamedSplit):
    """A column of the data says it; where it has no values that validate, they are drawn.

    Attributes:
        column: The column.
        validation: Values that validate; or a share of the recordings (of the groups, where there
            are some) that neither of the others have, drawn at random, by label for
            classification.
        test: Values that test; all others train.
        seed: For the draw.
    """

    rule: Literal["column"]
    column: Text
    validation: Annotated[
        tuple[str, ...] | float,
        BeforeValidator(_values_or_share, json_schema_input_type=tuple[str, ...] | Fraction),
    ]
    seed: Seed = 1

    @model_validator(mode="after")
    def _disjoint(self) -> ColumnSplit:
        if isinstance(self.validation, tuple):
            self._check_disjoint(self.validation, "values")
        return self


SplitRule = Annotated[
    ChronologicalSplit
    | EachSplit
    | RandomSplit
    | RandomRecordingSplit
    | RandomGroupSplit
    | GroupSplit
    | ColumnSplit,
    Field(discriminator="rule"),
]
