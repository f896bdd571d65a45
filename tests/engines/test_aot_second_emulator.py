"""Generated C in a second emulator: an error of QEMU's would have to be one of Icicle's too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("tflite_micro")
pytest.importorskip("icicle", reason="no icicle-emu, which is in the extra 'dev'")

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.platforms._image import link_image
from mlforge_tasks.runners.qemu import run_to_end
from tests.helpers import graph_dead, graphs
from tests.helpers.aot_device import RUN_LIMIT_S, results, write_program
from tests.helpers.aot_host import make_case
from tests.helpers.icicle_device import Device

if TYPE_CHECKING:
    from pathlib import Path

EACH = 8  # so manieth graph


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mps2/an385", "mps2/an386"])
def test_both_emulators_equal_the_oracle(name: str, tmp_path: Path) -> None:
    """The very image that QEMU runs for Cortex-M3 and M4: not one output byte differs in either."""
    board = load_board(name)
    seeds = range(0, graphs.COUNT, EACH)
    cases = [make_case(f"g{seed}", graph_dead.any_graph(seed), board.cpu) for seed in seeds]
    sources = write_program(cases, tmp_path)
    image = link_image(board, sources, tmp_path, include_dirs=[tmp_path])
    second = results(cases, Device(image.elf).run().decode())
    assert {model for model, (bad, _) in second.items() if bad} == set()
    first = results(cases, run_to_end(board, image.elf, limit_s=RUN_LIMIT_S).decode())
    assert {model: bad for model, (bad, _) in first.items()} == dict.fromkeys(second, 0)
