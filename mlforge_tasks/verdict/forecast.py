"""What an agent expected its proposals to measure, so that the run can tell how far off it was.

`forecast.json` lies beside the proposals of each round. It was written before any of them was
built, so what it says is out of sample.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORECAST = "forecast.json"


class ForecastError(Record):
    """How far off a figure was foretold.

    Attributes:
        median: Of the error's size, as a share of the measured figure.
        count: Of how many candidates.
    """

    median: float
    count: int


class Forecast(Record):
    """One round's.

    Attributes:
        candidates: For each proposal what is expected, by metric.
        so_far: How far off the same model was on the candidates of earlier rounds, each foretold
            from those before it only, by metric.
    """

    candidates: tuple[dict[str, float], ...]
    so_far: dict[str, ForecastError]


def errors(
    pairs: Iterable[tuple[Mapping[str, float], Mapping[str, float]]],
) -> dict[str, ForecastError]:
    """How far off each figure was.

    Args:
        pairs: What was expected and what was measured, by metric, one pair a candidate. A figure
            that was not measured does not count.
    """
    missed: dict[str, list[float]] = {}
    for expected, measured in pairs:
        for metric, value in expected.items():
            if measured.get(metric):
                missed.setdefault(metric, []).append(abs(value / measured[metric] - 1.0))
    return {
        metric: ForecastError(median=round(statistics.median(found), 4), count=len(found))
        for metric, found in missed.items()
    }
