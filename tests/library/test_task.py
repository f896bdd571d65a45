"""What the library makes of readings and of outputs is what the host makes of them, to the bit."""

from __future__ import annotations

import ctypes
import math
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks import datasets
from mlforge_tasks.contract.loader import load
from mlforge_tasks.datasets._prepare import prepare
from mlforge_tasks.graph import process
from mlforge_tasks.int8 import given, judged, quantise, steps_of
from mlforge_tasks.oracle import outputs_of
from mlforge_tasks.quantisation import JoinedInputs, alone
from mlforge_tasks.verdict import metrics
from mlforge_tasks.windows import Windows
from tests.helpers.libraries import (
    FEATURES,
    LEAD,
    LEAST,
    ROWS,
    TASKS,
    TIMEOUT_S,
    Library,
    make,
    reference,
)
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc"),
]
DONE, WAITING, NOT_A_NUMBER = 0, 1, -1


class Called:
    """A library as C functions of this process."""

    def __init__(self, library: Library, folder: Path) -> None:
        sources = sorted(str(path) for path in (library.folder / "src").rglob("*.c"))
        shared = folder / f"{library.facts.prefix}.so"
        argv = ["gcc", "-std=c11", "-O2", "-fPIC", "-shared", *sources, "-o", str(shared)]
        process.check(argv, timeout_s=TIMEOUT_S)
        self._shared = ctypes.CDLL(str(shared))
        self._prefix = library.facts.prefix
        self.result = (ctypes.c_uint8 * 256)()
        assert self("init") == 0

    def __call__(self, name: str, *arguments: object) -> int:
        function = getattr(self._shared, f"{self._prefix}_{name}")
        status: int = function(*arguments)
        return status

    def quantise(self, readings: NDArray[np.float32]) -> NDArray[np.int8]:
        """What it makes of readings."""
        given, made = np.ascontiguousarray(readings), np.empty(readings.shape, np.int8)
        assert self("quantise", _at(given), _at(made), given.size) == DONE
        return made

    def floats(self, count: int) -> NDArray[np.float32]:
        """The first fields of the last result."""
        return np.frombuffer(bytes(self.result), np.float32, count)


def _at(array: NDArray[np.float32] | NDArray[np.int8]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def readings(count: int, library: Library) -> NDArray[np.float32]:
    """As sensors give them, in every range, and where rounding turns."""
    card, end = library.facts.card, library.facts.quantisation.input
    step = end.parts[0].scale if isinstance(end, JoinedInputs) else end.scale
    mean, scale = (np.array(each, np.float32) for each in (card.input_mean, card.input_scale))
    rng = np.random.default_rng(3)
    usual = rng.standard_normal((count, FEATURES)) * 3
    steps = rng.integers(-300, 300, (count, FEATURES)) / 2 * step
    wild = np.exp(rng.uniform(-80, 80, (count, FEATURES))) * rng.choice([-1, 1], (count, FEATURES))
    normalised = np.concatenate((usual, steps, wild)).astype(np.float64)
    return (normalised * scale + mean).astype(np.float32)


@pytest.mark.parametrize("task", ["regression", "anomaly"])
def test_readings_are_quantised_as_in_training(task: str, tmp_path: Path) -> None:
    """The same bits for whatever a sensor says, without a C library's roundf."""
    library = make(tmp_path / "library", "mine", task)
    card = library.facts.card
    given = readings(20_000, library)
    mean, scale = (np.array(each, np.float32) for each in (card.input_mean, card.input_scale))
    normalised = np.asarray((given - mean) / scale, np.float32)
    wanted = quantise(normalised, library.facts.quantisation.input)
    assert np.array_equal(Called(library, tmp_path).quantise(given), wanted)
    assert len(np.unique(wanted)) == 256


def test_a_data_set_comes_to_the_rows_that_training_saw(tmp_path: Path) -> None:
    """Raw rows of a file, as a sensor would give them, against the rows of stage `dataset`."""
    spec = load(TANK, ROOT).dataset
    card = prepare(spec, datasets.load(spec, ROOT))
    loaded = datasets.load(spec, ROOT).table
    raw = np.stack([loaded.numbers(one.name) for one in spec.inputs.features], axis=1)
    about = card.card
    both = {"input_mean": about.input_mean * 2, "input_scale": about.input_scale * 2}
    library = make(tmp_path / "library", "mine", "regression", changes=both)
    rows = np.tile(card.arrays["rows"], 2)  # two tanks, as the model has four features
    made = Called(library, tmp_path).quantise(np.tile(raw, 2).astype(np.float32))
    assert len(raw) == 1600
    assert np.array_equal(made, quantise(rows, library.facts.quantisation.input))


@pytest.mark.parametrize("way", ["whole", "streamed", "channels_first"])
def test_a_window_moves_over_rows(way: str, tmp_path: Path) -> None:
    """A result each time that a stride of rows is new; none over a gap."""
    library = make(
        tmp_path / "library",
        "mine",
        "regression",
        streamed=way == "streamed",
        channels_first=way == "channels_first",
    )
    called, facts = Called(library, tmp_path), library.facts
    stream = readings(40, library)[:40]
    mean, scale = (
        np.array(each, np.float32) for each in (facts.card.input_mean, facts.card.input_scale)
    )
    quantised = quantise(np.asarray((stream - mean) / scale), facts.quantisation.input)
    found, statuses = [], []
    for row in stream:
        statuses.append(called("push", _at(np.ascontiguousarray(row)), called.result))
        if statuses[-1] == DONE:
            found.append(called.floats(3))
    assert statuses == [*[WAITING] * (ROWS - 1), *[DONE, WAITING] * 14, DONE]
    windows = np.stack([quantised[at : at + ROWS] for at in range(0, 29, 2)])
    if way == "channels_first":
        windows = np.moveaxis(windows, 2, 1).copy()
    outputs = reference(library.tflite, windows)
    real = metrics.to_outputs(outputs, facts.quantisation, facts.card)
    assert np.allclose(found, real, rtol=1e-6)

    gap = np.array([1, math.nan, 3, 4], np.float32)
    assert called("push", _at(gap), called.result) == NOT_A_NUMBER
    again = [called("push", _at(stream[at]), called.result) for at in range(ROWS)]
    assert again == [*[WAITING] * (ROWS - 1), DONE]
    assert np.array_equal(called.floats(3), found[0])


def test_several_inputs_and_outputs_are_each_in_their_place(tmp_path: Path) -> None:
    """Of a window of all readings each input takes its own; outputs are in the data set's order."""
    library = make(tmp_path / "library", "mine", "several")
    called, facts = Called(library, tmp_path), library.facts
    stream = readings(40, library)[:40]
    mean, scale = (
        np.array(each, np.float32) for each in (facts.card.input_mean, facts.card.input_scale)
    )
    windows = np.stack([stream[at : at + ROWS] for at in range(0, 29, 2)])
    normalised = np.asarray((windows - mean) / scale, np.float32).reshape(-1, ROWS, 1, FEATURES)
    quantised = given(Windows.each(normalised), facts.quantisation.input)[:]
    made = np.empty(quantised.shape[1:], np.int8)
    assert called("quantise", _at(np.ascontiguousarray(windows[3])), _at(made)) == DONE
    assert np.array_equal(made, quantised[3])

    wanted = outputs_of(library.tflite, Windows.each(quantised)).reshape(len(quantised), -1)
    found = [
        called.floats(3)
        for row in stream
        if called("push", _at(np.ascontiguousarray(row)), called.result) == DONE
    ]
    outputs = judged(wanted, facts.quantisation.output)
    real = metrics.to_outputs(outputs, facts.quantisation, facts.card)
    assert np.allclose(found, real, rtol=1e-6)
    assert np.ptp(real, axis=0).min() > 0


@pytest.mark.parametrize("task", ["classification", "detection", "multilabel"])
def test_outputs_become_labels(task: str, tmp_path: Path) -> None:
    """The probabilities, the likeliest label and what is detected, as the host has them."""
    library = make(tmp_path / "library", "mine", task)
    called, facts = Called(library, tmp_path), library.facts
    inputs = np.random.default_rng(4).integers(-128, 128, (50, ROWS, 1, FEATURES)).astype(np.int8)
    outputs = reference(library.tflite, inputs)
    labels, detected = [], []
    for one, output in zip(inputs, outputs, strict=True):
        assert called("run_quantised", _at(np.ascontiguousarray(one)), called.result) == DONE
        end = alone(facts.quantisation.output)
        steps = (output.astype(np.int32) - end.zero_point).astype(np.float32)
        assert np.array_equal(called.floats(3), steps * np.float32(end.scale))
        labels.append(int.from_bytes(bytes(called.result[12:14]), "little"))
        detected.append(
            bytes(called.result[12:15] if task == "multilabel" else called.result[14:15])
        )
    assert facts.decision is None or len(set(detected)) > 1
    if task != "multilabel":
        assert labels == outputs.argmax(axis=1).tolist()
        assert len(set(labels)) > 1
    if task == "detection":
        others = np.maximum(outputs[:, 0].astype(int), outputs[:, 2])
        assert detected == [bytes([int(lead >= LEAD)]) for lead in outputs[:, 1] - others]
    if task == "multilabel":
        assert detected == [bytes(one.tolist()) for one in outputs >= np.array(LEAST)]


def test_labels_of_several_outputs_have_each_their_threshold(tmp_path: Path) -> None:
    """Wherever among the model's outputs a label lies, and in whatever steps."""
    library = make(tmp_path / "library", "mine", "several_tags")
    called, end = Called(library, tmp_path), library.facts.quantisation
    shape = (50, *end.input.shape)
    inputs = np.random.default_rng(4).integers(-128, 128, shape).astype(np.int8)
    outputs = judged(outputs_of(library.tflite, Windows.each(inputs)), end.output)
    scales, zero_points = steps_of(end.output)
    steps = (outputs.astype(np.int32) - zero_points).astype(np.float32)
    for one, output, real in zip(inputs, outputs, steps * scales.astype(np.float32), strict=True):
        assert called("run_quantised", _at(one), called.result) == DONE
        assert np.array_equal(called.floats(3), real)
        assert bytes(called.result[12:15]) == bytes((output >= 0).tolist())
    assert 0 < (outputs >= 0).mean() < 1


@pytest.mark.parametrize("task", ["anomaly", "centroids"])
def test_scores_are_the_hosts(task: str, tmp_path: Path) -> None:
    """Whole numbers, equal on every core; also where the model overwrites its input."""
    library = make(tmp_path / "library", "mine", task)
    called, facts = Called(library, tmp_path), library.facts
    inputs = np.random.default_rng(4).integers(-128, 128, (50, ROWS * FEATURES)).astype(np.int8)
    outputs = reference(library.tflite, inputs)
    wanted = metrics.of_device(outputs, Windows.each(inputs), facts.quantisation, facts.card)[:, 1]
    assert facts.decision is not None
    for one, score in zip(inputs, wanted.astype(int).tolist(), strict=True):
        assert called("run_quantised", _at(one), called.result) == DONE
        assert int.from_bytes(bytes(called.result[:8]), "little") == score
        label = int.from_bytes(bytes(called.result[12:14]), "little")
        assert label == int(score >= facts.decision.thresholds[0].least)


def test_every_task_has_a_library() -> None:
    """What a contract's `task` may be is tested here."""
    assert {"regression", "classification", "multilabel", "anomaly"} <= set(TASKS.values())
