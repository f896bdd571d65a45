"""A model of what is normal: what it learns, and the score that device and host tell alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.platforms import BuildRequest
from mlforge_tasks.platforms.baremetal import PLUGIN as BAREMETAL
from mlforge_tasks.quantisation import Quantisation, TensorQuantisation, alone, score_unit
from mlforge_tasks.runners import Expected, InferenceResult, Way
from mlforge_tasks.runners._program import Program, running
from mlforge_tasks.runners.qemu import PLUGIN as QEMU
from mlforge_tasks.runners.qemu import command
from mlforge_tasks.stages._golden import GoldenVectors
from mlforge_tasks.stages.header import header
from mlforge_tasks.verdict import metrics
from mlforge_tasks.verdict.decision import Decision, Threshold
from mlforge_tasks.verdict.reconstruction import reconstruction_scores, squared_errors
from mlforge_tasks.windows import Windows
from tests.helpers import tiny_model
from tests.helpers.model_data import card, write_dataset
from tests.platforms.test_mlperf import Dut

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

BOARD = load_board("mps2/an385")
SIZE, LEAST = 6, 96_600_000
ABOUT = card("anomaly", (SIZE,), SIZE, labels=("normal", "anomaly"))
# Input finer than output, coarser, and by so much that one of them weighs nothing.
SCALES = [(0.03, 0.05), (0.05, 0.03), (0.02, 0.02), (1e-6, 1.0), (1.0, 1e-6)]
# In the middle of what the device below makes of the data: it raises some alarms.
DECISION = Decision(
    rule="score",
    positive=1,
    thresholds=(Threshold(chosen_for="f1", label="anomaly", least=LEAST, validation=None),),
)
PRINT_SCORES = """
#include <stdio.h>
#include "model_data.h"
int main(void)
{
    int8_t pair[2][MODEL_INPUT_BYTES];
    while (fread(pair, sizeof pair, 1, stdin) == 1) {
        printf("%llu\\n", (unsigned long long)model_score(pair[0], pair[1]));
    }
    return 0;
}
"""
# The engine of a device: it gives each element back, one less, and spoils its input.
NEARLY_THE_SAME = """
#include "model.h"
#include "model_data.h"
static int8_t input[MODEL_INPUT_BYTES], output[MODEL_OUTPUT_BYTES];
int model_init(void) { return 0; }
int8_t *model_input(void) { return input; }
const int8_t *model_output(void) { return output; }
uint32_t model_arena_bytes(void) { return sizeof input; }
int model_invoke(void)
{
    for (int i = 0; i < MODEL_INPUT_BYTES; i++) {
        output[i] = (int8_t)(input[i] - (input[i] > -128));
        input[i] = 0;
    }
    return 0;
}
"""


def _model(scales: tuple[float, float] = SCALES[0]) -> Quantisation:
    tensors = [
        TensorQuantisation(name=name, shape=(SIZE,), scale=scale, zero_point=zero_point)
        for name, scale, zero_point in zip(("in", "out"), scales, (-128, 127), strict=True)
    ]
    return Quantisation(
        input=tensors[0],
        output=tensors[1],
        operators=(),
        tflite_bytes=1,
        tflite_sha256=tiny_model.MODEL_DIGEST,
    )


def _pairs(seed: int = 1) -> NDArray[np.int8]:
    """Inputs and outputs, [N, 2, SIZE]: any, and the ends of the range against each other."""
    pairs = np.random.default_rng(seed).integers(-128, 128, (50, 2, SIZE)).astype(np.int8)
    pairs[0], pairs[1], pairs[2, 0], pairs[2, 1] = -128, 127, -128, 127
    return pairs


def _scores(pairs: NDArray[np.int8], model: Quantisation) -> NDArray[np.int64]:
    return reconstruction_scores(Windows.each(pairs[:, 0]), pairs[:, 1], model)


@pytest.mark.parametrize("scales", SCALES)
def test_c_and_python_score_alike(scales: tuple[float, float], tmp_path: Path) -> None:
    """`model_score` of the header gives the very numbers that the host judges by."""
    pairs, model = _pairs(), _model(scales)
    (tmp_path / "model_data.h").write_text(header(b"x", model, ABOUT))
    (tmp_path / "score.c").write_text(PRINT_SCORES)
    (tmp_path / "pairs").write_bytes(pairs.tobytes())
    argv = ["gcc", "-std=c11", "-fsanitize=undefined", "-fno-sanitize-recover", "score.c"]
    process.check([*argv, "-o", "score"], timeout_s=60, cwd=tmp_path)
    told = process.check(["sh", "-c", "./score < pairs"], timeout_s=60, cwd=tmp_path)
    wanted = _scores(pairs, model)
    assert [int(line) for line in told.split()] == wanted.tolist()


@pytest.mark.parametrize("scales", SCALES[:3])
def test_a_score_is_the_mean_squared_error(scales: tuple[float, float]) -> None:
    """In its unit it is that of the real values, up to 1/32 of the coarser step an element."""
    pairs, model = _pairs(), _model(scales)
    real = [
        (values.astype(np.float64) - tensor.zero_point) * tensor.scale
        for values, tensor in zip(
            (pairs[:, 0], pairs[:, 1]), map(alone, (model.input, model.output)), strict=True
        )
    ]
    wanted = np.sqrt(np.mean((real[0] - real[1]) ** 2, axis=1))
    found = np.sqrt(
        reconstruction_scores(Windows.each(pairs[:, 0]), pairs[:, 1], model) * score_unit(model)
    )
    assert np.abs(found - wanted).max() <= max(scales) / 32 + 255 * max(scales) * 2**-14


def test_a_perfect_reconstruction_scores_nothing() -> None:
    """Where both ends have one scale, an input that comes back as it was is 0 away."""
    model = _model((0.1, 0.1))
    same = model.model_copy(update={"output": model.input})
    inputs = _pairs()[:, 0]
    assert not reconstruction_scores(Windows.each(inputs), inputs, same).any()


def test_outputs_are_scores_against_nothing() -> None:
    """Float network and int8 model are judged alike: two columns, the second is the score."""
    inputs = np.array([[0.0, 1.0], [2.0, 2.0]], np.float32)
    about = card("anomaly", (2,), 2, labels=("normal", "anomaly"))
    outputs = metrics.of_network(inputs - 2, Windows.each(inputs), about)
    assert outputs.tolist() == [[0, 4], [0, 4]]
    pairs, model = _pairs(), _model()
    found = metrics.of_device(pairs[:, 1], Windows.each(pairs[:, 0]), model, ABOUT)
    assert not found[:, 0].any()
    assert (
        found[:, 1] == reconstruction_scores(Windows.each(pairs[:, 0]), pairs[:, 1], model)
    ).all()


def test_errors_of_windows_that_overlap() -> None:
    """Each example's own error, whatever rows it shares with the next."""
    rows = np.arange(12, dtype=np.float32).reshape(6, 2)
    inputs = Windows(rows, np.array([0, 1, 3]), length=2)
    back = inputs[:].reshape(3, 4) + np.array([[0], [1], [3]], np.float32)
    assert squared_errors(back, inputs).tolist() == [0, 1, 9]


class _Device:
    """Answers as a device would whose outputs are the input, one less."""

    def __init__(self, model: Quantisation, off: int = 0, decision: bytes = b"") -> None:
        self._model, self._off, self._decision = model, off, decision
        self.inputs_through: Way = "line"

    def infer(self, data: bytes) -> InferenceResult:
        given = np.frombuffer(data, np.int8)[None]
        output = np.maximum(given.astype(np.int16) - 1, -128).astype(np.int8)
        score = reconstruction_scores(Windows.each(given), output, self._model) + self._off
        told = output.tobytes() + score.astype("<u8").tobytes() + self._decision
        return InferenceResult(output=told, ticks=1)


def test_a_wrong_score_is_a_broken_tool(tmp_path: Path) -> None:
    """A device's score is held against the host's, to the last bit."""
    model = _model()
    golden = GoldenVectors.choose(write_dataset(tmp_path / "data", ABOUT), model)
    session: Any = _Device(model)
    assert golden.ask(session).shape == (len(golden.inputs), SIZE)
    session = _Device(model, off=1)
    with pytest.raises(ToolError, match="scores are not those that follow"):
        golden.ask(session)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A device that scores and decides, and answers the benchmark's runner."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "model_data.h").write_text(header(b"x", _model(), ABOUT, DECISION))
    (folder / "model.c").write_text(NEARLY_THE_SAME)
    request = BuildRequest(
        board=BOARD,
        header=folder,
        engine=folder,
        engine_name="tiny",
        firmware_id=tiny_model.FIRMWARE_ID,
        mlperf="pump",
    )
    BAREMETAL.build(request, folder)
    return folder / "firmware.elf"


def test_a_device_tells_the_score(image: Path, tmp_path: Path) -> None:
    """The firmware scores the input that it was given, though the model overwrote it."""
    model = _model()
    golden = GoldenVectors.choose(write_dataset(tmp_path / "data", ABOUT), model, DECISION)
    expected = Expected(tiny_model.FIRMWARE_ID, model.tflite_sha256)
    with QEMU.open(BOARD, image, expected) as session:
        outputs = golden.ask(session)
    assert (outputs == np.maximum(golden.inputs.astype(np.int16) - 1, -128)).all()
    scores = reconstruction_scores(Windows.each(golden.inputs), outputs, model)
    assert scores.min() < LEAST <= scores.max()


def test_the_benchmark_hears_the_error(image: Path) -> None:
    """Its runner wants one number of a model of what is normal: the mean squared error."""
    given, model = np.array([[-128, -100, -60, 0, 90, 127]], np.int8), _model()
    outputs = np.array([[-128, -101, -61, -1, 89, 126]], np.int8)
    score = reconstruction_scores(Windows.each(given), outputs, model)[0]
    with running(Program(command(BOARD, image)), lambda how: how.outcome("QEMU")) as console:
        device = Dut(console)
        device.until("m-init-done\r\n")
        device.ask(f"db load {SIZE}")
        assert device.ask(f"db {given.tobytes().hex()}") == ["m-load-done"]
        (found,) = (line for line in device.ask("infer 1 1") if line.startswith("m-results-["))
    error = float(found.removeprefix("m-results-[").removesuffix("]"))
    assert error == pytest.approx(score * score_unit(model), abs=0.0006, rel=1e-6)


def test_a_wrong_decision_is_a_broken_tool(tmp_path: Path) -> None:
    """A byte that does not follow from the score is told, too."""
    model = _model()
    golden = GoldenVectors.choose(write_dataset(tmp_path / "data", ABOUT), model, DECISION)
    session: Any = _Device(model, decision=b"\1")
    with pytest.raises(ToolError, match="decisions are not those that follow"):
        golden.ask(session)
