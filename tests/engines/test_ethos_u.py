"""Engine `ethos_u`: Arm's compiler, its figures, and what it leaves to the CPU."""

from __future__ import annotations

import functools
import importlib.util
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks import plugins
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines.ethos_u import COMPILED, MODEL, PLUGIN, TABLE
from mlforge_tasks.errors import CandidateFailure, MlforgeError, ToolError
from mlforge_tasks.tflite_file.model import read
from tests.helpers import small_models

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.npu import Npu
    from mlforge_tasks.engines import GeneratedModel
    from mlforge_tasks.engines._npu_figures import NpuFigures

NEEDS_VELA = pytest.mark.skipif(
    importlib.util.find_spec("ethosu") is None, reason="ethos-u-vela is not installed"
)
pytestmark = NEEDS_VELA

ROUND = """
[System_Config.Half_As_Fast]
core_clock=250e6
axi0_port=Sram
axi1_port=OffChipFlash
Sram_clock_scale=1.0
OffChipFlash_clock_scale=0.125
"""


def npu(**other: object) -> Npu:
    """The NPU of Arm's board, or one that is different in something."""
    found = load_board("mps3/corstone300/fvp").npu
    assert found is not None
    return found.model_copy(update=other)


@functools.cache
def compiled(tflite: bytes) -> GeneratedModel:
    """A model for that NPU."""
    return PLUGIN.on(npu(), None).generate(tflite, "cortex-m55")


def figures(model: GeneratedModel) -> NpuFigures:
    """What is said of it."""
    assert model.npu is not None
    return model.npu


def test_the_engine_is_a_plug_in_without_vela() -> None:
    """A contract can name it; nothing of the compiler is imported for that."""
    assert plugins.load("engines", "ethos_u") is PLUGIN
    code = (
        "import sys; from mlforge_tasks import plugins; plugins.load('engines', 'ethos_u'); "
        "sys.exit('ethosu' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_flash_has_the_command_stream() -> None:
    """Vela's own figure is the weights alone; the file that a device holds has more."""
    model = compiled(small_models.conv())
    told = figures(model)
    parts = {one.name: one for one in read(model.beside[MODEL]).main.tensors}
    stream = next(one for name, one in parts.items() if "command_stream" in name)
    assert stream.data is not None
    assert told.command_stream_bytes == len(stream.data) > 0
    assert told.compiler_flash_bytes == told.constant_bytes > 0
    assert told.file_bytes == len(model.beside[MODEL])
    assert told.file_bytes > told.constant_bytes + told.command_stream_bytes


def test_figures_are_those_of_the_network() -> None:
    """Multiply-accumulates are known without a compiler; what follows from cycles is computed."""
    told = figures(compiled(small_models.conv()))
    side = small_models.SIDE
    assert told.macs == side * side * 3 * 3 * small_models.CHANNELS * 6
    assert told.npu_us == told.cycles / 500e6 * 1e6
    assert told.utilisation == told.macs / (told.cycles * 128)
    assert told.sram_bytes >= side * side * (small_models.CHANNELS + 6)
    assert told.on_cpu == ()
    assert told.compiler.startswith("ethos-u-vela 5.")


def test_the_image_gets_the_compiled_model() -> None:
    """And a table of the one operator that it has."""
    model = compiled(small_models.conv())
    table = model.files[TABLE].decode()
    assert re.findall(r"^ +&tflm_(\w+),$", table, re.MULTILINE) == ["ETHOS_U"]
    array = model.files[COMPILED].decode().partition("{")[2].partition("}")[0]
    assert bytes(int(one, 0) for one in array.split(",") if one.strip()) == model.beside[MODEL]


def test_the_same_bytes_anywhere(tmp_path: Path) -> None:
    """Whatever the folder, its name, the hash seed: `vela` by hand makes what the engine makes."""
    tflite = small_models.conv()
    for seed in ("1", "2"):
        folder = tmp_path / f"a folder {seed}"
        folder.mkdir()
        (folder / "model.tflite").write_bytes(tflite)
        argv = [sys.executable, "-m", "ethosu.vela", str(folder / "model.tflite")]
        argv += ["--accelerator-config", "ethos-u55-128", "--memory-mode", "Shared_Sram"]
        argv += ["--system-config", "Ethos_U55_High_End_Embedded", "--config", "Arm/vela.ini"]
        argv += ["--output-dir", str(folder / "out")]
        subprocess.run(argv, check=True, cwd=folder, env={"PYTHONHASHSEED": seed})
        assert (folder / "out" / MODEL).read_bytes() == compiled(tflite).beside[MODEL]


def test_what_is_left_to_the_cpu_is_told_with_the_reason() -> None:
    """By the name of its operator; the table then has it too, for TensorFlow Lite Micro."""
    model = compiled(small_models.transposed(step=3))
    (left,) = figures(model).on_cpu
    assert left.op == "TRANSPOSE_CONV"
    assert left.reason
    assert left.told() == f"TRANSPOSE_CONV ({left.reason})"
    assert "&tflm_TRANSPOSE_CONV," in model.files[TABLE].decode()


def test_a_model_that_vela_refuses_is_a_result() -> None:
    """The candidate fails with what vela says, and the search goes on."""
    with pytest.raises(CandidateFailure, match="vela cannot compile the model: ") as caught:
        PLUGIN.on(npu(), None).generate(b"\x1c\0\0\0TFL3" + bytes(64), "cortex-m55")
    assert caught.value.reason.code == "unsupported_operator"


@pytest.mark.parametrize(
    ("field", "name", "meant"),
    [
        ("system_config", "Ethos_U55_High_End_Embeded", "Ethos_U55_High_End_Embedded"),
        ("memory_mode", "Shared_SRAM", "Shared_Sram"),
    ],
)
def test_a_name_that_no_configuration_has(field: str, name: str, meant: str) -> None:
    """Told before anything starts, with what was meant and what there is."""
    with pytest.raises(MlforgeError, match=rf"npu.{field}: found '{name}'.*'{meant}'"):
        PLUGIN.require(npu(**{field: name}), None)


def test_a_configuration_of_ones_own() -> None:
    """Its names count beside Arm's; a clock half as fast doubles the time of the same cycles."""
    slower = npu(system_config="Half_As_Fast")
    with pytest.raises(MlforgeError, match="found 'Half_As_Fast'"):
        PLUGIN.require(slower, None)
    PLUGIN.require(slower, ROUND.encode())
    told = figures(PLUGIN.on(slower, ROUND.encode()).generate(small_models.conv(), "cortex-m55"))
    assert told.clock_hz == 250e6
    assert told.npu_us == pytest.approx(told.cycles / 250)


def test_a_configuration_that_cannot_be_read() -> None:
    """Names what is wrong with it."""
    with pytest.raises(MlforgeError, match=r"npu\.vela_ini: vela's configuration cannot be read"):
        PLUGIN.require(npu(), b"[Memory_Mode.A\n")


def test_a_clock_of_ones_own() -> None:
    """The time of the same cycles at that clock."""
    told = figures(
        PLUGIN.on(npu(clock_hz=100_000_000), None).generate(small_models.conv(), "cortex-m55")
    )
    assert told.npu_us == pytest.approx(told.cycles / 100)


def test_without_an_npu_there_is_nothing_to_compile_for() -> None:
    """The engine says what to write."""
    with pytest.raises(ToolError, match="not told which NPU"):
        PLUGIN.generate(small_models.conv(), "cortex-m55")
