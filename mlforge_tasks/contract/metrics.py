"""Which metrics there are: what task has them, whether less or more is better, their unit.

To add one: its line here, and its function in `verdict/figures.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.contract.dataset import Task

Direction = Literal["minimize", "maximize"]
# What a metric may need beside its target, by the goal's key.
Parameter = Literal["quantile"]


@dataclass(frozen=True)
class Metric:
    """What a metric is.

    Attributes:
        tasks: That have it.
        direction: Whether it should be small or large.
        unit: Its unit, with `{}` for that of the predicted quantity.
        share: Whether it lies between 0 and 1, so that `72 %` may be written.
        parameter: What it needs beside its target.
        labels: How many labels it is for; None where it does not matter.
        standard: Whether it is told of every model, asked or not.
        ranges_only: Whether it is defined only for a range of the target.
    """

    tasks: tuple[Task, ...]
    direction: Direction
    unit: str = "1"
    share: bool = False
    parameter: Parameter | None = None
    labels: int | None = None
    standard: bool = False
    ranges_only: bool = False


_REGRESSION: tuple[Task, ...] = ("regression",)
_CLASSES: tuple[Task, ...] = ("classification",)

METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "mse": Metric(_REGRESSION, "minimize", "({})^2", standard=True),
        "mae": Metric(_REGRESSION, "minimize", "{}", standard=True),
        "rmse": Metric(_REGRESSION, "minimize", "{}"),
        "r2": Metric(_REGRESSION, "maximize"),
        "quantile_error": Metric(_REGRESSION, "minimize", "{}", parameter="quantile"),
        "recall": Metric(_REGRESSION, "maximize", share=True, ranges_only=True),
        "precision": Metric(_REGRESSION, "maximize", share=True, ranges_only=True),
        "accuracy": Metric(_CLASSES, "maximize", share=True, standard=True),
        "auc": Metric(_CLASSES, "maximize", share=True, labels=2, standard=True),
    }
)


def metrics_of(task: Task, *, ranges: bool = False) -> tuple[str, ...]:
    """The metrics that a goal of this task may name.

    Args:
        task: What is predicted.
        ranges: Whether it is about a range of the target.
    """
    return tuple(
        name
        for name, metric in METRICS.items()
        if task in metric.tasks and (ranges or not metric.ranges_only)
    )


def direction(metric: str) -> Direction:
    """Whether a metric should be small or large.

    Raises:
        KeyError: There is no such metric.
    """
    return METRICS[metric].direction


def better(metric: str, value: float, best: float | None) -> bool:
    """Whether a value beats the best one so far; equal is not better."""
    if best is None:
        return True
    return value < best if direction(metric) == "minimize" else value > best
