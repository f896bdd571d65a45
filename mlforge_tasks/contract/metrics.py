"""Which metrics there are: what task has them, whether less or more is better, their unit.

To add one: its line here, and its function in `verdict/figures.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.contract.target import Task

Direction = Literal["minimize", "maximize"]
# What a metric may need beside its target, by the goal's key.
Parameter = Literal["quantile", "precision", "recall"]


@dataclass(frozen=True)
class Metric:
    """What a metric is.

    Attributes:
        tasks: That have it.
        direction: Whether it should be small or large.
        unit: Its unit, with `{}` for that of the predicted quantity.
        share: Whether it lies between 0 and 1, so that `72 %` may be written.
        parameter: What it needs beside its target.
        standard: Whether it is told of every model, asked or not.
        ranges_only: Whether, for regression, it is defined only for a range of the target.
        detects: Whether it is of one label that is told from all others by a threshold.
        most: What it is at the most.
    """

    tasks: tuple[Task, ...]
    direction: Direction
    unit: str = "1"
    share: bool = False
    parameter: Parameter | None = None
    standard: bool = False
    ranges_only: bool = False
    detects: bool = False
    most: float = math.inf

    def unit_of(self, quantity: str) -> str:
        """Its unit for a predicted quantity in that unit; the square of none is none."""
        return "1" if quantity == "1" and "{}" in self.unit else self.unit.format(quantity)


_REGRESSION: tuple[Task, ...] = ("regression",)
_CLASSES: tuple[Task, ...] = ("classification",)
_SCORED: tuple[Task, ...] = (*_CLASSES, "multilabel", "anomaly")
_ALL = (*_REGRESSION, *_SCORED)

METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "mse": Metric(_REGRESSION, "minimize", "({})^2", standard=True),
        "mae": Metric(_REGRESSION, "minimize", "{}", standard=True),
        "rmse": Metric(_REGRESSION, "minimize", "{}"),
        "r2": Metric(_REGRESSION, "maximize", most=1.0),
        "quantile_error": Metric(_REGRESSION, "minimize", "{}", parameter="quantile"),
        "recall": Metric(_ALL, "maximize", share=True, ranges_only=True, detects=True),
        "precision": Metric(_ALL, "maximize", share=True, ranges_only=True, detects=True),
        "accuracy": Metric(_CLASSES, "maximize", share=True, standard=True),
        "balanced_accuracy": Metric(_CLASSES, "maximize", share=True),
        "macro_f1": Metric((*_CLASSES, "multilabel"), "maximize", share=True),
        "auc": Metric(_SCORED, "maximize", share=True, standard=True),
        "f1": Metric(_SCORED, "maximize", share=True, detects=True),
        "average_precision": Metric(_SCORED, "maximize", share=True, detects=True),
        "recall_at_precision": Metric(
            _SCORED, "maximize", share=True, parameter="precision", detects=True
        ),
        "precision_at_recall": Metric(
            _SCORED, "maximize", share=True, parameter="recall", detects=True
        ),
        "false_alarms_per_hour": Metric(
            _SCORED, "minimize", "1/h", parameter="recall", detects=True
        ),
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
        if task in metric.tasks and (ranges or task != "regression" or not metric.ranges_only)
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
