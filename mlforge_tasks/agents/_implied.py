"""What limits on other figures leave of RAM, flash, latency and stack, by what was measured.

A design's energy, say, is not foretold from its layers; but it grows with its latency, and measured
candidates tell how. A figure that must be large, such as inferences a second, is taken by its
reciprocal, which then grows. How much of a figure does not grow is not known at first: as long as
every candidate keeps a limit, it implies nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlforge_tasks.agents import OtherLimit
    from mlforge_tasks.verdict.trial import Trial


def implied(
    others: Iterable[OtherLimit], history: Iterable[Trial], latency_metric: str
) -> dict[str, float]:
    """The bounds that other limits imply, by the figure that they grow with.

    Args:
        others: The other limits.
        history: What was measured so far.
        latency_metric: The latency that is limited, which stands for `latency_us`.
    """
    trials = list(history)
    bounds: dict[str, float] = {}
    for other in others:
        if other.grows_with is None:
            continue
        name = latency_metric if other.grows_with == "latency_us" else other.grows_with
        bound = _bound(other, list(_points(other, trials, name)))
        if bound is not None:
            bounds[other.grows_with] = min(bound, bounds.get(other.grows_with, bound))
    return bounds


def _points(other: OtherLimit, trials: Iterable[Trial], name: str) -> Iterator[tuple[float, float]]:
    """What each trial has of the figure that both grow with, and of the limited one."""
    for trial in trials:
        found = {one.metric: one.value for one in trial.of_its_shapes}
        base, value = found.get(name), found.get(other.metric)
        if base and value and base > 0 and value > 0:
            yield base, value if other.direction == "at_most" else 1 / value


def _bound(other: OtherLimit, points: list[tuple[float, float]]) -> float | None:
    """Where a line meets the limit: from the nearest that keeps it to the nearest that does not."""
    limit = other.limit if other.direction == "at_most" else 1 / other.limit
    broken = min((one for one in points if one[1] > limit), default=None)
    if broken is None or limit <= 0:
        return None
    base, value = broken
    kept = max((one for one in points if one[1] <= limit and one[0] < base), default=(0.0, 0.0))
    return kept[0] + (base - kept[0]) * (limit - kept[1]) / (value - kept[1]) or None
