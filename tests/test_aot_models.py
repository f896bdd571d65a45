"""Real Keras models through the engine: outputs, memory, and instructions on Cortex-M3."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks import process
from mlforge_tasks.board import load_board
from tests.aot_device import run_on_board
from tests.aot_host import Case, make_case

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.slow

CONVERSION_LIMIT_S = 300.0
# Counted by QEMU, so exact: the bound is what the register blocking is for, with a little room.
MOST_INSTRUCTIONS_PER_MAC = {"keyword_spotting": 2.9, "resnet_8": 2.6, "autoencoder": 2.9}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Case]:
    """Converted Keras models with the oracle's outputs."""
    folder = tmp_path_factory.mktemp("keras")
    script = Path(__file__).with_name("aot_keras_models.py")
    process.check([sys.executable, str(script), str(folder)], timeout_s=CONVERSION_LIMIT_S)
    models = sorted(folder.glob("*.tflite"))
    return {path.stem: make_case(path.stem, path.read_bytes()) for path in models}


@pytest.fixture(scope="module")
def on_m3(
    cases: Mapping[str, Case], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, tuple[int, int]]:
    """Differing bytes and instructions of one inference on Cortex-M3."""
    board = load_board("mps2/an385")
    assert board.qemu is not None
    instructions_per_tick = 1e9 / board.systick_hz / 2**board.qemu.icount_shift
    results = run_on_board(list(cases.values()), board, tmp_path_factory.mktemp("m3"))
    return {
        name: (bad, int(ticks * instructions_per_tick)) for name, (bad, ticks) in results.items()
    }


def test_outputs_equal_the_oracle(on_m3: Mapping[str, tuple[int, int]]) -> None:
    """Not one byte differs."""
    assert {name: bad for name, (bad, _) in on_m3.items() if bad} == {}


@pytest.mark.parametrize("name", MOST_INSTRUCTIONS_PER_MAC)
def test_a_mac_takes_few_instructions(
    name: str, cases: Mapping[str, Case], on_m3: Mapping[str, tuple[int, int]]
) -> None:
    """Whole networks, softmax and pooling included."""
    macs = sum(layer.macs for layer in cases[name].generated.layers)
    assert on_m3[name][1] / macs < MOST_INSTRUCTIONS_PER_MAC[name]


def test_keyword_spotting_fits_its_two_largest_layers(cases: Mapping[str, Case]) -> None:
    """RAM is at the liveness bound: input and output of a 1x1 convolution, 8000 bytes each."""
    assert cases["keyword_spotting"].generated.arena_bytes == 16000


def test_names_are_those_of_the_keras_layers(cases: Mapping[str, Case]) -> None:
    """A person finds the layers of the model in the generated C."""
    names = [layer.name for layer in cases["keyword_spotting"].generated.layers]
    assert all(kind in " ".join(names) for kind in ("conv2d", "depthwise_conv2d", "dense"))
