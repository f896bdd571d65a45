"""Predicts RAM, flash and latency from static figures, and learns from what was measured.

Each figure is taken as a sum of features (multiply-accumulates of each class, weights, ...) times
constants. The constants start as documented guesses with a stated uncertainty; every measured
candidate narrows them down (Bayesian linear regression on relative errors, in closed form). Where
the measurements contradict the guesses (another engine, another platform) the uncertainty is
widened until they are plausible. A prediction therefore comes with an error bar of its own: wide
before anything was measured, narrow near what was. Rejecting on its upper end is careful at the
start and exact in the end.
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
    from mlforge_tasks.architecture.geometry import Operation

Floats: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = dict[str, Floats]

# Share by which a constant may turn out lower than guessed, at most: costs are never negative.
LOWEST_SCALE = 0.02
# How much wider than stated the guesses' uncertainty may turn out.
WIDENINGS = tuple(2.0**power for power in range(8))
# Upper end of a prediction, in standard deviations: about 1 in 40 candidates would exceed it.
UPPER_DEVIATIONS = 2.0

_SOURCE_RANK = {"hardware": 0, "emulated": 1}


@dataclass(frozen=True)
class Feature:
    """One term of a figure.

    Attributes:
        constant: First guess of what one unit costs.
        deviation: Its relative standard deviation: how little the guess is worth.
        count: How many units a network has.
    """

    constant: float
    deviation: float
    count: Callable[[StaticFigures], float]


@dataclass(frozen=True)
class Figure:
    """How one measured figure comes about.

    Attributes:
        features: The terms that it is the sum of.
        common: Relative standard deviation that all constants share: of a core's speed, say.
        error: What a sum of terms cannot express, relative to the figure: alignment, loop edges.
    """

    features: tuple[Feature, ...]
    common: float
    error: float


def _sum(attribute: str, *operations: Operation) -> Callable[[StaticFigures], float]:
    """Counts an attribute over the operators of some classes."""

    def total(figures: StaticFigures) -> float:
        layers = (layer for layer in figures.layers if layer.operation in operations)
        return float(sum(getattr(layer, attribute) for layer in layers))

    return total


def _has(operation: Operation) -> Callable[[StaticFigures], float]:
    return lambda figures: any(layer.operation == operation for layer in figures.layers)


def _operators(figures: StaticFigures) -> float:
    return len(figures.layers)


def _working_bytes(figures: StaticFigures) -> float:
    """The peak of the activations, with the scratch of convolutions.

    Our engine gathers the inputs of two output pixels, which is twice an output's MACs.
    """
    scratch = (
        2 * layer.macs // layer.output_bytes if layer.operation == "conv" else 0
        for layer in figures.layers
    )
    return max(layer.live_bytes + more for layer, more in zip(figures.layers, scratch, strict=True))


WEIGHTED: tuple[Operation, ...] = ("conv", "depthwise", "dense")

# The guesses are least-squares fits to 28 networks for series on Cortex-M3 and M4 with the AOT
# engine on bare metal, rounded; each sum came within 2 to 6 % (root mean square).
# In instructions per inference.
LATENCY = Figure(
    (
        Feature(2.1, 0.2, _sum("macs", "conv")),
        Feature(2.8, 0.2, _sum("macs", "dense")),
        Feature(5.0, 0.5, _sum("macs", "depthwise")),
        Feature(20.0, 0.4, _sum("output_bytes", *WEIGHTED)),
        Feature(15.0, 0.5, _sum("reads", "pool")),
        Feature(40.0, 0.5, _sum("reads", "elementwise")),
        Feature(1500.0, 0.4, _operators),
    ),
    common=0.2,
    error=0.04,
)
# Bytes: the empty firmware with the kernels that every network needs, the weights, the
# requantisation constants, the calls, and the kernels that not every network needs.
FLASH = Figure(
    (
        Feature(6700.0, 0.15, lambda _: 1.0),
        Feature(1.0, 0.01, lambda figures: figures.weight_bytes),
        Feature(5.0, 0.5, _sum("channels", *WEIGHTED)),
        Feature(150.0, 0.4, _operators),
        Feature(1800.0, 0.4, _has("depthwise")),
        Feature(300.0, 0.6, _has("pool")),
        Feature(1000.0, 0.6, _has("elementwise")),
    ),
    common=0.0,
    error=0.02,
)
# Bytes: static data with the stack's high-water mark, and the arena.
RAM = Figure(
    (
        Feature(600.0, 0.2, lambda _: 1.0),
        Feature(1.0, 0.05, _working_bytes),
    ),
    common=0.0,
    error=0.02,
)
FIGURES = {"ram_bytes": RAM, "flash_bytes": FLASH, "latency_us": LATENCY}


def count(figures: StaticFigures) -> Counts:
    """What a network's cost is predicted from: by metric, each feature at its first guess."""
    return {
        metric: np.array([each.constant * each.count(figures) for each in figure.features])
        for metric, figure in FIGURES.items()
    }


@dataclass(frozen=True)
class Prediction:
    """An expected figure and the upper end of its error bar."""

    expected: float
    upper: float


class _Predictor:
    """Predicts one figure.

    Args:
        figure: What it is made of.
        measured: A row of terms for each measured network, in the figure's unit.
        values: The figure of each.
    """

    def __init__(self, figure: Figure, measured: list[Floats], values: list[float]) -> None:
        rows = np.array(measured).reshape(-1, len(figure.features)) / np.array(values)[:, None]
        deviations = np.array([feature.deviation for feature in figure.features])
        guess = np.diag(deviations**2) + figure.common**2
        widening = max(WIDENINGS, key=lambda by: _log_evidence(rows, guess * by**2, figure.error))
        precision = np.linalg.inv(guess * widening**2)
        target = precision.sum(axis=1) + rows.sum(axis=0) / figure.error**2
        self._covariance: Floats = np.linalg.inv(precision + rows.T @ rows / figure.error**2)
        self._scales: Floats = np.maximum(self._covariance @ target, LOWEST_SCALE)
        misses = rows @ self._scales - 1.0
        self._error = max(figure.error, float(np.sqrt(np.sum(misses**2) / max(len(misses), 1))))

    def predict(self, terms: Floats) -> Prediction:
        """The figure of a network with these terms."""
        expected = float(terms @ self._scales)
        variance = float(terms @ self._covariance @ terms) + (self._error * expected) ** 2
        return Prediction(expected, expected + UPPER_DEVIATIONS * variance**0.5)


def _log_evidence(rows: Floats, guess: Floats, error: float) -> float:
    """How plausible the measurements are, given how uncertain the guesses are.

    Up to a constant, the log density of measuring exactly what was measured: each row of terms,
    relative to its figure, should sum to 1.
    """
    misses = rows.sum(axis=1) - 1.0
    covariance = rows @ guess @ rows.T + error**2 * np.eye(len(rows))
    logarithm = float(np.linalg.slogdet(covariance)[1])
    return -0.5 * (logarithm + float(misses @ np.linalg.solve(covariance, misses)))


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
        self._predictors = {metric: self._fit(metric, history) for metric in FIGURES}

    def _fit(self, metric: str, history: tuple[Trial, ...]) -> _Predictor:
        rows, values = [], []
        for trial in history:
            value = measured_value(trial, metric)
            if value and trial.figures is not None:
                rows.append(count(trial.figures)[metric] * self._units[metric])
                values.append(value)
        return _Predictor(FIGURES[metric], rows, values)

    def predict(self, counts: Counts) -> dict[str, Prediction]:
        """Every figure of a network, by metric."""
        return {
            metric: predictor.predict(counts[metric] * self._units[metric])
            for metric, predictor in self._predictors.items()
        }

    def latency_shares(self, figures: StaticFigures) -> tuple[float, ...]:
        """The share of the latency that each operator is expected to take; they sum to 1."""
        alone = (figures.model_copy(update={"layers": (layer,)}) for layer in figures.layers)
        times = [self.predict(count(one))["latency_us"].expected for one in alone]
        total = sum(times)
        return tuple(time / total for time in times)

    def pressure(self, counts: Counts) -> float:
        """How much of the tightest limit a network may take; up to 1 it is expected to fit."""
        predicted = self.predict(counts)
        return max(predicted[metric].upper / bound for metric, bound in self._bounds.items())

    def foretell(self, figures: StaticFigures) -> dict[str, float]:
        """What a network is expected to measure, rounded to what every machine agrees on."""
        predicted = self.predict(count(figures))
        return {metric: round(one.expected, 1) for metric, one in predicted.items()}


def measured_figures(trial: Trial) -> dict[str, float]:
    """What was measured of a trial, of what the cost model predicts."""
    values = {metric: measured_value(trial, metric) for metric in FIGURES}
    return {metric: value for metric, value in values.items() if value is not None}


def hindsight(
    brief: DesignBrief, history: tuple[Trial, ...]
) -> list[tuple[Trial, dict[str, float]]]:
    """Each measured trial with what the cost model expects of it, knowing those before it only."""
    return [
        (trial, CostModel(brief, history[:index]).foretell(trial.figures))
        for index, trial in enumerate(history)
        if trial.figures is not None and measured_figures(trial)
    ]
