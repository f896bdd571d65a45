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

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlforge_tasks.agents import DesignBrief, Trial
    from mlforge_tasks.architecture import StaticFigures

    Floats: TypeAlias = NDArray[np.float64]

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


@dataclass(frozen=True)
class Prediction:
    """An expected figure and the end of its error bar."""

    expected: float
    upper: float


class Predictor:
    """Predicts one figure.

    Args:
        features: Its terms.
        unit: What one unit of the features' sum is in the figure's unit.
        measured: Candidates with the figure measured for each; fits the constants.
    """

    def __init__(
        self,
        features: tuple[Feature, ...],
        unit: float,
        measured: list[tuple[StaticFigures, float]],
    ) -> None:
        self._features = features
        self._unit = unit
        precision = np.diag([feature.deviation**-2 for feature in features])
        target = precision.sum(axis=1)
        if measured:
            rows = np.array([self._terms(figures) / value for figures, value in measured])
            precision = precision + rows.T @ rows / MODEL_ERROR**2
            target = target + rows.sum(axis=0) / MODEL_ERROR**2
        self._covariance: Floats = np.linalg.inv(precision)
        self._scales: Floats = np.maximum(self._covariance @ target, LOWEST_SCALE)
        self._error = MODEL_ERROR
        if measured:
            misses = rows @ self._scales - 1.0
            self._error = max(MODEL_ERROR, float(np.sqrt(np.mean(misses**2))))

    def _terms(self, figures: StaticFigures) -> Floats:
        """Each term's share of the figure, with the constants as first guessed."""
        return np.array(
            [each.constant * each.count(figures) * self._unit for each in self._features]
        )

    def predict(self, figures: StaticFigures) -> Prediction:
        """The figure of a network."""
        terms = self._terms(figures)
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
    """Predicts all figures that a contract can limit by the choice of architecture.

    Args:
        brief: The board's clock, and what `limits` are compared with.
        history: Measured candidates to learn from.
    """

    def __init__(self, brief: DesignBrief, history: tuple[Trial, ...]) -> None:
        board, limits = brief.board, brief.limits
        us_per_instruction = board.cycles_per_instruction * 1e6 / board.clock_hz
        known = [(trial, trial.figures) for trial in history if trial.figures is not None]

        def predictor(metric: str, features: tuple[Feature, ...], unit: float) -> Predictor:
            values = [(figures, measured_value(trial, metric)) for trial, figures in known]
            measured = [(figures, value) for figures, value in values if value]
            return Predictor(features, unit, measured)

        self._predictors = {
            "ram_bytes": predictor("ram_bytes", RAM_FEATURES, 1.0),
            "flash_bytes": predictor("flash_bytes", FLASH_FEATURES, 1.0),
            "latency_us": predictor("latency_us", LATENCY_FEATURES, us_per_instruction),
        }
        self._bounds = {
            "ram_bytes": min(limits.ram_bytes or board.ram_bytes, board.ram_bytes),
            "flash_bytes": min(limits.flash_bytes or board.flash_bytes, board.flash_bytes),
            "latency_us": limits.latency_us or float("inf"),
        }

    def predict(self, figures: StaticFigures) -> dict[str, Prediction]:
        """Every figure of a network, by metric."""
        return {name: each.predict(figures) for name, each in self._predictors.items()}

    def pressure(self, figures: StaticFigures) -> float:
        """How much of the tightest limit a network may take; up to 1 it is expected to fit."""
        predicted = self.predict(figures)
        return max(predicted[name].upper / bound for name, bound in self._bounds.items())
