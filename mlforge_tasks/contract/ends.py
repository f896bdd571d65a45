"""What the inputs and outputs of a model that was brought along are: `search.inputs`, `.outputs`.

A model with one input and one output needs neither: it takes an example and gives what is
predicted. With several, a contract says by their names which features each input takes, and which
of the data set's outputs or labels each output gives.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from mlforge_tasks.contract.fields import Count, Name, Text, not_empty, repeated
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake, closest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlforge_tasks.contract.dataset import DatasetSpec
    from mlforge_tasks.contract.sections import Target


class ModelInput(Record):
    """An input of a model file.

    Attributes:
        name: As the file has it.
        features: What it takes of each row, in its own order; None for all.
        rows: How many rows of the window it takes, the newest; None for all.
    """

    name: Text
    features: Annotated[tuple[Name, ...], AfterValidator(not_empty)] | None = None
    rows: Count | None = None


class ModelOutput(Record):
    """An output of a model file that is judged.

    Attributes:
        name: As the file has it.
        gives: The data set's outputs or labels that it gives, in its own order; None for all.
    """

    name: Text
    gives: Annotated[tuple[Name, ...], AfterValidator(not_empty)] | None = None


class GivenInput(Record):
    """The same by numbers: `features` count from 0 on an example's last axis."""

    name: str
    features: tuple[int, ...]
    rows: int | None


class JudgedOutput(Record):
    """The same by numbers: `gives` counts the data set's outputs, or labels, from 0."""

    name: str
    gives: tuple[int, ...]


class Ends(Record):
    """What a contract says of a model's inputs and outputs; nothing of either by default."""

    inputs: tuple[GivenInput, ...] = ()
    outputs: tuple[JudgedOutput, ...] = ()


def predicted(dataset: DatasetSpec) -> tuple[str, ...]:
    """Names of what a network gives: the data set's outputs, or its labels."""
    return dataset.target.labels or tuple(one.name for one in dataset.outputs)


def ends(
    inputs: Sequence[ModelInput], outputs: Sequence[ModelOutput], dataset: DatasetSpec
) -> Ends:
    """What a contract without a mistake says, by numbers."""
    features = [one.name for one in dataset.inputs.features]
    given = predicted(dataset)
    return Ends(
        inputs=tuple(
            GivenInput(
                name=one.name,
                features=tuple(map(features.index, one.features or features)),
                rows=one.rows,
            )
            for one in inputs
        ),
        outputs=tuple(
            JudgedOutput(name=one.name, gives=tuple(map(given.index, one.gives or given)))
            for one in outputs
        ),
    )


def misfits(
    inputs: Sequence[ModelInput], outputs: Sequence[ModelOutput], dataset: DatasetSpec
) -> Iterator[Mistake]:
    """What does not fit the data set, relative to `search`."""
    if (inputs or outputs) and dataset.task == "anomaly":
        key = "inputs" if inputs else "outputs"
        wanted = "no such key: the score of task anomaly compares one output with the whole input"
        yield Mistake(wanted, at=(key,))
        return
    yield from repeated("inputs", tuple(one.name for one in inputs))
    yield from repeated("outputs", tuple(one.name for one in outputs))
    yield from _input_misfits(inputs, dataset)
    if outputs:
        yield from _output_misfits(outputs, dataset)


def whole(
    inputs: Sequence[ModelInput], outputs: Sequence[ModelOutput], target: Target
) -> Iterator[Mistake]:
    """What does not fit how the target gives a model its input, relative to `search`."""
    for key, named in (("inputs", inputs), ("outputs", outputs)):
        if named and target.mlperf is not None:
            wanted = "no such key beside target.mlperf: its runner knows one input and one output"
            yield Mistake(wanted, at=(key,))
        elif named and target.patches == "streamed":
            wanted = "no such key beside 'patches: streamed': only one input comes by rows"
            yield Mistake(wanted, at=(key,))


def _input_misfits(inputs: Sequence[ModelInput], dataset: DatasetSpec) -> Iterator[Mistake]:
    features = [one.name for one in dataset.inputs.features]
    for at, one in enumerate(inputs):
        place = ("inputs", at, "features")
        yield from _unknown(one.features or (), features, "a feature of the data set", place)
        if one.rows is not None and dataset.window is None:
            yield Mistake("no rows, since the data set has no window", at=("inputs", at, "rows"))
        elif one.rows is not None and dataset.window and one.rows > dataset.window.length:
            wanted = f"at most the window's {dataset.window.length}"
            yield Mistake(wanted, at=("inputs", at, "rows"))


def _output_misfits(outputs: Sequence[ModelOutput], dataset: DatasetSpec) -> Iterator[Mistake]:
    given = predicted(dataset)
    kind = "an output of the data set" if dataset.task == "regression" else "a label"
    unknown = [
        mistake
        for at, one in enumerate(outputs)
        for mistake in _unknown(one.gives or (), given, kind, ("outputs", at, "gives"))
    ]
    if unknown:
        yield from unknown
        return
    if dataset.task == "classification" and len(outputs) > 1:
        wanted = "one output, which gives all labels: the largest of them is the class"
        yield Mistake(wanted, at=("outputs",), found=str(len(outputs)))
        return
    counts = Counter(name for one in outputs for name in one.gives or given)
    missing = [name for name in given if not counts[name]]
    again = [name for name in given if counts[name] > 1]
    if missing or again:
        found = f"'{missing[0]}' by none" if missing else f"'{again[0]}' by two"
        yield Mistake(f"each of {', '.join(given)} once", at=("outputs",), found=found)


def _unknown(
    names: Sequence[str], known: Sequence[str], kind: str, place: tuple[str | int, ...]
) -> Iterator[Mistake]:
    for at, name in enumerate(names):
        if name not in known:
            wanted = f"{kind}: {', '.join(known)}"
            yield Mistake(wanted, at=(*place, at), suggestion=closest(name, known))
    for name, count in Counter(names).items():
        if count > 1:
            yield Mistake("each name once", at=place, found=f"{name} again")
