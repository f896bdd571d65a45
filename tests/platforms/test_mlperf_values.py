"""What the benchmark's runner sends of each task, and what it is told, on an emulated board."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.contract.loader import load
from mlforge_tasks.errors import ContractError
from mlforge_tasks.platforms import BuildRequest
from mlforge_tasks.platforms.baremetal import PLUGIN as BAREMETAL
from mlforge_tasks.quantisation import Quantisation, TensorQuantisation
from mlforge_tasks.runners._program import Program, running
from mlforge_tasks.runners.qemu import command
from mlforge_tasks.stages.header import header
from tests.helpers import tiny_model
from tests.helpers.builds import edited
from tests.helpers.model_data import card
from tests.helpers.paths import ROOT, TANK
from tests.platforms.test_mlperf import Dut

if TYPE_CHECKING:
    from pathlib import Path

BOARD = load_board("mps2/an385")
# The output is the input; the model writes over its input, as engines may.
ECHO = """\
#include <string.h>
#include "model.h"
#include "model_data.h"
static int8_t input[MODEL_INPUT_BYTES], output[MODEL_OUTPUT_BYTES];
int model_init(void) { return 0; }
int8_t *model_input(void) { return input; }
const int8_t *model_output(void) { return output; }
uint32_t model_arena_bytes(void) { return sizeof input; }
int model_invoke(void)
{
    memcpy(output, input, sizeof output);
    memset(input, 0, sizeof input);
    return 0;
}
"""


def _ask(
    folder: Path, mlperf: str, task: str, given: bytes, shape: tuple[int, ...], **scaling: Any
) -> list[float]:
    """The results for an input as the runner sends it; of an output whose steps are ones."""
    count = int(np.prod(shape))
    scale, zero_point = scaling.pop("step", (1.0, -128))
    about = card(task, shape, count, labels=tuple(str(i) for i in range(count)), **scaling)
    out = (scale, zero_point) if task == "anomaly" else (1.0, 0)
    ends = [
        TensorQuantisation(name=name, shape=sides, scale=step, zero_point=zero)
        for name, sides, (step, zero) in (
            ("in", shape, (scale, zero_point)),
            ("out", (count,), out),
        )
    ]
    model = Quantisation(
        input=ends[0],
        output=ends[1],
        operators=(),
        tflite_bytes=1,
        tflite_sha256=tiny_model.MODEL_DIGEST,
    )
    folder.mkdir(exist_ok=True)
    (folder / "model_data.h").write_text(header(b"x", model, about))
    (folder / "model.c").write_text(ECHO)
    request = BuildRequest(
        board=BOARD,
        header=folder,
        engine=folder,
        engine_name="tiny",
        firmware_id=tiny_model.FIRMWARE_ID,
        mlperf=mlperf,
    )
    BAREMETAL.build(request, folder)
    program = Program(command(BOARD, folder / "firmware.elf"))
    with running(program, lambda how: how.outcome("QEMU")) as console:
        device = Dut(console)
        device.ask(f"db load {len(given)}")
        for at in range(0, len(given), 31):
            lines = device.ask(f"db {given[at : at + 31].hex()}")
        assert lines == ["m-load-done"]
        first, second = (
            next(line for line in device.ask("infer 2 1") if line.startswith("m-results-["))
            for _ in range(2)
        )
    assert first == second, "what was loaded stays"
    return [float(each) for each in first.removeprefix("m-results-[")[:-1].split(",")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ic01", "vww01"])
def test_an_image_is_sent_as_unsigned_bytes(name: str, tmp_path: Path) -> None:
    """Of pixels as they are, and of pixels / 255: 128 less, for every one of them."""
    pixels = bytes(range(256)) + bytes(reversed(range(0, 256, 2)))
    scaling: dict[str, Any] = {"ic01": {}, "vww01": {"step": (1 / 255, -128)}}[name]
    divisor = 1.0 if name == "ic01" else 255.0
    found = _ask(
        tmp_path,
        name,
        "classification",
        pixels,
        (16, 8, 3),
        input_mean=(0.0,) * 3,
        input_scale=(divisor,) * 3,
        **scaling,
    )
    assert found == [float(pixel) - 128 for pixel in pixels]


@pytest.mark.slow
def test_channels_have_their_own_scaling(tmp_path: Path) -> None:
    """A network trained on (pixel - mean) / deviation is given just that."""
    pixels = np.random.default_rng(3).integers(0, 256, 48).astype(np.uint8)
    mean, deviation = (100.0, 120.0, 90.0), (60.0, 55.0, 70.0)
    found = _ask(
        tmp_path,
        "ic01",
        "classification",
        pixels.tobytes(),
        (4, 4, 3),
        input_mean=mean,
        input_scale=deviation,
        step=(0.02, -5),
    )
    normalised = (pixels.reshape(-1, 3) - np.array(mean, np.float32)) / np.array(
        deviation, np.float32
    )
    steps = normalised / np.float32(0.02)
    nearest = np.sign(steps) * np.floor(np.abs(steps) + 0.5)
    assert (np.array(found) == np.clip(nearest - 5, -128, 127).ravel()).all()


@pytest.mark.slow
@pytest.mark.parametrize("scaled", [False, True])
def test_a_spectrum_is_sent_as_floats(tmp_path: Path, *, scaled: bool) -> None:
    """The answer is the mean squared error against what was sent, in the readings' own unit."""
    sent = np.array([-60.25, -31.4, -12.0, 0.24, 0.76, 25.3, 80.0, -999.0], np.float32)
    mean, deviation = (-20.0, 15.0) if scaled else (0.0, 1.0)
    scale, zero_point = (0.05, 3) if scaled else (0.5, 90)
    (found,) = _ask(
        tmp_path,
        "ad01",
        "anomaly",
        struct.pack("<8f", *sent),
        (8,),
        input_mean=(mean,) * 8,
        input_scale=(deviation,) * 8,
        step=(scale, zero_point),
    )
    steps = (sent - mean) / deviation / scale
    inside = np.clip(np.sign(steps) * np.floor(np.abs(steps) + 0.5) + zero_point, -128, 127)
    again = (inside - zero_point) * scale * deviation + mean
    assert found == pytest.approx(float(np.mean((again - sent) ** 2)), rel=1e-5, abs=6e-4)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ad01", "the benchmark's task of anomaly, and this contract's is regression"),
        ("ic01", "the benchmark's task of classification"),
        ("sww01", "sent its audio over I2S"),
    ],
)
def test_a_task_of_the_benchmark_is_no_other(name: str, why: str, tmp_path: Path) -> None:
    """Its runner would send what this contract's model does not take."""
    target = "target: {board: mps2/an385, platform: baremetal, engine: aot"
    contract = edited(TANK, tmp_path, (target, f"{target}, mlperf: {name}"))
    with pytest.raises(ContractError, match=f"target.mlperf: .*'{name}' is {why}"):
        load(contract, ROOT)
