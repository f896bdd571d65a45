"""A linear model on the inputs, in closed form: what a network has to be better than.

Ridge regression (Hoerl and Kennard, 1970): w = (X'X + l I)^-1 X'y over centred inputs and targets;
classes are told apart by regression on an indicator of each (Hastie, Tibshirani, Friedman, The
Elements of Statistical Learning, section 4.2). Of several strengths l the one that does best on the
validation split is taken, as a search takes its best network there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlforge_tasks.windows import Windows

    Real = NDArray[np.float64]
    Targets = NDArray[np.float32]

# Input values beyond which the matrix of their products takes minutes.
MOST_INPUTS = 2048
# Multiplications of X'X; where there are more examples, evenly spaced ones are taken.
WORK = 4e10
# Input values that are in memory at a time, as float64.
AT_ONCE = 1 << 16
# Of the mean of the diagonal of X'X.
STRENGTHS = (1e-8, 1e-6, 1e-4, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True)
class Linear:
    """outputs = inputs @ weights + offset.

    Attributes:
        weights: [inputs, outputs].
        offset: [outputs].
    """

    weights: Real
    offset: Real

    def __call__(self, examples: Windows) -> NDArray[np.float32]:
        """Its outputs, [N, outputs], a batch at a time."""
        parts = [_flat(batch) @ self.weights + self.offset for batch in _batches(examples)]
        return np.concatenate(parts).astype(np.float32)


def fit(train: Windows, wanted: Targets, validation: Windows, aims: Targets) -> Linear | None:
    """The linear model that does best on the validation split; None where inputs are too many.

    Args:
        train: Training inputs.
        wanted: What they should give, [N, outputs].
        validation: Validation inputs.
        aims: What those should give.
    """
    inputs = int(np.prod(train.shape))
    if inputs > MOST_INPUTS:
        return None
    count = min(len(train), max(1, int(WORK / inputs**2)))
    chosen = np.linspace(0, len(train) - 1, count).round().astype(np.intp)
    centre, middle, gram, products = _moments(train, wanted, chosen)
    unit = float(np.trace(gram)) / inputs or 1.0
    eye = np.eye(inputs) * unit
    found = []
    for strength in STRENGTHS:
        weights: Real = np.linalg.solve(gram + strength * eye, products).astype(np.float64)
        found.append(Linear(weights, middle - centre @ weights))
    return min(zip(_errors(found, validation, aims), found, strict=True), key=lambda one: one[0])[1]


def _flat(batch: NDArray[np.float32]) -> Real:
    flat: Real = batch.reshape(len(batch), -1).astype(np.float64)
    return flat


def _batch(examples: Windows) -> int:
    return max(1, AT_ONCE // int(np.prod(examples.shape)))


def _batches(examples: Windows) -> Iterator[NDArray[np.float32]]:
    return examples.batches(_batch(examples))


def _moments(
    train: Windows, wanted: Targets, chosen: NDArray[np.intp]
) -> tuple[Real, Real, Real, Real]:
    """Means of inputs and targets, and sums of products about them."""
    parts = np.array_split(chosen, -(-len(chosen) // _batch(train)))
    centre = sum(_flat(train[part]).sum(axis=0) for part in parts) / len(chosen)
    middle: Real = wanted[chosen].mean(axis=0, dtype=np.float64)
    inputs = len(centre)
    gram, products = np.zeros((inputs, inputs)), np.zeros((inputs, wanted.shape[1]))
    for part in parts:
        x = _flat(train[part]) - centre
        gram += x.T @ x
        products += x.T @ (wanted[part] - middle)
    return centre, middle, gram, products


def _errors(models: list[Linear], examples: Windows, aims: Targets) -> list[float]:
    """Squared error of each, every output by the targets' own spread."""
    spread = aims.std(axis=0, dtype=np.float64)
    scale = np.where(spread > 0, spread, 1.0)
    totals = np.zeros(len(models))
    at = 0
    for batch in _batches(examples):
        flat, aim = _flat(batch), aims[at : at + len(batch)]
        at += len(batch)
        for index, model in enumerate(models):
            off = (flat @ model.weights + model.offset - aim) / scale
            totals[index] += float(np.square(off).sum())
    return totals.tolist()
