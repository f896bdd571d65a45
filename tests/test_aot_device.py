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
PER_IMAGE = 67  # what fits into the 512 KiB of mps3/an547
PER_OPERATOR = 60
BOARDS = {
    "mps2/an385": "cortex-m3",
    "mps2/an386": "cortex-m4",
    "mps2/an500": "cortex-m7",
    "mps2/an505": "cortex-m33",
    "mps3/an547": "cortex-m55",
}


def _cases(start: int, cpu: str) -> list[Case]:
    seeds = range(start, min(start + PER_IMAGE, GRAPHS))
    return [make_case(f"graph_{seed}", graphs.random_graph(seed), cpu) for seed in seeds]


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_random_graphs_equal_the_oracle(name: str, tmp_path: Path) -> None:
    """Not one of the output bytes of 200 graphs differs on any core, each with its own kernels."""
    board = load_board(name)
    assert board.cpu == BOARDS[name]
    bad: set[str] = set()
    for start in range(0, GRAPHS, PER_IMAGE):
        folder = tmp_path / str(start)
        folder.mkdir()
        results = run_on_board(_cases(start, board.cpu), board, folder)
        bad |= {graph for graph, (differing, _) in results.items() if differing}
    assert bad == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mps2/an386", "mps3/an547"])
@pytest.mark.parametrize(
    "op", ["CONV_2D", "WIDE_CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD"]
)
def test_the_kernels_of_a_core_equal_the_oracle(op: str, name: str, tmp_path: Path) -> None:
    """Operators that have kernels of their own for DSP and MVE, in random shapes."""
    board = load_board(name)
    seeds = range(1000, 1000 + PER_OPERATOR)
    cases = [make_case(f"m{seed}", graphs.single_operator(op, seed), board.cpu) for seed in seeds]
    results = run_on_board(cases, board, tmp_path)
    assert {model for model, (differing, _) in results.items() if differing} == set()
