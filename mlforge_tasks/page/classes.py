"""What each class is taken for: the confusion matrix, and each class's recall and precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.page.evaluated import Evaluated
from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill
from mlforge_tasks.yaml_file.units import format_share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlforge_tasks.page.evaluated import Part
    from mlforge_tasks.page.found import Found
    from mlforge_tasks.verdict.evaluation import ClassFigures

# More classes are a table that nobody reads, and 200 KB; the pairs below it say what matters.
MOST_CLASSES = 60
# With more, a cell has its count alone.
ROOMY = 12
# With so few, the splits' tables stand beside each other where there is room: half of the page's
# width holds them whole.
BESIDE = 3
MOST_PAIRS = 10


@dataclass(frozen=True)
class Cell:
    """A class's examples that were taken for one of the classes.

    Attributes:
        count: How many.
        share: Of the class's examples.
        text: That in words.
        right: Whether it is that class.
    """

    count: int
    share: float
    text: str
    right: bool


@dataclass(frozen=True)
class Matrix:
    """A split's confusion matrix.

    Attributes:
        split: Which split.
        rows: Each class with its cells and how many examples it has.
        shown: Whether there are few enough classes.
        pairs: What is taken for another class most often, a line each.
    """

    split: str
    rows: tuple[tuple[str, tuple[Cell, ...], int], ...]
    shown: bool
    pairs: tuple[str, ...]


def section(found: Found) -> Section | None:
    """Of a model that tells classes apart, or says which of several labels are there."""
    evaluated = Evaluated.of(found)
    if evaluated is None or not any(part.judged.classes for part in evaluated.parts):
        return None
    labels = evaluated.card.labels
    body = fill(
        "classes.html",
        labels=labels,
        matrices=[_matrix(part, labels) for part in evaluated.parts if part.judged.confusion],
        classes=[_by_split(evaluated.parts, label) for label in labels],
        splits=[part.name for part in evaluated.parts],
        several=evaluated.card.task == "multilabel",
        roomy=len(labels) <= ROOMY,
        beside=len(labels) <= BESIDE,
        decides=evaluated.decision is not None,
        note=evaluated.test_note(),
    )
    return Section("classes", "Classes", body)


def _matrix(part: Part, labels: Sequence[str]) -> Matrix:
    counts = part.judged.confusion
    shown = len(labels) <= MOST_CLASSES
    return Matrix(
        split=part.name,
        rows=tuple(
            (label, tuple(_cells(row, at)), sum(row))
            for at, (label, row) in enumerate(zip(labels, counts, strict=True))
            if shown
        ),
        shown=shown,
        pairs=tuple(_pairs(counts, labels)),
    )


def _cells(row: Sequence[int], own: int) -> Iterator[Cell]:
    whole = sum(row) or 1
    for at, count in enumerate(row):
        text = format_share(count / whole) if count else ""
        yield Cell(count, count / whole, text, right=at == own)


def _pairs(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> Iterator[str]:
    """What is confused most often, first; of equal ones in the order of the labels."""
    wrong = [
        (count, truth, said)
        for truth, row in enumerate(counts)
        for said, count in enumerate(row)
        if count and said != truth
    ]
    for count, truth, said in sorted(wrong, key=lambda one: -one[0])[:MOST_PAIRS]:
        whole = sum(counts[truth])
        share = format_share(count / whole)
        yield f"'{labels[truth]}' is taken for '{labels[said]}': {count:,} of {whole:,} ({share})"


def _by_split(parts: Sequence[Part], label: str) -> tuple[str, tuple[ClassFigures | None, ...]]:
    """A class's figures on each split; None where the split has nothing to tell of it."""
    known = [{one.label: one for one in part.judged.classes} for part in parts]
    return label, tuple(one.get(label) for one in known)
