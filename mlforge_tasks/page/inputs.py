"""An example's input drawn small, in the units of the data: lines, bars of values, or an image."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from mlforge_tasks.page import drawn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup
    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import DataCard

# Features of an example that are drawn, or whose values are told.
MOST_FEATURES = 6
MOST_VALUES = 12
# Axes of an image: height, width, channels.
IMAGE = 3


@dataclass(frozen=True)
class Trace:
    """One feature of an example.

    Attributes:
        name: Of the feature.
        said: Its values in words: the one, or the least and the greatest.
        line: Its values over the window; empty where there is one.
    """

    name: str
    said: str
    line: Markup | str


@dataclass(frozen=True)
class Picture:
    """An example's input.

    Attributes:
        image: Where it is an image; empty otherwise.
        traces: By feature, where it is none.
        left_out: Features that are not drawn.
    """

    image: Markup | str
    traces: tuple[Trace, ...]
    left_out: int


def picture(values: NDArray[Any], card: DataCard) -> Picture:
    """One example.

    Args:
        values: Of `input_shape`, in original units.
        card: The data set's card, whose training ranges are what lines and shades are within.
    """
    shape = values.shape
    if len(shape) >= IMAGE and prod(shape[-3:-1]) > 1:
        last = values.reshape(-1, *shape[-3:])[-1]
        low = min(one.minimum for one in card.features)
        high = max(one.maximum for one in card.features)
        said = f"{shape[-3]} by {shape[-2]}"
        return Picture(drawn.image(last, low, high, f"the input, {said}"), (), 0)
    columns = values.reshape(-1, len(card.features))
    most = MOST_FEATURES if len(columns) > 1 else MOST_VALUES
    traces = tuple(_traces(columns[:, :most], card))
    return Picture("", traces, max(0, len(card.features) - most))


def _traces(columns: NDArray[Any], card: DataCard) -> Iterator[Trace]:
    for values, feature in zip(columns.T, card.features, strict=False):
        unit = "" if feature.unit == "1" else f" {feature.unit}"
        if len(values) == 1:
            yield Trace(feature.name, f"{values[0]:.4g}{unit}", "")
            continue
        low, high = float(values.min()), float(values.max())
        line = drawn.line(values, min(low, feature.minimum), max(high, feature.maximum))
        yield Trace(feature.name, f"{low:.4g} to {high:.4g}{unit}", line)
