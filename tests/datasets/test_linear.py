"""The linear model that a network has to be better than, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from mlforge_tasks.datasets import _linear
from mlforge_tasks.windows import Windows

RANDOM = np.random.default_rng(3)
ROWS = RANDOM.normal(0, [1, 5], (600, 2)).astype(np.float32)
TRAIN = Windows(ROWS, np.arange(0, 400), 8)
VALIDATION = Windows(ROWS, np.arange(410, 590), 8)


def wanted(examples: Windows, noise: float) -> np.ndarray:
    """Two outputs of different size, linear in the inputs but for noise."""
    flat = examples[:].reshape(len(examples), -1)
    weights = np.random.default_rng(4).normal(size=(flat.shape[1], 2)) * [1.0, 1000.0]
    clean = flat @ weights + [7.0, -9000.0]
    return np.asarray(clean + RANDOM.normal(0, noise, clean.shape) * [1.0, 1000.0], np.float32)


@pytest.mark.parametrize("noise", [0.0, 30.0])
def test_it_is_ridge_regression_of_the_best_strength(
    noise: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same outputs as scikit-learn's for each strength, and the best on validation is taken."""
    targets, aims = wanted(TRAIN, noise), wanted(VALIDATION, noise)
    flat = TRAIN[:].reshape(len(TRAIN), -1).astype(np.float64)
    held_out = VALIDATION[:].reshape(len(VALIDATION), -1)
    unit = np.trace(np.cov(flat.T, ddof=0) * len(flat)) / flat.shape[1]
    errors = []
    strengths = _linear.STRENGTHS
    for strength in strengths:
        reference = Ridge(alpha=strength * unit).fit(flat, targets).predict(held_out)
        errors.append(float(np.mean(np.square((reference - aims) / aims.std(axis=0)))))
        monkeypatch.setattr(_linear, "STRENGTHS", (strength,))
        found = _linear.fit(TRAIN, targets, VALIDATION, aims)
        assert found is not None
        assert found(VALIDATION) == pytest.approx(reference, rel=1e-3, abs=1e-3)
    monkeypatch.setattr(_linear, "STRENGTHS", strengths)
    best = _linear.fit(TRAIN, targets, VALIDATION, aims)
    assert best is not None
    error = float(np.mean(np.square((best(VALIDATION) - aims) / aims.std(axis=0))))
    assert error == pytest.approx(min(errors), rel=1e-3, abs=1e-9)


def test_too_many_inputs_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The matrix of their products would take longer than a training; of many examples some do."""
    targets, aims = wanted(TRAIN, 0), wanted(VALIDATION, 0)
    monkeypatch.setattr(_linear, "MOST_INPUTS", 15)
    assert _linear.fit(TRAIN, targets, VALIDATION, aims) is None
    monkeypatch.setattr(_linear, "MOST_INPUTS", 16)
    monkeypatch.setattr(_linear, "WORK", 16 * 16 * 50)
    some = _linear.fit(TRAIN, targets, VALIDATION, aims)
    assert some is not None
    assert some(VALIDATION) == pytest.approx(aims, rel=1e-2, abs=1e-1)


def test_inputs_that_never_change_say_nothing() -> None:
    """The mean of the targets is all there is; nothing is divided by 0."""
    still = Windows.each(np.ones((20, 3), np.float32))
    targets = np.arange(20, dtype=np.float32)[:, None]
    found = _linear.fit(still, targets, still, targets)
    assert found is not None
    assert found(still) == pytest.approx(np.full((20, 1), 9.5))
