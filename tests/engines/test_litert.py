"""LiteRT on Linux: the program calls its library, and is told how far it is from the oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines.litert import MOST_STEPS, OPERATORS, PLUGIN
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import litert
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.platforms.linux import PLUGIN as LINUX
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.runners import Expected
from tests.helpers.graphs import random_graph
from tests.helpers.linux_programs import board_or_skip, runner
from tests.helpers.zephyr_images import request_of

if TYPE_CHECKING:
    from pathlib import Path

SEED = 4  # a graph that LiteRT rounds in another way than the oracle


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linux_x86_64", "raspberry_pi_4"])
def test_outputs_are_close_and_not_the_same(name: str, tmp_path: Path) -> None:
    """Within a step of the oracle's; what is on disk is the program and the library."""
    board = board_or_skip(name, engine="litert")
    assert board.linux is not None
    tflite = random_graph(SEED)
    oracle = Oracle(tflite)
    shape = (5, *oracle.input_shape[1:])
    inputs = np.random.default_rng(SEED).integers(-128, 128, shape, np.int8)
    wanted = oracle.run(inputs)
    report = LINUX.build(request_of(tflite, board, PLUGIN, tmp_path), tmp_path)
    expected = Expected(report.firmware_id, sha256_bytes(tflite))
    with runner(board).open(board, tmp_path / "firmware.elf", expected) as session:
        answers = b"".join(session.infer(one.tobytes()).output for one in inputs)
    found = np.frombuffer(answers, np.int8).reshape(wanted.shape)
    steps = np.abs(found.astype(int) - wanted)
    assert 0 < steps.max() <= 3 < MOST_STEPS
    shared = litert.library(board.linux.arch)
    program = tmp_path / "firmware.bin"
    assert report.flash_bytes == program.stat().st_size + shared.stat().st_size
    assert litert.is_linked(program)
    assert str(shared.parent).encode() not in (tmp_path / "firmware.map").read_bytes()


def test_what_it_does_not_run_is_a_result() -> None:
    """An operator without a kernel, and a convolution without a bias."""
    assert "BROADCAST_TO" not in OPERATORS
    for seed, told in ((9, "BROADCAST_TO"), (6, "without a bias")):
        with pytest.raises(CandidateFailure, match=told) as caught:
            PLUGIN.generate(random_graph(seed), "cortex-a72")
        assert caught.value.reason.code == "unsupported_operator"


def test_a_library_that_is_not_there_or_another_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what gets it; and there is none for 32 bit."""
    monkeypatch.setenv(litert.VARIABLE, str(tmp_path))
    with pytest.raises(ToolError, match="needs LiteRT") as caught:
        litert.library("x86_64")
    assert "./bootstrap --litert" in str(caught.value.hint)
    (tmp_path / "x86_64").mkdir()
    (tmp_path / "x86_64" / litert.NAME).write_bytes(b"\x7fELF")
    with pytest.raises(ToolError, match="is not that of ai-edge-litert"):
        litert.library("x86_64")
    with pytest.raises(ToolError, match="no LiteRT for armv7l"):
        LINUX.require(load_board("linux_armv7"), "litert")
