"""What the features and targets of a data set look like: ranges, medians, histograms."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks import windows
from mlforge_tasks.contract.data_card import SPLITS
from mlforge_tasks.page import drawn
from mlforge_tasks.page.evaluated import input_ranges, raw_units
from mlforge_tasks.windows import covered
from mlforge_tasks.yaml_file.units import format_share

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from markupsafe import Markup
    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import DataCard, FeatureCard
    from mlforge_tasks.quantisation import Quantisation

MOST_FEATURES, MOST_OUTPUTS = 24, 6
# Rows that medians and histograms are of; evenly spread where there are more.
MOST_ROWS, MOST_VALUES = 20_000, 200_000
MOST_LOOKED_AT = 2_000_000
# From one example's row to the next one's, so that all places of a window are there.
PRIME = 7919
BINS = 32


@dataclass(frozen=True)
class Quantity:
    """One feature over the training examples.

    Attributes:
        card: Name, unit and range.
        median: Of the values.
        histogram: From the least to the greatest value, with the ends of the int8 input.
        input_range: What the int8 input can hold, in words; empty where no model is known.
        outside: Which share of the values lies beyond; empty where none does.
    """

    card: FeatureCard
    median: float
    histogram: Markup
    input_range: str
    outside: str


@dataclass(frozen=True)
class Quantities:
    """Those that are shown.

    Attributes:
        each: In the data set's order.
        left_out: How many are not shown.
        sampled: How many rows medians and histograms are of; 0 where of all.
    """

    each: tuple[Quantity, ...]
    left_out: int
    sampled: int


@dataclass(frozen=True)
class Target:
    """One predicted quantity.

    Attributes:
        card: Name, unit and range.
        splits: By split, its least, median and greatest value, and a histogram.
    """

    card: FeatureCard
    splits: tuple[tuple[str, tuple[float, float, float], Markup], ...]


def features(folder: Path, card: DataCard, quantisation: Quantisation | None) -> Quantities:
    """The features over the rows that training examples hold, in original units.

    Args:
        folder: The prepared data set.
        card: Its card.
        quantisation: The model's; None where there is none.
    """
    examples = windows.read(folder, "train", card.window_length)
    some, whole = rows_of(examples.starts, len(examples.rows), card.window_length or 1)
    values = raw_units(examples.rows[some], card).reshape(-1, len(card.features))
    values = values[:: max(1, -(-len(values) // MOST_VALUES))]
    known = repeat(None) if quantisation is None else input_ranges(quantisation, card)
    return Quantities(
        each=tuple(
            _quantity(feature, column, reach)
            for feature, column, reach in zip(
                card.features[:MOST_FEATURES], values.T, known, strict=False
            )
        ),
        left_out=max(0, len(card.features) - MOST_FEATURES),
        sampled=0 if whole else len(some),
    )


def rows_of(starts: NDArray[np.int64], rows: int, length: int) -> tuple[NDArray[np.int64], bool]:
    """Rows that examples hold, evenly spread where they are many, and whether these are all.

    Args:
        starts: First row of each example, [N].
        rows: How many rows there are.
        length: Rows of an example.
    """
    if rows > MOST_LOOKED_AT:  # an hour of sound; to mark every row takes longer than the page
        some = starts[:: max(1, -(-len(starts) // MOST_ROWS))]
        return some + np.arange(len(some)) * PRIME % length, False
    used = np.flatnonzero(covered(starts, rows, length))
    chosen = used[:: max(1, -(-len(used) // MOST_ROWS))]
    return chosen, len(chosen) == len(used)


def _quantity(
    card: FeatureCard, values: NDArray[Any], reach: tuple[float, float] | None
) -> Quantity:
    span = card.maximum - card.minimum
    marks, said, outside = [], "", ""
    if reach is not None and np.isfinite(reach).all():
        said = f"{reach[0]:.4g} to {reach[1]:.4g}"
        beyond = float(np.mean((values < reach[0]) | (values > reach[1])))
        outside = format_share(beyond) if beyond else ""
        marks = [(end - card.minimum) / span for end in reach] if span > 0 else []
    counts = np.histogram(values, BINS, (card.minimum, card.minimum + (span or 1.0)))[0]
    return Quantity(
        card=card,
        median=float(np.median(values)),
        histogram=drawn.bars(counts.tolist(), marks),
        input_range=said,
        outside=outside,
    )


def targets(folder: Path, card: DataCard) -> tuple[Target, ...]:
    """The predicted quantities by split, all within one range; none of a classifier."""
    return tuple(
        Target(output, tuple(_by_split(folder, at)))
        for at, output in enumerate(card.outputs[:MOST_OUTPUTS])
    )


def _by_split(folder: Path, at: int) -> Iterator[tuple[str, tuple[float, float, float], Markup]]:
    each = {one: windows.read_targets(folder, one)[:, at].astype(np.float64) for one in SPLITS}
    low, high = min(one.min() for one in each.values()), max(one.max() for one in each.values())
    for name, values in each.items():
        counts = np.histogram(values, BINS, (low, high if high > low else low + 1.0))[0]
        told = (float(values.min()), float(np.median(values)), float(values.max()))
        yield name, told, drawn.bars(counts.tolist())
