"""What the best candidate reaches on data: each figure, beside what the float network has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.page.evaluated import Evaluated
from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import clipped, fill
from mlforge_tasks.verdict.baselines import WORDS
from mlforge_tasks.yaml_file.units import format_share, format_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.page.evaluated import Part
    from mlforge_tasks.page.found import Found
    from mlforge_tasks.verdict.evaluation import Rail

# A tensor of which less stands at an end of its range is not told of; and how many are.
TOLD_FROM, MOST_RAILS = 0.01, 12
_PROBABLE = ("classification", "multilabel")


@dataclass(frozen=True)
class Row:
    """A figure on a split.

    Attributes:
        name: Which figure.
        split: Which split.
        value: Of the int8 model.
        interval: How sure it is; empty where that is not told.
        float_value: Of the float network; empty where there is none.
        without: By rule without a model, in the order of the table; empty where one has none.
    """

    name: str
    split: str
    value: str
    interval: str
    float_value: str
    without: tuple[str, ...]


def section(found: Found) -> Section | None:
    """A table of every figure that is asked, on validation and test; and what saturates."""
    evaluated = Evaluated.of(found)
    if evaluated is None or not evaluated.parts:
        return None
    units = {one.metric: one.unit for one in found.report.bounds}
    of_all = [one.rule for part in evaluated.parts for one in part.judged.without_model]
    judged_by = {one.against for one in found.report.without_model}  # the best of them
    rules = tuple(
        sorted((one for one in WORDS if one in of_all), key=lambda one: one not in judged_by)
    )
    body = fill(
        "quality.html",
        rows=[one for part in evaluated.parts for one in _rows(part, units, tuple(rules))],
        rules=[WORDS[one] for one in rules],
        sizes=[f"{part.judged.examples:,} examples of {part.name}" for part in evaluated.parts],
        dtype=evaluated.quantisation.output.dtype,
        note=evaluated.test_note(),
        rails=list(_saturated(evaluated)),
        splits=[part.name for part in evaluated.parts],
    )
    return Section("quality", "On data", body)


def _rows(part: Part, units: dict[str, str], rules: tuple[str, ...]) -> Iterator[Row]:
    judged = part.judged
    known = {one.rule: one.figures for one in judged.without_model}
    for name, value in judged.figures.items():
        unit = units.get(name, "1")
        interval, of_float = judged.intervals.get(name), judged.float_figures.get(name)
        texts = [known.get(rule, {}).get(name) for rule in rules]  # type: ignore[call-overload]
        said = ""
        if interval is not None:
            low, high = format_value(interval.low, unit), format_value(interval.high, unit)
            said = f"{low} to {high} at {format_share(interval.level)}"
        yield Row(
            name=name,
            split=part.name,
            value=format_value(value, unit),
            interval=said,
            float_value="" if of_float is None else format_value(of_float, unit),
            without=tuple("" if one is None else format_value(one, unit) for one in texts),
        )


def _saturated(evaluated: Evaluated) -> Iterator[tuple[str, ...]]:
    """Inputs and outputs of which much stands at an end of the range, by split; worst first.

    Classes' outputs are left out: their ends are the probabilities 0 and 1.
    """
    kinds = ("input",) if evaluated.card.task in _PROBABLE else ("input", "output")
    for kind in kinds:
        rails = [getattr(part.judged, f"{kind}_rails") for part in evaluated.parts]
        worst = [(max(map(_share, each)), each) for each in zip(*rails, strict=True)]
        told = sorted((one for one in worst if one[0] >= TOLD_FROM), key=lambda one: -one[0])
        for _, each in told[:MOST_RAILS]:
            texts = (
                f"{format_share(_share(one))}: {one.at_low:,} at the lower end, "
                f"{one.at_high:,} at the upper, of {one.values:,}"
                for one in each
            )
            yield f"{kind} '{clipped(each[0].name)}'", *texts


def _share(rail: Rail) -> float:
    return rail.share if rail.values else 0.0
