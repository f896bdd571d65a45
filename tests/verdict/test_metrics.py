"""The metrics, against the same figures computed another way, and int8 against real values."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from mlforge_tasks.contract.metrics import better, direction
from mlforge_tasks.int8 import dequantise, quantise
from mlforge_tasks.quantisation import Quantisation, TensorQuantisation
from mlforge_tasks.verdict import metrics
from tests.helpers.model_data import card

SMALL = st.integers(-1000, 1000)
PAIRS = st.lists(st.tuples(SMALL, SMALL), min_size=1, max_size=20)
SCORED = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()), max_size=25)


def _tensor(scale: float, zero_point: int, shape: tuple[int, ...] = (1,)) -> TensorQuantisation:
    return TensorQuantisation(name="t", shape=shape, scale=scale, zero_point=zero_point)


@given(PAIRS)
def test_mse_and_mae_are_exact_on_integers(pairs: list[tuple[int, int]]) -> None:
    """Both errors agree with sums of Python's exact fractions."""
    outputs, targets = (np.array(side, np.float32)[:, None] for side in zip(*pairs, strict=True))
    count = len(pairs)
    squared = Fraction(sum((a - b) ** 2 for a, b in pairs), count)
    absolute = Fraction(sum(abs(a - b) for a, b in pairs), count)
    assert metrics.mse(outputs, targets) == pytest.approx(float(squared), rel=1e-12)
    assert metrics.mae(outputs, targets) == pytest.approx(float(absolute), rel=1e-12)


def test_errors_do_not_broadcast() -> None:
    """[N] against [N, 1] would silently become an N x N error."""
    with pytest.raises(ValueError, match=r"found outputs \(3,\) for targets \(3, 1\)"):
        metrics.mse(np.zeros(3), np.zeros((3, 1)))


def test_accuracy_takes_the_first_of_equal_outputs() -> None:
    """Ties, which int8 probabilities have, go to the lower class."""
    outputs = np.array([[1, 1, 0], [0, 2, 2], [0, 0, 3]], np.int8)
    assert metrics.accuracy(outputs, np.array([0, 1, 2])) == 1.0
    assert metrics.accuracy(outputs, np.array([1, 2, 2])) == pytest.approx(1 / 3)


@given(SCORED)
def test_auc_counts_pairs(scored: list[tuple[int, int, bool]]) -> None:
    """AUC is the share of (class 1, class 0) pairs in the right order, ties counting half."""
    ones = [b - a for a, b, label in scored if label]
    zeros = [b - a for a, b, label in scored if not label]
    assume(ones and zeros)
    wins = sum((one > zero) + (one == zero) / 2 for one, zero in itertools.product(ones, zeros))
    outputs = np.array([(a, b) for a, b, _ in scored], np.float64)
    labels = np.array([label for *_, label in scored], np.int32)
    assert metrics.auc(outputs, labels) == pytest.approx(wins / (len(ones) * len(zeros)))


def test_unknown_metric_has_no_direction() -> None:
    """A misspelt metric is not silently one to maximise."""
    with pytest.raises(KeyError):
        direction("accurracy")


def test_better() -> None:
    """Anything is better than nothing, and equal is not better."""
    assert better("mse", 9.0, None)
    assert better("mse", 1.0, 2.0)
    assert not better("mse", 2.0, 2.0)
    assert better("auc", 0.9, 0.8)
    assert not better("auc", 0.8, 0.8)


@given(
    nps.arrays(np.float32, 8, elements=st.floats(-300, 300, width=32)),
    st.floats(2**-10, 2, width=32),
    st.integers(-128, 127),
)
def test_quantise_is_within_half_a_step(values: Any, scale: float, zero_point: int) -> None:
    """A value inside the int8 range comes back within half a step, others at the range's end."""
    tensor = _tensor(scale, zero_point)
    low, high = ((end - zero_point) * scale for end in (-128, 127))
    back = dequantise(quantise(values, tensor), tensor)
    error = np.abs(back - np.clip(values.astype(np.float64), low, high))
    # The division is in float32, which may push a value over the middle between two steps.
    assert np.all(error <= scale * (0.5 + 300 * 2**10 * 2**-23))


def test_quantise_rounds_halves_away_from_zero() -> None:
    """As C's `roundf` does; numpy's `rint` would give 0, 2, 2."""
    values = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 0.49999997], np.float32)
    assert quantise(values, _tensor(1.0, 0)).tolist() == [1, 2, 3, -1, -2, 0]


def test_to_outputs_gives_original_units() -> None:
    """int8 becomes a real value, then the target's unit; probabilities stay as they are."""
    model = Quantisation(
        input=_tensor(1.0, 0),
        output=_tensor(0.5, -10),
        operators=(),
        tflite_bytes=1,
        tflite_sha256="0" * 64,
    )
    raw = np.array([[-10], [-8]], np.int8)
    regression = metrics.to_outputs(raw, model, card("regression", (1,), 1))
    assert regression.tolist() == [[100.0], [140.0]]
    classes = metrics.to_outputs(raw.repeat(2, axis=1), model, card("classification", (1,), 2))
    assert classes.tolist() == [[0.0, 0.0], [1.0, 1.0]]
