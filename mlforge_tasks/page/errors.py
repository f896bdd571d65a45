"""The errors, worst first, each with where it is in the data and what the model was given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.page.evaluated import Evaluated
from mlforge_tasks.page.inputs import Picture, picture
from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill
from mlforge_tasks.page.worst import worst_first, wrong

if TYPE_CHECKING:
    from mlforge_tasks.origins import Origin
    from mlforge_tasks.page.evaluated import Part
    from mlforge_tasks.page.found import Found

# Of each split.
MOST_ERRORS = 12


@dataclass(frozen=True)
class Error:
    """One example that the model is wrong about.

    Attributes:
        true: What was true of it.
        said: What the model said.
        place: Where its input is in the data.
        recording: Which recording that is, and where in it; empty where there is one alone.
        group: Its group; empty where the data has none.
        picture: What the model was given.
    """

    true: str
    said: str
    place: str
    recording: str
    group: str
    picture: Picture


@dataclass(frozen=True)
class Split:
    """One split's errors.

    Attributes:
        name: Of the split.
        errors: Worst first.
        wrong: How many examples it is wrong about; None of a regression, which is never right.
        examples: Of how many.
        by: What they are ordered by.
    """

    name: str
    errors: tuple[Error, ...]
    wrong: int | None
    examples: int
    by: str


def section(found: Found) -> Section | None:
    """The worst few of each split that judges."""
    evaluated = Evaluated.of(found)
    if evaluated is None or not evaluated.parts:
        return None
    window = evaluated.card.window
    body = fill(
        "errors.html",
        splits=[_split(evaluated, part) for part in evaluated.parts],
        overlap=window is not None and window.span > window.stride,
        note=evaluated.test_note(),
    )
    return Section("errors", "Worst errors", body)


def _split(evaluated: Evaluated, part: Part) -> Split:
    window = evaluated.card.window
    found = wrong(evaluated, part)
    span = 1 if window is None else window.span
    worst = list(worst_first(found.severity, part.windows.starts, span, MOST_ERRORS))
    mistaken = int(np.count_nonzero(found.severity))
    values = evaluated.values(part, np.array(worst, np.int64))
    return Split(
        name=part.name,
        errors=tuple(
            _error(evaluated, part, at, found.told.of(at), picture(given, evaluated.card))
            for at, given in zip(worst, values, strict=True)
        ),
        wrong=None if evaluated.card.task == "regression" else mistaken,
        examples=len(part.targets),
        by=found.by,
    )


def _error(
    evaluated: Evaluated, part: Part, at: int, told: tuple[str, str], given: Picture
) -> Error:
    row, card = int(part.windows.starts[at]), evaluated.card
    origin = None
    if evaluated.origins is not None:
        origin = evaluated.origins.of(row, card.window_length or 1)
    return Error(
        true=told[0],
        said=told[1],
        place=f"row {row:,} of the data" if origin is None else origin.place,
        recording="" if origin is None else _recording(origin, card.interval_s),
        group="" if origin is None else origin.group,
        picture=given,
    )


def _recording(origin: Origin, interval_s: float | None) -> str:
    """Which of several recordings, and from which row of it; from which second, where known."""
    if origin.recordings == 1:
        return ""
    at = "" if interval_s is None else f", {origin.row * interval_s:,.4g} s from its beginning"
    return f"recording {origin.recording + 1:,} of {origin.recordings:,}, row {origin.row:,}{at}"
