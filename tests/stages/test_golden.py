"""Golden vectors: what a device answers is held against what follows from its own outputs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.quantisation import Quantisation, TensorQuantisation
from mlforge_tasks.runners import Beside, InferenceResult, Way
from mlforge_tasks.stages._golden import GoldenVectors, fitting
from mlforge_tasks.verdict.decision import Decision, Threshold
from mlforge_tasks.verdict.detection import decisions
from tests.helpers.model_data import card, write_dataset

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.records import SelfTest

MODEL = Quantisation(
    input=TensorQuantisation(name="in", shape=(3,), scale=0.05, zero_point=0),
    output=TensorQuantisation(name="out", shape=(2,), scale=1 / 256, zero_point=-128),
    operators=(),
    tflite_bytes=1,
    tflite_sha256="0" * 64,
)
DECISION = Decision(
    rule="lead",
    positive=1,
    thresholds=(Threshold(chosen_for="f1", label="fault", least=7, validation=None),),
)


class Device:
    """Gives the first two input bytes, and behind them what it decides."""

    console = b""
    beside = Beside()

    def __init__(self, least: int | None) -> None:
        self._least = least

    @property
    def self_test(self) -> SelfTest:
        raise NotImplementedError

    inputs_through: Way = "line"
    begun = 0

    def begin(self) -> None:
        self.begun += 1

    def seconds_for(self, input_bytes: int, output_bytes: int) -> float:
        return (input_bytes + output_bytes) / 100

    def infer(self, data: bytes) -> InferenceResult:
        first, second = np.frombuffer(data, np.int8)[:2].tolist()
        decided = b"" if self._least is None else bytes([second - first >= self._least])
        return InferenceResult(output=data[:2] + decided, ticks=1)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of three numbers."""
    return write_dataset(tmp_path_factory.mktemp("golden") / "set", card("classification", (3,), 2))


def test_what_is_rare_is_among_the_vectors(dataset: Path, tmp_path: Path) -> None:
    """A device that never says so would pass for right where none is."""
    rare = tmp_path / "rare"
    shutil.copytree(dataset, rare)
    targets = np.zeros(96, np.int32)
    targets[[17, 50]] = 1
    np.save(rare / "test_y.npy", targets)
    golden = GoldenVectors.choose(rare, MODEL, DECISION)
    assert (len(golden.targets), golden.targets.sum()) == (32, 2)
    assert GoldenVectors.choose(rare, MODEL).targets.sum() < 2


@pytest.mark.parametrize(
    ("time_s", "count"), [(0.001, 4), (0.31, 6), (1.599, 31), (1.6, 32), (1e9, 32)], ids=str
)
def test_as_many_as_fit_the_time(dataset: Path, time_s: float, count: int) -> None:
    """Three bytes to send and two back take 50 ms here; what is left out is told."""
    fit = fitting(Device(7), MODEL, time_s)
    golden = GoldenVectors.choose(dataset, MODEL, DECISION, count=fit)
    assert (fit, len(golden.inputs), golden.left_out) == (count, count, 32 - count)
    assert golden.targets.sum() == count // 2


WIDE = MODEL.model_copy(
    update={
        "input": TensorQuantisation(
            name="in", shape=(3,), scale=0.001, zero_point=0, dtype="int16"
        ),
        "output": TensorQuantisation(
            name="out", shape=(2,), scale=0.1, zero_point=0, dtype="int16"
        ),
    }
)


class WideDevice(Device):
    """The same with elements of two bytes."""

    def infer(self, data: bytes) -> InferenceResult:
        first, second = np.frombuffer(data, "<i2")[:2].tolist()
        return InferenceResult(output=data[:4] + bytes([second - first >= 7]), ticks=1)


def test_elements_of_16_bits_are_two_bytes(dataset: Path) -> None:
    """Inputs, outputs, what they take to send, and decisions from leads beyond those of int8."""
    golden = GoldenVectors.choose(dataset, WIDE, DECISION)
    assert (golden.inputs.dtype.name, fitting(WideDevice(7), WIDE, 1.0)) == ("int16", 10)
    assert np.abs(golden.inputs).max() > 500
    outputs = golden.ask(WideDevice(7))
    np.testing.assert_array_equal(outputs, golden.inputs[:, :2])
    leads = np.array([[-32768, 32767], [32767, -32768]], np.int16)
    assert decisions(DECISION, leads).tolist() == [[1], [0]]


@pytest.mark.parametrize("decision", [None, DECISION], ids=["outputs", "decisions"])
def test_outputs_come_without_the_decisions(dataset: Path, decision: Decision | None) -> None:
    """They have the model's shape, and what was decided is right."""
    golden = GoldenVectors.choose(dataset, MODEL, decision)
    outputs = golden.ask(Device(None if decision is None else 7))
    np.testing.assert_array_equal(outputs, golden.inputs[:, :2])


@pytest.mark.parametrize(
    ("decision", "least"),
    [(DECISION, 8), (DECISION, None), (None, 7)],
    ids=["another threshold", "none of two", "one of none"],
)
def test_a_device_that_decides_otherwise_is_broken(
    dataset: Path, decision: Decision | None, least: int | None
) -> None:
    """By one step on one vector, or where it says nothing, or too much."""
    golden = GoldenVectors.choose(dataset, MODEL, decision)
    edge = np.array([[10, 17, 0], [10, 16, 0]], np.int8)
    golden = GoldenVectors(golden.card, MODEL, edge, golden.targets[:2], decision)
    with pytest.raises(ToolError, match="not those that follow from its 2 outputs"):
        golden.ask(Device(least))


def test_a_stream_is_run_from_where_it_begins(dataset: Path, tmp_path: Path) -> None:
    """Neighbours, from where one begins that has something to detect; the device is told."""
    streams = tmp_path / "streams"
    shutil.copytree(dataset, streams)
    anew = np.isin(np.arange(96), (0, 40, 50, 90))
    np.save(streams / "test_anew.npy", anew)
    targets = (np.arange(96) == 75).astype(np.int32)
    np.save(streams / "test_y.npy", targets)
    golden = GoldenVectors.choose(streams, MODEL, DECISION)
    assert golden.targets.tolist() == targets[50:82].tolist()
    assert golden.given().anew is golden.anew
    few = GoldenVectors.choose(streams, MODEL, DECISION, count=5)
    assert few.targets.tolist() == [0] * 5
    device = Device(7)
    again = GoldenVectors.choose(streams, MODEL, DECISION, count=60)
    again.ask(device)
    assert (len(again.inputs), device.begun) == (60, 3)
