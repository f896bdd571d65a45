"""How far a figure of few examples may be from that of many: its confidence interval.

Shares of examples have Wilson's interval (J. Am. Stat. Assoc. 22, 1927), all others the percentiles
of a circular block bootstrap (Politis and Romano, 1992): windows that share rows are no independent
examples, so neighbours are drawn together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.records import Interval
from mlforge_tasks.verdict import figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import DataCard
    from mlforge_tasks.contract.goal import Figure

RESAMPLES = 400
DEFAULT_LEVEL = 0.95
# With fewer independent examples a figure is told with its interval.
FEW = 1000
# Of more examples so many are drawn, and the spread is that of all (it falls as 1 / sqrt(N)).
MOST_DRAWN = 20_000
SEED = 1


def wilson(share: float, count: float, level: float) -> Interval:
    """Of a share of independent examples.

    Args:
        share: From 0 to 1.
        count: Of how many examples; need not be whole.
        level: How likely the interval holds the share of all examples there could be.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    spread = z * z / count
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return Interval(low=max(0.0, middle - half), high=min(1.0, middle + half), level=level)


def independent(card: DataCard, examples: int) -> float:
    """How many examples share no row of the source with one another."""
    return examples / block_of(card)


def block_of(card: DataCard) -> int:
    """How many examples in a row share rows with the first of them, itself included."""
    return 1 if card.window is None else math.ceil(card.window.span / card.window.stride)


@dataclass(frozen=True)
class Part:
    """What a figure is of.

    Attributes:
        outputs: As `figures.value_of` takes them.
        targets: Likewise.
        card: The data set's card.
        least: The thresholds of a detector.
    """

    outputs: NDArray[np.float64]
    targets: NDArray[Any]
    card: DataCard
    least: tuple[float, ...] | None = None

    def value(self, figure: Figure, chosen: NDArray[np.int64]) -> float | None:
        """A figure of some of the examples."""
        outputs, targets = self.outputs[chosen], self.targets[chosen]
        return figures.value_of(figure, outputs, targets, self.card, self.least)


def interval(figure: Figure, value: float, part: Part, level: float) -> Interval | None:
    """A figure's interval; None where nearly no part of the examples defines it.

    Args:
        figure: Which.
        value: What it is over all examples.
        part: Those.
        level: See `wilson`.
    """
    block, count = block_of(part.card), len(part.targets)
    counted = figures.counted(figure, part.outputs, part.targets)
    if counted is not None:
        return wilson(value, max(1.0, counted / block), level)
    random = np.random.default_rng(SEED)
    drawn = min(count, MOST_DRAWN)
    drawings = (_draw(random, count, drawn, block) for _ in range(RESAMPLES))
    values = (part.value(figure, chosen) for chosen in drawings)
    found = [one for one in values if one is not None]
    if len(found) < RESAMPLES // 2:
        return None
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    narrower = math.sqrt(drawn / count)
    low, high = (value + (float(end) - value) * narrower for end in (low, high))
    return Interval(low=low, high=high, level=level)


def _draw(random: np.random.Generator, count: int, drawn: int, block: int) -> NDArray[np.int64]:
    """Numbers of some examples, in blocks of neighbours that go round the end."""
    starts = random.integers(0, count, math.ceil(drawn / block))
    chosen: NDArray[np.int64] = (starts[:, None] + np.arange(block)).reshape(-1)[:drawn] % count
    return chosen
