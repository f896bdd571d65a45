"""Copies whose elements are picked along each axis, whatever operator asks for them.

An output element's place in the input is a sum over its axes. Where an axis picks elements that are
equally far apart, or each of them several times, it takes no table; where no axis takes one,
`aot_view_s8` copies them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.program import (
    Alias,
    Call,
    Constant,
    Data,
    Folded,
    Parameters,
    Step,
)
from mlforge_tasks.engines._aot.view import VIEW_AXES, merged, view_call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Lowered, Value

    _Places = NDArray[np.int64]

PICK_AXES = 4
_MOST_PLACE = 0xFFFF


@dataclass(frozen=True)
class Picked:
    """One axis of an output.

    Attributes:
        places: For each of its elements, which along the axis of the input.
        step: Bytes from a place of the input to the next.
    """

    places: _Places
    step: int


@dataclass(frozen=True)
class _Axis:
    """An axis as kernels have it; no places where element `i` is at `i` steps."""

    size: int
    step: int
    places: _Places | None = None


def every(size: int) -> _Places:
    """All places of an axis."""
    return np.arange(size)


def _spacing(places: _Places) -> int | None:
    """How far apart places are, where all are equally far."""
    gaps = np.unique(np.diff(places))
    return int(gaps[0]) if len(gaps) == 1 else None if len(gaps) else 0


def _even(picked: Picked) -> list[_Axis] | None:
    """The axis without places: as it is, or as one of places that each come several times."""
    spacing = _spacing(picked.places)
    if spacing is not None:
        return [_Axis(len(picked.places), spacing * picked.step)]
    changes = np.flatnonzero(np.diff(picked.places)) + 1
    times = int(changes[0])
    if len(picked.places) % times:
        return None
    groups = picked.places.reshape(-1, times)
    spacing = _spacing(groups[:, 0])
    if spacing is None or (groups != groups[:, :1]).any():
        return None
    return [_Axis(len(groups), spacing * picked.step), _Axis(times, 0)]


def _as_view(axes: Sequence[Picked]) -> list[tuple[int, int]] | None:
    """Axes as (size, step), where there are no others and not too many."""
    found = [_even(each) for each in axes]
    pairs = [(axis.size, axis.step) for each in found for axis in each or []]
    fits = None not in found and len(merged(pairs)) <= VIEW_AXES
    return pairs if fits else None


def _tabled(axes: Sequence[Picked]) -> tuple[list[_Axis], int, int]:
    """Axes with places where they need them, the run of bytes in each, and what to start from."""
    made: list[_Axis] = []
    run = 1
    first = 0
    for each in reversed(axes):
        spacing = _spacing(each.places)
        size = len(each.places)
        lowest = int(each.places[0] if spacing is not None else each.places.min())
        first += lowest * each.step
        if size == 1:
            continue
        if not made and spacing is not None and spacing * each.step == run:
            run *= size
        elif spacing is not None:
            made.append(_Axis(size, spacing * each.step))
        else:
            made.append(_Axis(size, each.step, each.places - lowest))
    return made[::-1], run, first


def _with_places(operator: Operator, axes: Sequence[Picked], source: int) -> Step:
    """The call of `aot_pick_s8`.

    Raises:
        CandidateFailure: There are too many axes, or places.
    """
    made, run, first = _tabled(axes)
    most = max(int(each.places.max()) for each in made if each.places is not None)
    if len(made) > PICK_AXES or most > _MOST_PLACE:
        raise unsupported(
            f"{operator.op} '{operator.name}' along {len(made)} axes, up to place {most}",
            f"use {PICK_AXES} axes of {_MOST_PLACE} at most",
        )
    constants: list[Constant] = []
    members: list[Value] = []
    for each in (*[_Axis(1, 0)] * (PICK_AXES - len(made)), *made):
        name = "NULL"
        if each.places is not None:
            name = f"{operator.name}_places{len(constants)}"
            constants.append(Constant(name, "uint16_t", each.places.astype(np.uint16)))
        axis: dict[str, Value] = {"places": name, "size": each.size, "step": each.step}
        members.append(axis)
    parameters: dict[str, Value] = {"axes": tuple(members), "run": run}
    arguments = (f"&{operator.name}", Data(source, first), Data(operator.output))
    return Step(
        calls=(Call("aot_pick_s8.h", "aot_pick_s8", arguments),),
        constants=tuple(constants),
        parameters=Parameters(operator.name, "aot_pick_t", parameters),
    )


def pick(operator: Operator, graph: Graph, axes: Sequence[Picked], source: int = 0) -> Lowered:
    """A copy of picked elements of one of an operator's inputs.

    Args:
        operator: The operator.
        graph: Its graph.
        axes: Of the output, outermost first.
        source: Which of its inputs.

    Raises:
        CandidateFailure: There are too many axes, or places.
    """
    index = operator.inputs[source]
    values = graph.tensors[index].data
    if values is not None:
        places = np.zeros(1, np.int64)
        for each in axes:
            places = np.add.outer(places, each.places * each.step).ravel()
        return Folded(values.ravel()[places].reshape(graph.output_of(operator).shape))
    view = _as_view(axes)
    if view is None:
        return _with_places(operator, axes, index)
    if merged(view) == [(graph.tensors[index].size, 1)]:
        return Alias(index)
    first = sum(int(each.places[0]) * each.step for each in axes)
    call, constant = view_call(operator, view, Data(index, first), Data(operator.output))
    return Step(calls=(call,), constants=(constant,))
