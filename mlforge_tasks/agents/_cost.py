"""Predicts RAM, flash and latency from static figures, and learns from what was measured.

Each figure is taken as a sum of features (multiply-accumulates of each class, weights, ...) times
constants. The constants start as documented guesses with a stated uncertainty; every measured
candidate narrows them down (Bayesian linear regression on relative errors, in closed form). The
prediction therefore comes with an error bar of its own: wide before anything was measured, narrow
near what was. Rejecting on its upper end is careful at the start and exact in the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlforge_tasks.agents import DesignBrief, Trial
    from mlforge_tasks.architecture import StaticFigures


Floats: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = dict[str, Floats]

# What a sum of terms cannot express, relative to the figure: alignment, loop edges, the planner.
MODEL_ERROR = 0.03
# Share by which a constant may turn out lower than guessed, at most: costs are never negative.
LOWEST_SCALE = 0.02
# Upper end of a prediction, in standard deviations: about 1 in 40 candidates would exceed it.
UPPER_DEVIATIONS = 2.0

_SOURCE_RANK = {"hardware": 0, "emulated": 1}


@dataclass(frozen=True)
class Feature:
    """One term of a prediction.

    Attributes:
        constant: First guess of what one unit costs.
        deviation: Its relative standard deviation: how little the guess is worth.
        count: How many units a network has.
    """

    constant: float
    deviation: float
    count: Callable[[StaticFigures], float]


def _macs(figures: StaticFigures, *operations: str) -> float:
    return sum(layer.macs for layer in figures.layers if layer.operation in operations)


def _elements(figures: StaticFigures) -> float:
    return sum(layer.output_bytes for layer in figures.layers)


def _channels(figures: StaticFigures) -> float:
    return sum(layer.channels for layer in figures.layers)


def _reads(figures: StaticFigures) -> float:
    return sum(layer.reads for layer in figures.layers)


def _kernels(figures: StaticFigures) -> float:
    return len({layer.operation for layer in figures.layers})


# Instructions per inference. Plain C kernels on a Cortex-M3 took 3 to 4 per MAC in our prototypes;
# a depthwise MAC has fewer of its kind to share its addressing with; an output element is
# requantised with a 64-bit product, rounding, an offset and two comparisons; an operator has to
# be called and its loops set up.
LATENCY_FEATURES = (
    Feature(3.5, 0.4, lambda figures: _macs(figures, "conv", "dense")),
    Feature(6.0, 0.4, lambda figures: _macs(figures, "depthwise")),
    Feature(25.0, 0.4, _elements),
    Feature(6.0, 0.5, _reads),
    Feature(300.0, 0.5, lambda figures: len(figures.layers)),
)
# Bytes. An empty firmware took 4 to 6 KB; weights are what they are; each output channel has a
# multiplier and a shift; each class of operator brings its kernel's code, each operator a call.
FLASH_FEATURES = (
    Feature(5000.0, 0.3, lambda _: 1.0),
    Feature(1.0, 0.01, lambda figures: figures.weight_bytes),
    Feature(8.0, 0.5, _channels),
    Feature(900.0, 0.5, _kernels),
    Feature(80.0, 0.5, lambda figures: len(figures.layers)),
)
# Bytes. An empty firmware took 1.5 KB, and the stack's high-water mark is part of the clause. No
# planner does with less than the peak of the activations; ours is close to it.
RAM_FEATURES = (
    Feature(2500.0, 0.3, lambda _: 1.0),
    Feature(1.0, 0.05, lambda figures: figures.peak_activation_bytes),
)


FEATURES = {
    "ram_bytes": RAM_FEATURES,
    "flash_bytes": FLASH_FEATURES,
    "latency_us": LATENCY_FEATURES,
}


def count(figures: StaticFigures) -> Counts:
    """What a network's cost is predicted from: by metric, each feature at its first guess."""
    return {
        metric: np.array([each.constant * each.count(figures) for each in features])
        for metric, features in FEATURES.items()
    }


@dataclass(frozen=True)
class Prediction:
    """An expected figure and the upper end of its error bar."""

    expected: float
    upper: float


class _Predictor:
    """Predicts one figure.

    Args:
        features: Its terms.
        measured: A row of terms for each measured network, in the figure's unit.
        values: The figure of each.
    """

    def __init__(
        self, features: tuple[Feature, ...], measured: list[Floats], values: list[float]
    ) -> None:
        precision = np.diag([feature.deviation**-2 for feature in features])
        target = precision.sum(axis=1)
        rows = np.array(measured).reshape(-1, len(features)) / np.array(values)[:, None]
        precision = precision + rows.T @ rows / MODEL_ERROR**2
        target = target + rows.sum(axis=0) / MODEL_ERROR**2
        self._covariance: Floats = np.linalg.inv(precision)
        self._scales: Floats = np.maximum(self._covariance @ target, LOWEST_SCALE)
        misses = rows @ self._scales - 1.0
        self._error = (
            max(MODEL_ERROR, float(np.sqrt(np.mean(misses**2)))) if values else MODEL_ERROR
        )

    def predict(self, terms: Floats) -> Prediction:
        """The figure of a network with these terms."""
        expected = float(terms @ self._scales)
        variance = float(terms @ self._covariance @ terms) + (self._error * expected) ** 2
        return Prediction(expected, expected + UPPER_DEVIATIONS * variance**0.5)


def measured_value(trial: Trial, metric: str) -> float | None:
    """A trial's measured figure, from the most trustworthy source; static ones do not count."""
    found = [
        one for one in trial.measurements if one.metric == metric and one.source in _SOURCE_RANK
    ]
    best = min(found, key=lambda one: _SOURCE_RANK[one.source], default=None)
    return None if best is None else best.value


class CostModel:
    """Predicts all figures that a contract limits and the choice of architecture decides.

    Args:
        brief: The board's clock and memories, and the limits.
        history: Measured candidates to learn from.
    """

    def __init__(self, brief: DesignBrief, history: tuple[Trial, ...]) -> None:
        board, limits = brief.board, brief.limits
        instruction_us = board.cycles_per_instruction * 1e6 / board.clock_hz
        self._units = {"ram_bytes": 1.0, "flash_bytes": 1.0, "latency_us": instruction_us}
        self._bounds = {
            "ram_bytes": min(limits.ram_bytes or board.ram_bytes, board.ram_bytes),
            "flash_bytes": min(limits.flash_bytes or board.flash_bytes, board.flash_bytes),
            "latency_us": limits.latency_us or float("inf"),
        }
        self._predictors = {metric: self._fit(metric, history) for metric in FEATURES}

    def _fit(self, metric: str, history: tuple[Trial, ...]) -> _Predictor:
        rows, values = [], []
        for trial in history:
            value = measured_value(trial, metric)
            if value and trial.figures is not None:
                rows.append(count(trial.figures)[metric] * self._units[metric])
                values.append(value)
        return _Predictor(FEATURES[metric], rows, values)

    def predict(self, counts: Counts) -> dict[str, Prediction]:
        """Every figure of a network, by metric."""
        return {
            metric: predictor.predict(counts[metric] * self._units[metric])
            for metric, predictor in self._predictors.items()
        }

    def pressure(self, counts: Counts) -> float:
        """How much of the tightest limit a network may take; up to 1 it is expected to fit."""
        predicted = self.predict(counts)
        return max(predicted[metric].upper / bound for metric, bound in self._bounds.items())
