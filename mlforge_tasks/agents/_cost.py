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

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlforge_tasks.agents._features import METRICS, figures_for, kernels_of, loops_of, units
from mlforge_tasks.agents._implied import implied
from mlforge_tasks.agents._loops import counts as loop_counts
from mlforge_tasks.agents._npu_costs import CYCLE_US
from mlforge_tasks.agents._npu_costs import units as npu_units

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlforge_tasks.agents import BoardFacts, DesignBrief, Stripes
    from mlforge_tasks.agents._features import Figure
    from mlforge_tasks.agents._loop_costs import Kernels
    from mlforge_tasks.architecture import StaticFigures
    from mlforge_tasks.quantisation import EndType
    from mlforge_tasks.records import Measurement
    from mlforge_tasks.verdict.trial import Trial

Floats: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = dict[str, Floats]

# Share by which a constant may turn out lower than guessed, at most: costs are never negative.
LOWEST_SCALE = 0.02
# How much wider than stated the guesses' uncertainty may turn out.
WIDENINGS = tuple(2.0**power for power in range(8))
# The same for what no constants can explain.
COARSENINGS = (1.0, 2.0, 4.0, 8.0)
# Upper end of a prediction, in standard deviations: about 1 in 40 candidates would exceed it.
UPPER_DEVIATIONS = 2.0

_SOURCE_RANK = {"hardware": 0, "emulated": 1, "static": 2}


def count(
    figures: StaticFigures,
    kernels: Kernels,
    stripes: Stripes | None = None,
    *,
    searches: bool = True,
    activations: EndType = "int8",
    npu: str | None = None,
) -> Counts:
    """What a network's cost is predicted from; arguments as of `units`."""
    found = units(figures, kernels, stripes, searches=searches, activations=activations, npu=npu)
    return {metric: np.array(each, float) for metric, each in found.items()}


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
        rows = np.array(measured).reshape(-1, len(figure.constants)) / np.array(values)[:, None]
        deviations = np.array(figure.deviations)
        guess = np.diag(deviations**2) + figure.common**2
        widening, error = max(
            itertools.product(WIDENINGS, (figure.error * by for by in COARSENINGS)),
            key=lambda pair: _log_evidence(rows, guess * pair[0] ** 2, pair[1]),
        )
        precision = np.linalg.inv(guess * widening**2)
        target = precision.sum(axis=1) + rows.sum(axis=0) / error**2
        self._covariance: Floats = np.linalg.inv(precision + rows.T @ rows / error**2)
        self._scales: Floats = np.maximum(self._covariance @ target, LOWEST_SCALE)
        misses = rows @ self._scales - 1.0
        self._error = max(error, float(np.sqrt(np.sum(misses**2) / max(len(misses), 1))))

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
    """A trial's measured figure, from the most trustworthy source."""
    return _measured(trial.measurements, metric)


def _measured(measurements: Iterable[Measurement], metric: str) -> float | None:
    found = [one for one in measurements if one.metric == metric and one.source in _SOURCE_RANK]
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
        instruction_us = _instruction_us(board)
        scales = dict.fromkeys(METRICS, 1.0) | {"latency_us": instruction_us or 1.0}
        self._kernels, self._stripes = kernels_of(board), brief.stripes
        self._activations, self._npu = brief.activations, board.npu
        self._figures = figures_for(board, brief.activations)
        self._terms = {
            metric: np.array(figure.constants) * scales[metric]
            for metric, figure in self._figures.items()
        }
        self._bounds = {
            "ram_bytes": _least(limits.ram_bytes, board.ram_bytes),
            "flash_bytes": _least(limits.flash_bytes, board.flash_bytes),
            "latency_us": _least(limits.by_metric()[limits.latency_metric]),
            "stack_bytes": _least(limits.stack_bytes),
        }
        for name, bound in implied(limits.others, history, limits.latency_metric).items():
            self._bounds[name] = min(self._bounds[name], bound)
        self._told = set(METRICS)
        if instruction_us is None:  # then latencies are relative to one another, and bound nothing
            self._told -= {"latency_us"}
            self._bounds |= {"latency_us": _least()}
        self._names = judged_names(brief)
        self._predictors = {metric: self._fit(metric, history) for metric in METRICS}

    def _fit(self, metric: str, history: tuple[Trial, ...]) -> _Predictor:
        rows, values = [], []
        for trial in history:
            value = _measured(trial.of_its_shapes, self._names[metric])
            if value and trial.figures is not None:
                rows.append(self.count(trial.figures)[metric] * self._terms[metric])
                values.append(value)
        return _Predictor(self._figures[metric], rows, values)

    @property
    def value_bytes(self) -> int:
        """What one value of a network takes."""
        return 2 if self._activations == "int16" else 1

    def count(self, figures: StaticFigures) -> Counts:
        """What the cost of a network is predicted from."""
        known = (figures, self._kernels, self._stripes)
        return count(*known, activations=self._activations, npu=self._npu)

    def predict(self, counts: Counts) -> dict[str, Prediction]:
        """Every figure of a network, by the metric that the limits bind."""
        predicted = self._predict(counts).items()
        return {self._names[metric]: one for metric, one in predicted if metric in self._told}

    def _predict(self, counts: Counts) -> dict[str, Prediction]:
        return {
            metric: predictor.predict(counts[metric] * self._terms[metric])
            for metric, predictor in self._predictors.items()
        }

    def latency_shares(self, figures: StaticFigures) -> tuple[float, ...]:
        """The share of the latency that each operator is expected to take; they sum to 1."""
        alone = (figures.model_copy(update={"layers": (layer,)}) for layer in figures.layers)
        latency, terms = self._predictors["latency_us"], self._terms["latency_us"]
        kernels = loops_of(self._kernels, self._activations)
        times = [
            latency.predict(
                np.array(
                    loop_counts(one, kernels) if self._npu is None else npu_units(one, self._npu),
                    float,
                )
                * terms
            ).expected
            for one in alone
        ]
        total = sum(times)
        return tuple(time / total for time in times)

    def pressure(self, counts: Counts) -> float:
        """How much of the tightest limit a network may take; up to 1 it is expected to fit."""
        predicted = self._predict(counts)
        return max(predicted[metric].upper / bound for metric, bound in self._bounds.items())

    def expected_pressure(self, counts: Counts) -> float:
        """The same of the expected figures: above 1 it is more likely not to fit."""
        predicted = self._predict(counts)
        return max(predicted[metric].expected / bound for metric, bound in self._bounds.items())

    def foretell(self, figures: StaticFigures) -> dict[str, float]:
        """What a network is expected to measure, rounded to what every machine agrees on."""
        predicted = self.predict(self.count(figures))
        return {metric: round(one.expected, 1) for metric, one in predicted.items()}


def _instruction_us(board: BoardFacts) -> float | None:
    if board.npu is not None:
        return CYCLE_US
    if board.cycles_per_instruction is None or board.clock_hz is None:
        return None
    return board.cycles_per_instruction * 1e6 / board.clock_hz


def _least(*bounds: float | None) -> float:
    """The tightest of some bounds; infinite where there is none."""
    return min((bound for bound in bounds if bound is not None), default=math.inf)


def judged_names(brief: DesignBrief) -> dict[str, str]:
    """What each of the predicted figures is called among the measurements that limits bind."""
    return {metric: metric for metric in METRICS} | {"latency_us": brief.limits.latency_metric}


def measured_figures(brief: DesignBrief, trial: Trial) -> dict[str, float]:
    """What was measured of a trial's shapes, of what the cost model predicts."""
    names = judged_names(brief).values()
    values = {metric: _measured(trial.of_its_shapes, metric) for metric in names}
    return {metric: value for metric, value in values.items() if value is not None}


def hindsight(
    brief: DesignBrief, history: tuple[Trial, ...]
) -> list[tuple[Trial, dict[str, float]]]:
    """Each measured trial with what the cost model expects of it, knowing those before it only."""
    return [
        (trial, CostModel(brief, history[:index]).foretell(trial.figures))
        for index, trial in enumerate(history)
        if trial.figures is not None and measured_figures(brief, trial)
    ]
