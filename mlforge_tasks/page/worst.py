"""Which examples a model is most wrong about, and in what words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.page.detectors import detectors
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlforge_tasks.page.evaluated import Evaluated, Part

    Reals = NDArray[np.float64]

# Outputs or labels of one error that are told.
MOST_TOLD = 4


@dataclass(frozen=True)
class Wrong:
    """How wrong a model is about each example of a split.

    Attributes:
        by: What the examples are ordered by, in words.
        severity: [N]; 0 of what is right.
        told: What of an error is said, by its number: what was true, what was said.
    """

    by: str
    severity: Reals
    told: _Told


@dataclass(frozen=True)
class _Told:
    evaluated: Evaluated
    part: Part

    def of(self, at: int) -> tuple[str, str]:
        """What was true of an example, and what the model said."""
        card, truth = self.evaluated.card, self.part.targets[at]
        if card.task == "regression":
            return self._quantities(at)
        if card.task == "multilabel":
            return self._labels(at)
        said = self._score(at) if self._detects else self._class(at)
        return card.labels[int(truth)], said

    @property
    def _detects(self) -> bool:
        return self.evaluated.card.task == "anomaly" or self.evaluated.decision is not None

    def _quantities(self, at: int) -> tuple[str, str]:
        outputs, units = self.evaluated.card.outputs, self.evaluated.card.target_scale
        said, true = self.evaluated.said(self.part, at), self.part.targets[at].astype(np.float64)
        order = np.argsort(-np.abs(said - true) / np.asarray(units), kind="stable")[:MOST_TOLD]
        texts: tuple[list[str], list[str]] = [], []
        for one in sorted(order.tolist()):
            name = f"{outputs[one].name} " if len(outputs) > 1 else ""
            for text, values in zip(texts, (true, said), strict=True):
                text.append(name + format_value(float(values[one]), outputs[one].unit))
        off = said[order[0]] - true[order[0]]
        change = f" ({off:+.4g})" if len(outputs) == 1 else ""
        return ", ".join(texts[0]), ", ".join(texts[1]) + change

    def _labels(self, at: int) -> tuple[str, str]:
        there = self.part.targets[at] == 1
        alarms = np.zeros_like(there)
        for one in detectors(self.evaluated):
            alarms[one.at] = self.part.raw[at, one.at] >= one.least
        names = self.evaluated.card.labels
        return tuple(  # type: ignore[return-value]
            ", ".join(names[one] for one in np.flatnonzero(which)[:MOST_TOLD]) or "none of them"
            for which in (there, alarms)
        )

    def _score(self, at: int) -> str:
        (one,) = detectors(self.evaluated)
        scores, _ = one.told(self.part)
        score = int(scores[at])
        alarm = "an alarm" if score >= one.least else "no alarm"
        return f"{alarm}: score {score:,}, threshold {one.least:,}"

    def _class(self, at: int) -> str:
        said, card = self.evaluated.said(self.part, at), self.evaluated.card
        first, true = int(np.argmax(said)), int(self.part.targets[at])
        return f"{card.labels[first]} ({said[first]:.2f}; {card.labels[true]} {said[true]:.2f})"


def wrong(evaluated: Evaluated, part: Part) -> Wrong:
    """How wrong the model is about each example of a split."""
    by, severity = _severity(evaluated, part)
    return Wrong(by, severity, _Told(evaluated, part))


def _severity(evaluated: Evaluated, part: Part) -> tuple[str, Reals]:
    card = evaluated.card
    if card.task == "regression":
        off = np.abs(evaluated.outputs(part) - part.targets.astype(np.float64))
        by = "error" if len(card.outputs) == 1 else "the largest error, each by its output's spread"
        return by, (off / np.asarray(card.target_scale)).max(axis=1)
    if card.task == "multilabel":
        return "distance from the thresholds of the labels that are wrong", sum(
            (_missed(*one.told(part), one.least) for one in detectors(evaluated)),
            np.zeros(len(part.targets)),
        )
    if card.task == "anomaly" or evaluated.decision is not None:
        (one,) = detectors(evaluated)
        by = "distance of the score from the threshold, on the wrong side"
        return by, _missed(*one.told(part), one.least)
    outputs = evaluated.outputs(part)
    rows = np.arange(len(outputs))
    lead = outputs.max(axis=1) - outputs[rows, part.targets]
    mistaken = np.argmax(outputs, axis=1) != part.targets
    # Of equal outputs the first counts, which may be wrong without a lead.
    least = np.finfo(np.float64).tiny
    return "lead of the class that was said over the true one", np.where(
        mistaken, np.maximum(lead, least), 0.0
    )


def _missed(scores: NDArray[Any], positive: NDArray[np.bool_], least: int) -> Reals:
    """How far a score is on the wrong side of its threshold; 0 on the right one."""
    off = scores.astype(np.float64) - (least - 0.5)
    return np.where((off > 0) != positive, np.abs(off), 0.0)


def worst_first(severity: Reals, starts: NDArray[np.int64], span: int, most: int) -> Iterator[int]:
    """The worst examples that share no row with one before.

    Windows overlap, and neighbours of the worst are nearly as bad: they would be all there is.

    Args:
        severity: [N]; what is 0 is right.
        starts: First row of each, [N].
        span: Rows of an example, its target included.
        most: How many at most.
    """
    taken: list[int] = []
    left = severity.copy()
    while len(taken) < most:
        worst = int(np.argmax(left))
        if left[worst] <= 0:
            return
        yield worst
        taken.append(worst)
        left[np.abs(starts - starts[worst]) < span] = 0.0
