"""`doit board` writes the file of a board that Zephyr knows, from what Zephyr says of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.contract.board import Board
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.errors import MlforgeError, ToolError
from mlforge_tasks.graph import product
from mlforge_tasks.platforms._zephyr import cross, describe, workspace
from mlforge_tasks.platforms.zephyr import PLUGIN
from mlforge_tasks.shell import new_board, request
from mlforge_tasks.yaml_file import read_model
from tests.helpers.builds import doit
from tests.helpers.graphs import random_graph
from tests.helpers.zephyr_images import NEEDS_ZEPHYR, answers, deploy_alone

if TYPE_CHECKING:
    from pathlib import Path

STM32 = """\
# nucleo_l476rg: core, memories and clocks as Zephyr's Kconfig and devicetree have them.
name: nucleo_l476rg
cpu: cortex-m4
gcc_flags: [-mcpu=cortex-m4, -mthumb]
fpu: true
dsp: true
mve: false
flash: {origin: 0x08000000, length: 1024 KiB}
ram: {origin: 0x20000000, length: 96 KiB}
clock_hz: 80_000_000
cycles_per_instruction: 1.4   # where forecasts start; as of mps2/an386
# CHECK: wait_states of its flash at that clock (data sheet): {flash: 3, line: 16 B}
systick_hz: 80_000_000
stack: 4 KiB
zephyr: {target: nucleo_l476rg, modules: [hal_stm32], arena_on: mps2/an386}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the project's place."""
    monkeypatch.setenv(product.VARIABLE, str(tmp_path))
    monkeypatch.setattr(new_board, "BUILD_ROOT", tmp_path / "build")
    return tmp_path


def refusal(**words: str) -> str:
    """What is said instead of a file."""
    with pytest.raises(MlforgeError) as caught:
        new_board.write(words)
    return str(caught.value)


def test_what_could_not_be_done_is_told(project: Path) -> None:
    """No name, a board that is there, a file that is there, a tree that is none."""
    assert "`doit board name=nucleo_l476rg`" in refusal()
    assert "MLForge has the board 'nucleo_f446re' already" in refusal(name="nucleo_f446re")
    assert "MLForge has the board 'mps3/an547'" in refusal(name="mps3/corstone300/an547")
    (project / "contracts" / "boards").mkdir(parents=True)
    (project / "contracts" / "boards" / "acme_pump.yaml").touch()
    assert "acme_pump.yaml' is there already" in refusal(name="acme/pump")
    assert "wanted a folder of the project" in refusal(name="x", folder="nowhere")
    assert "wanted a folder of the project" in refusal(name="x", folder="/")


def test_a_wrong_command_starts_nothing(tmp_path: Path) -> None:
    """As the table of exit codes in docs/quickstart.md has it."""
    found = doit("name=mps2/an385", build=tmp_path, command="board")
    assert found.code == 3
    assert "MLForge has the board 'mps2/an385' already" in found.err


@NEEDS_ZEPHYR
@pytest.mark.usefixtures("project")
def test_a_board_that_zephyr_does_not_know_is_told() -> None:
    """With the one that was likely meant."""
    said = refusal(name="nucleo_l4r5zx")
    assert "Zephyr has no board 'nucleo_l4r5zx'; did you mean 'nucleo_l4r5z" in said
    assert "boards/<vendor>/<board>/" in said


@pytest.mark.slow
@pytest.mark.zephyr
@NEEDS_ZEPHYR
def test_a_boards_file_is_what_zephyr_says(project: Path) -> None:
    """Memories, clock and the module that it needs; what nobody tells is marked."""
    if workspace.require().module("hal_stm32") is None:
        pytest.skip("the workspace lacks hal_stm32")
    path, unsure = new_board.write({"name": "nucleo_l476rg"})
    assert path == project / "contracts" / "boards" / "nucleo_l476rg.yaml"
    assert path.read_text() == STM32
    assert [line.partition(" ")[0] for line in unsure] == ["wait_states"]


def own_tree(root: Path) -> None:
    """A board of one's own: Zephyr's `qemu_cortex_m3` under another name, and vendor."""
    there = workspace.require().zephyr_base / "boards" / "qemu" / "cortex_m3"
    here = root / "boards" / "acme" / "acme_m3"
    shutil.copytree(there, here, ignore=shutil.ignore_patterns("doc"))
    for path in [one for one in here.iterdir() if one.is_file()]:
        text = path.read_text().replace("qemu_cortex_m3", "acme_m3")
        text = text.replace("BOARD_QEMU_CORTEX_M3", "BOARD_ACME_M3")
        path.unlink()
        (here / path.name.replace("qemu_cortex_m3", "acme_m3")).write_text(text)


@pytest.mark.slow
@pytest.mark.zephyr
@NEEDS_ZEPHYR
def test_a_board_of_a_tree_of_ones_own_runs(project: Path) -> None:
    """From Zephyr's files of it to outputs that equal the oracle's."""
    own_tree(project / "hw")
    path, unsure = new_board.write({"name": "acme_m3", "folder": "hw"})
    assert [line.partition(" ")[0] for line in unsure] == ["wait_states", "a"]
    qemu = "qemu: {binary: qemu-system-arm, machine: lm3s6965evb, icount_shift: 7}\n"
    path.write_text(path.read_text() + qemu)
    board = read_model(path, Board)
    assert (board.cpu, board.zephyr and board.zephyr.board_root) == ("cortex-m3", "hw")
    try:
        PLUGIN.require(board, AOT.name)
    except ToolError as missing:
        pytest.skip(missing.message)
    tflite = random_graph(5)
    report = deploy_alone(tflite, board, AOT, project / "out")
    assert answers(board, tflite, project / "out", report.firmware_id)


def test_a_new_contract_may_be_for_it(project: Path) -> None:
    """`doit new` knows the boards beside the contracts."""
    (project / "data.csv").touch()
    (project / "contracts" / "boards").mkdir(parents=True)
    (project / "contracts" / "boards" / "nucleo_l476rg.yaml").write_text(STM32)
    asked = request.read({"name": "pump", "data": "data.csv", "board": "nucleo_l476rg"})
    assert asked.board.clock_hz == 80_000_000


def test_every_architecture_has_a_compiler() -> None:
    """What a board can be described for, an image can be built for."""
    assert set(describe.ARCHES.values()) == {"arm", *cross.ARCHES}
