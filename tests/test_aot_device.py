"""Generated C against the oracle on emulated Cortex-M cores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.board import load_board
from tests import graphs
from tests.aot_device import run_on_board
from tests.aot_host import make_case

if TYPE_CHECKING:
    from pathlib import Path

    from tests.aot_host import Case

GRAPHS = 200
PER_IMAGE = 100  # what fits into the 512 KiB of mps3/an547
BOARDS = {"mps2/an385": "cortex-m3", "mps2/an386": "cortex-m4", "mps3/an547": "cortex-m55"}


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """200 random graphs."""
    return [make_case(f"graph_{seed}", graphs.random_graph(seed)) for seed in range(GRAPHS)]


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_random_graphs_equal_the_oracle(name: str, cases: list[Case], tmp_path: Path) -> None:
    """Not one of the output bytes of 200 graphs differs on M3, M4F and M55."""
    board = load_board(name)
    assert board.cpu == BOARDS[name]
    bad: set[str] = set()
    for start in range(0, GRAPHS, PER_IMAGE):
        folder = tmp_path / str(start)
        folder.mkdir()
        results = run_on_board(cases[start : start + PER_IMAGE], board, folder)
        bad |= {graph for graph, (differing, _) in results.items() if differing}
    assert bad == set()
