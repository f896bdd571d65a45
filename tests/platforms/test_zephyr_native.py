"""Images for Zephyr's native_sim: a contract on a process of this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.build_report import ProcessReport
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.platforms.zephyr import PLUGIN as ZEPHYR
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.runners import Expected
from mlforge_tasks.runners.native import PLUGIN
from mlforge_tasks.verdict.trials import Report
from tests.helpers import tiny_model
from tests.helpers.builds import doit, edited
from tests.helpers.graphs import random_graph
from tests.helpers.paths import TANK
from tests.helpers.zephyr_images import build, deploy_anywhere

if TYPE_CHECKING:
    from pathlib import Path

BOARD = load_board("native_sim")
TARGET = "target: {board: mps2/an385, platform: baremetal, engine: aot}"
NATIVE = "target: {board: native_sim, platform: zephyr, engine: auto}"

pytestmark = [pytest.mark.slow, pytest.mark.zephyr]


@pytest.fixture(autouse=True)
def require() -> None:
    """Skips where no image can be built."""
    try:
        ZEPHYR.require(BOARD, "aot")
    except ToolError as missing:
        pytest.skip(missing.message)


@pytest.mark.parametrize("seed", [1, 2])
def test_outputs_equal_the_oracle(seed: int, tmp_path: Path) -> None:
    """Not a byte of a random graph differs; nothing is said of sizes, and nothing is to flash."""
    tflite = random_graph(seed)
    report = deploy_anywhere(tflite, BOARD, AOT, tmp_path)
    assert isinstance(report, ProcessReport)
    assert not (tmp_path / "firmware.bin").exists()
    expected = Expected(report.firmware_id, sha256_bytes(tflite))
    reference = Oracle(tflite)
    shape = (5, *reference.input_shape[1:])
    inputs = np.random.default_rng(seed).integers(-128, 128, shape, np.int8)
    with PLUGIN.open(BOARD, tmp_path / "firmware.elf", expected) as session:
        outputs = b"".join(session.infer(one.tobytes()).output for one in inputs)
    assert outputs == reference.run(inputs).tobytes()
    assert ZEPHYR.tool_versions(BOARD)["toolchain"].startswith("gcc ")


def test_a_model_that_faults_or_hangs_is_a_result(tmp_path: Path) -> None:
    """A crash has its signal; an endless loop stops simulated time, so the host ends it."""
    crash = "if (input[0] == 1) { *(volatile int *)8 = 1; } "
    folder = build(BOARD, tmp_path, invoke=crash + "while (input[0] == 2) { }")
    for first, limit_s, code in ((1, 60.0, "fault"), (2, 5.0, "hang")):
        image = folder / "firmware.elf"
        with (
            pytest.raises(CandidateFailure) as caught,
            PLUGIN.open(BOARD, image, tiny_model.EXPECTED, limit_s=limit_s) as session,
        ):
            session.infer(bytes([first, 0, 0]))
        assert caught.value.reason.code == code


def test_a_contract_ends_with_what_is_unknown(tmp_path: Path) -> None:
    """The loop stops at the first candidate that keeps what can be told, and passes none.

    Of the engines, `auto` takes the one that can be built for a process.
    """
    contract = edited(TANK, tmp_path, (TARGET, NATIVE))
    run = doit(build=tmp_path / "build", contract=contract)
    assert run.code == 1, run.out + run.err
    assert "UNKNOWN: candidate 1.0 keeps what native_sim can tell of tank" in run.out
    assert "ram, flash, latency, stack: not measured" in run.out
    assert "engine: aot: platform 'zephyr' builds no other engine for native_sim" in run.out
    report = Report.read(tmp_path / "build" / "tank" / "delivered" / "report.json")
    assert not report.met
    assert report.best == "1.0"
    again = doit(build=tmp_path / "build", contract=contract)
    assert (again.code, again.executed) == (1, 0), again.out
