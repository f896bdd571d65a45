"""Real Keras models through the engine: outputs, memory, and instructions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("tflite_micro")

from benchmarks._engine_image import measure
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines._aot.patches import MOST_EXTRA_SHARE
from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.graph import process
from tests.helpers.aot_device import run_on_board
from tests.helpers.aot_host import Case, make_case
from tests.helpers.aot_linux import CORES, run_on_core
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.slow

CONVERSION_LIMIT_S = 300.0
# Counted by QEMU, so exact: the bound is what the kernels of the core are for, with a little room.
MOST_INSTRUCTIONS_PER_MAC = {
    "mps2/an385": {"keyword_spotting": 2.5, "resnet_8": 2.15, "autoencoder": 2.5},
    "mps2/an386": {
        "keyword_spotting": 1.24,
        "resnet_8": 1.03,
        "visual_wake_words": 1.38,
        "autoencoder": 1.32,
    },
    "mps3/an547": {"keyword_spotting": 0.33, "resnet_8": 0.19, "autoencoder": 0.24},
}
# What first layers in stripes leave of the arena.
MOST_OF_WHOLE = {
    "visual_wake_words": 0.81,
    "resnet_8": 0.66,
    "activity_200": 0.63,
    "sequence": 0.63,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """Converted Keras models."""
    folder = tmp_path_factory.mktemp("keras")
    script = ROOT / "tests" / "helpers" / "aot_keras_models.py"
    process.check([sys.executable, str(script), str(folder)], timeout_s=CONVERSION_LIMIT_S)
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.tflite"))}


@pytest.fixture(scope="module")
def cases(models: Mapping[str, bytes]) -> Mapping[str, Case]:
    """The models for Cortex-M3 with the oracle's outputs."""
    return {name: make_case(name, tflite, "cortex-m3") for name, tflite in models.items()}


@pytest.mark.parametrize("name", MOST_INSTRUCTIONS_PER_MAC)
def test_models_are_exact_and_fast(name: str, models: Mapping[str, bytes], tmp_path: Path) -> None:
    """Not a byte differs, and a multiply-accumulate of a whole network takes few instructions."""
    board = load_board(name)
    assert board.qemu is not None
    instructions_per_tick = 1e9 / board.systick_hz / 2**board.qemu.icount_shift
    for model, tflite in models.items():
        case = make_case(model, tflite, board.cpu)
        folder = tmp_path / model
        folder.mkdir()
        bad, ticks = run_on_board([case], board, folder)[model]
        macs = sum(layer.macs for layer in case.generated.layers)
        assert bad == 0, model
        most = MOST_INSTRUCTIONS_PER_MAC[name].get(model)
        assert most is None or ticks * instructions_per_tick / macs < most, model


@pytest.mark.parametrize("name", CORES)
def test_models_are_exact_on_other_cores(
    name: str, models: Mapping[str, bytes], tmp_path: Path
) -> None:
    """Whole networks on RISC-V and AArch64, not a byte off."""
    core = CORES[name]
    if core.missing():
        pytest.skip(f"not installed: {', '.join(core.missing())} (./bootstrap --dev)")
    cases = [make_case(model, tflite, name) for model, tflite in models.items()]
    assert run_on_core(cases, core, tmp_path) == dict.fromkeys(models, 0)


@pytest.mark.parametrize(
    ("cpu", "most_bytes"), [("host", 8800), ("cortex-m4", 8800), ("cortex-m55", 10_100)]
)
def test_keyword_spotting_takes_one_of_its_layers(
    cpu: str, most_bytes: int, models: Mapping[str, bytes]
) -> None:
    """Input and output of a 1x1 convolution are 8000 bytes each; one grows into the other."""
    assert PLUGIN.generate(models["keyword_spotting"], cpu).arena_bytes <= most_bytes


def test_keyword_spotting_takes_little_flash_beside_its_weights(
    models: Mapping[str, bytes], tmp_path: Path
) -> None:
    """What its kernels, parameters and tables add to an image that only starts up."""
    found = measure(models["keyword_spotting"], load_board("mps2/an386"), tmp_path)
    assert found.engine_bytes <= 10_000


@pytest.mark.parametrize("cpu", ["host", "cortex-m4", "cortex-m55"])
def test_visual_wake_words_streams_into_less_than_its_input(
    cpu: str, models: Mapping[str, bytes]
) -> None:
    """27,648 bytes of input come by rows; its largest layer alone has 36,864."""
    whole = PLUGIN.generate(models["visual_wake_words"], cpu)
    streamed = PLUGIN.generate(
        models["visual_wake_words"], cpu, arena_limit_bytes=20_000, streamed=True
    )
    assert streamed.arena_bytes <= 20_000
    assert sum(each.macs for each in streamed.layers) == sum(each.macs for each in whole.layers)
    cut = PLUGIN.generate(models["visual_wake_words"], cpu, arena_limit_bytes=38_000)
    assert cut.arena_bytes <= 38_000
    assert cut.patches is not None
    assert cut.patches.extra_macs == 0


@pytest.mark.parametrize("name", ["mps2/an386", "mps3/an547"])
@pytest.mark.parametrize("model", MOST_OF_WHOLE)
def test_first_layers_in_stripes(
    model: str, name: str, models: Mapping[str, bytes], tmp_path: Path
) -> None:
    """Not a byte differs, and the arena is that much smaller, with no weight more in flash."""
    board = load_board(name)
    whole = make_case(model, models[model], board.cpu).generated
    case = make_case(model, models[model], board.cpu, arena_limit_bytes=0)
    patches = case.generated.patches
    assert patches is not None
    assert patches.whole_arena_bytes == whole.arena_bytes
    assert case.generated.arena_bytes <= MOST_OF_WHOLE[model] * whole.arena_bytes
    macs, before = (sum(each.macs for each in one.layers) for one in (case.generated, whole))
    assert macs - before == patches.extra_macs <= MOST_EXTRA_SHARE * before
    weights = (sum(each.weight_bytes for each in one.layers) for one in (case.generated, whole))
    assert len(set(weights)) == 1
    assert run_on_board([case], board, tmp_path)[model][0] == 0


def test_names_are_those_of_the_keras_layers(cases: Mapping[str, Case]) -> None:
    """A person finds the layers of the model in the generated C."""
    names = [layer.name for layer in cases["keyword_spotting"].generated.layers]
    assert all(kind in " ".join(names) for kind in ("conv2d", "depthwise_conv2d", "dense"))
