"""How far a figure of few examples may be from that of many: its confidence interval.

Shares of examples have Wilson's interval (J. Am. Stat. Assoc. 22, 1927), all others the percentiles
of a circular block bootstrap (Politis and Romano, 1992): windows that share rows are no independent
examples, so neighbours are drawn together. Where a model makes no mistake, whatever is drawn has
none either; then the interval is Wilson's, of the examples that the figure rests on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.contract.goal import HOURLY
from mlforge_tasks.contract.metrics import METRICS
from mlforge_tasks.records import Interval
from mlforge_tasks.verdict import figures
from mlforge_tasks.verdict.decision import SECONDS_AN_HOUR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import DataCard
    from mlforge_tasks.contract.goal import Figure

RESAMPLES = 400
DEFAULT_LEVEL = 0.95
# With fewer independent examples a figure is told with its interval.
FEW = 1000
# What is of one example alone is the same whatever is drawn.
LEAST = 2
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
    """A figure's interval; None where nearly no part of the examples defines it, or it is of one.

    Args:
        figure: Which.
        value: What it is over all examples.
        part: Those.
        level: See `wilson`.
    """
    block, count = block_of(part.card), len(part.targets)
    if figure.metric == HOURLY:
        return _of_alarms(figure, value, part, level)
    counted = figures.counted(figure, part.outputs, part.targets, part.least)
    if counted is not None:
        return wilson(value, max(1.0, counted / block), level)
    if figures.concerned(figure, part.targets) < LEAST:
        return None
    random = np.random.default_rng(SEED)
    drawn = min(count, MOST_DRAWN)
    drawings = (_draw(random, count, drawn, block) for _ in range(RESAMPLES))
    values = (part.value(figure, chosen) for chosen in drawings)
    found = [one for one in values if one is not None]
    rests = _rests_on(figure, part.targets)
    if rests is not None and value in {0.0, 1.0} and set(found) == {value}:
        return wilson(value, max(1.0, rests / block), level)
    if len(found) < RESAMPLES // 2:
        return None
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    narrower = math.sqrt(drawn / count)
    low, high = (value + (float(end) - value) * narrower for end in (low, high))
    return Interval(low=low, high=high, level=level)


def _of_alarms(figure: Figure, value: float, part: Part, level: float) -> Interval | None:
    """Of false alarms in an hour: a share of the examples without anything to detect."""
    quiet = len(part.targets) - figures.positives(figure, part.targets)
    if figure.example_s is None or not quiet:
        return None
    an_hour = SECONDS_AN_HOUR / figure.example_s
    share = wilson(value / an_hour, max(1.0, quiet / block_of(part.card)), level)
    low, high = min(value, share.low * an_hour), max(value, share.high * an_hour)
    return Interval(low=low, high=high, level=level)


def _rests_on(figure: Figure, targets: NDArray[Any]) -> int | None:
    """How many examples one mistake fewer or more of a share is about: those of the rarest class.

    Returns:
        None of what is no share.
    """
    if not METRICS[figure.metric].share or not np.issubdtype(targets.dtype, np.integer):
        return None
    if figure.detects:
        return figures.positives(figure, targets)
    if targets.ndim == 2:
        return int(min(targets.sum(axis=0).min(), (1 - targets).sum(axis=0).min()))
    return int(np.unique(targets, return_counts=True)[1].min())


def _draw(random: np.random.Generator, count: int, drawn: int, block: int) -> NDArray[np.int64]:
    """Numbers of some examples, in blocks of neighbours that go round the end."""
    starts = random.integers(0, count, math.ceil(drawn / block))
    chosen: NDArray[np.int64] = (starts[:, None] + np.arange(block)).reshape(-1)[:drawn] % count
    return chosen
