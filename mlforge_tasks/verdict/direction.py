"""Which metrics there are, and whether less or more of one is better; `metrics` computes them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Direction = Literal["minimize", "maximize"]

TASK_METRICS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"regression": ("mse", "mae"), "classification": ("accuracy", "auc")}
)


def direction(metric: str) -> Direction:
    """Whether a metric should be small or large.

    Raises:
        KeyError: There is no such metric.
    """
    if metric in TASK_METRICS["regression"]:
        return "minimize"
    if metric in TASK_METRICS["classification"]:
        return "maximize"
    raise KeyError(metric)


def better(metric: str, value: float, best: float | None) -> bool:
    """Whether a value beats the best one so far; equal is not better."""
    if best is None:
        return True
    return value < best if direction(metric) == "minimize" else value > best
