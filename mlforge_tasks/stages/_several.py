"""Which part of an example each input of a model file takes, and what each of its outputs gives."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlforge_tasks.contract.ends import Ends
from mlforge_tasks.quantisation import (
    InputPart,
    JoinedInputs,
    JoinedOutputs,
    OutputPart,
    TensorQuantisation,
)
from mlforge_tasks.stages._layout import misfit
from mlforge_tasks.windows import places
from mlforge_tasks.yaml_file import meant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import DataCard
    from mlforge_tasks.contract.ends import GivenInput, JudgedOutput
    from mlforge_tasks.contract.search import Layout
    from mlforge_tasks.quantisation import EndType

Shape = tuple[int | None, ...]


class End(NamedTuple):
    """An input or output of a model: its name, and its shape without the batch axis."""

    name: str
    shape: Shape


class Wanted(NamedTuple):
    """What a model file has to fit.

    Attributes:
        card: The data set's.
        layout: In which order the model takes the axes of an example.
        ends: What the contract says of its inputs and outputs.
        activations: What those of a float network are quantised to.
    """

    card: DataCard
    layout: Layout = "nhwc"
    ends: Ends = Ends()
    activations: EndType = "int8"


class MisfitError(ValueError):
    """What a contract says of a model's inputs and outputs does not fit it."""


def _listed(ends: Sequence[End]) -> str:
    return ", ".join(f"'{one.name}' {list(one.shape)}" for one in ends)


def _each_once(key: str, wanted: Sequence[str], found: Sequence[End], *, all_of: bool) -> None:
    """Every name of the contract is one of the model's; and, of inputs, the other way round."""
    known = [one.name for one in found]
    for name in wanted:
        if name not in known:
            raise MisfitError(
                f"`search.{key}` names '{name}', the model has {_listed(found)}{meant(name, known)}"
            )
    unsaid = [one for one in found if one.name not in wanted]
    if unsaid and all_of:
        raise MisfitError(
            f"`search.{key}` does not say which features {_listed(unsaid)} of the model takes"
        )


def example_of(card: DataCard, one: GivenInput) -> tuple[int, ...]:
    """Shape of the part of an example that an input takes."""
    *sides, _ = card.input_shape
    if one.rows is not None:
        sides[0] = one.rows
    return (*sides, len(one.features))


def given_inputs(inputs: Sequence[End], wanted: Wanted) -> tuple[GivenInput, ...]:
    """What each of a model's inputs takes, in their order; nothing where one takes an example.

    Raises:
        MisfitError: The contract does not say it, or says what does not fit.
    """
    card, layout, ends, _ = wanted
    if not ends.inputs:
        if len(inputs) != 1:
            raise MisfitError(
                f"the model has {len(inputs)} inputs, {_listed(inputs)}: say which features each "
                "takes, `search: {inputs: [{name: " + inputs[0].name + ", features: [...]}, ...]}`"
            )
        why = misfit(inputs[0].shape, card.input_shape, layout)
        if why:
            raise MisfitError(why)
        return ()
    said: Mapping[str, GivenInput] = {one.name: one for one in ends.inputs}
    _each_once("inputs", tuple(said), inputs, all_of=True)
    for one in inputs:
        example = example_of(card, said[one.name])
        if misfit(one.shape, example, layout):
            raise MisfitError(
                f"input '{one.name}' of the model takes {list(one.shape)}, `search.inputs` gives "
                f"it {list(example)}"
            )
    return tuple(said[one.name] for one in inputs)


def judged_outputs(outputs: Sequence[End], wanted: Wanted) -> tuple[JudgedOutput | None, ...]:
    """What each of a model's outputs gives, in their order; nothing where one gives all.

    Raises:
        MisfitError: The contract does not say it, or says what does not fit.
    """
    card, ends = wanted.card, wanted.ends
    if not ends.outputs:
        if len(outputs) != 1:
            raise MisfitError(
                f"the model has {len(outputs)} outputs, {_listed(outputs)}: say which give what "
                "the data set wants, `search: {outputs: [{name: " + outputs[0].name + "}]}`"
            )
        _check_count(outputs[0], card.output_count, "the model has {} outputs, the data set wants")
        return ()
    said: Mapping[str, JudgedOutput] = {one.name: one for one in ends.outputs}
    _each_once("outputs", tuple(said), outputs, all_of=False)
    for one in outputs:
        if one.name in said:
            words = f"output '{one.name}' of the model has {{}} elements, `search.outputs` wants"
            _check_count(one, len(said[one.name].gives), words)
    return tuple(said.get(one.name) for one in outputs)


def _check_count(output: End, wanted: int, words: str) -> None:
    sizes = [size for size in output.shape if size is not None]
    if len(sizes) < len(output.shape) or prod(sizes) != wanted:
        found = prod(sizes) if len(sizes) == len(output.shape) else list(output.shape)
        raise MisfitError(f"{words.format(found)} {wanted}")


def order_of(given: Sequence[GivenInput], card: DataCard, layout: Layout) -> NDArray[np.int64]:
    """Which elements of an example a model's inputs take, one input behind the other."""
    first = layout == "nchw"
    if not given:
        return places(card.input_shape, channels_first=first)
    return np.concatenate(
        [places(card.input_shape, one.features, one.rows, channels_first=first) for one in given]
    )


def elements_of(outputs: Sequence[End], judged: Sequence[JudgedOutput | None]) -> list[int]:
    """Which elements of outputs, one behind the other, are judged, in the data set's order."""
    at, found = 0, dict[int, int]()
    for one, said in zip(outputs, judged, strict=True):
        found |= {k: at + element for element, k in enumerate(said.gives if said else ())}
        at += prod(size or 1 for size in one.shape)
    return [found[k] for k in sorted(found)]


def joined_inputs(
    tensors: Sequence[TensorQuantisation], given: Sequence[GivenInput], layout: Layout
) -> TensorQuantisation | JoinedInputs:
    """The record of inputs, of which `given_inputs` said what they take."""
    first = layout == "nchw"
    if not given:
        return tensors[0].model_copy(update={"channels_first": first})
    return JoinedInputs(
        parts=tuple(
            InputPart(
                **{**tensor.model_dump(), "name": one.name, "channels_first": first},
                features=one.features,
                rows=one.rows,
            )
            for tensor, one in zip(tensors, given, strict=True)
        )
    )


def joined_outputs(
    tensors: Sequence[TensorQuantisation],
    ends: Sequence[End],
    judged: Sequence[JudgedOutput | None],
) -> TensorQuantisation | JoinedOutputs:
    """The record of outputs, of which `judged_outputs` said what they give."""
    if not judged:
        return tensors[0]
    return JoinedOutputs(
        parts=tuple(
            OutputPart(
                **{**tensor.model_dump(), "name": end.name},
                gives=() if one is None else one.gives,
            )
            for tensor, end, one in zip(tensors, ends, judged, strict=True)
        )
    )
