"""Stage `estimate`: what is known of a firmware that nothing executes, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlforge_tasks.build_report import FirmwareReport, ProcessReport
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.contract.operation import Operation
from mlforge_tasks.engines._npu_figures import CpuOperator, NpuFigures
from mlforge_tasks.engines._report import REPORT, EngineReport
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.stages import admit, estimate
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.verdict.constraints import Bound, judge
from mlforge_tasks.verdict.derived import CONDITIONS, Conditions

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.build_report import BuildReport
    from mlforge_tasks.records import Source

BOARD = load_board("mps3/corstone300/fvp")
NPU = NpuFigures(
    compiler="ethos-u-vela 5.2.0",
    accelerator="ethos-u55-128",
    system_config="Ethos_U55_High_End_Embedded",
    memory_mode="Shared_Sram",
    clock_hz=500e6,
    cycles=90_000,
    macs=2_000_000,
    utilisation=0.17,
    sram_bytes=20_000,
    dram_bytes=0,
    scratch_bytes=20_000,
    file_bytes=36_000,
    constant_bytes=31_000,
    command_stream_bytes=3_600,
    compiler_flash_bytes=31_000,
    original_weight_bytes=22_000,
    encoded_weight_bytes=24_000,
)
LEFT = CpuOperator(op="CONV_2D", name="conv", reason="Unsupported kernel stride: 4, 1")
IMAGE = FirmwareReport(
    flash_bytes=90_000,
    static_ram_bytes=24_000,
    stack_reserved_bytes=6_000,
    heap_bytes=512,
    arena_reserved_bytes=21_000,
    firmware_id="f",
)
FLOOR = FirmwareReport(
    flash_bytes=14_000,
    static_ram_bytes=1_000,
    stack_reserved_bytes=6_000,
    heap_bytes=0,
    firmware_id="g",
)


def estimated(tmp_path: Path, npu: NpuFigures | None, firmware: BuildReport) -> Path:
    """The stage's folder."""
    inputs = {name: tmp_path / name for name in ("firmware", "floor", "engine", "quantise", "run")}
    for folder in inputs.values():
        folder.mkdir()
    firmware.write(inputs["firmware"] / "firmware.json")
    FLOOR.write(inputs["floor"] / "firmware.json")
    EngineReport(engine="ethos_u", cpu="cortex-m55", arena_bytes=20_000, layers=(), npu=npu).write(
        inputs["engine"] / REPORT
    )
    (inputs["quantise"] / "model.tflite").write_bytes(b"model")
    estimate.run(inputs, inputs["run"], {})
    return inputs["run"]


def found(folder: Path) -> dict[str, float]:
    """Its figures."""
    report = RunReport.read(folder / "measurements.json")
    assert {one.source for one in report.measurements} == {"static"}
    return {one.metric: one.value for one in report.measurements}


def test_sizes_are_the_linkers_and_stacks_count_whole(tmp_path: Path) -> None:
    """Nobody has seen how much of them is used; so a stack's own figure is not there."""
    values = found(estimated(tmp_path, NPU, IMAGE))
    assert values["flash_bytes"] == 90_000
    assert values["ram_bytes"] == 24_000 + 6_000
    assert values["model_flash_bytes"] == 90_000 - 14_000
    assert "stack_bytes" not in values
    assert values["latency_us"] == pytest.approx(180.0)
    assert values["npu_model_bytes"] == 36_000
    assert values["command_stream_bytes"] == 3_600


def test_without_an_image_nothing_is_known_of_one(tmp_path: Path) -> None:
    """What the compiler says of the model is."""
    values = found(estimated(tmp_path, NPU, ProcessReport(firmware_id="f")))
    assert not {"flash_bytes", "ram_bytes"} & set(values)
    assert values["npu_sram_bytes"] == 20_000


def test_nothing_ran(tmp_path: Path) -> None:
    """No outputs were compared with anything."""
    report = RunReport.read(estimated(tmp_path, NPU, IMAGE) / "measurements.json")
    assert (report.golden_vectors, report.checked_against_oracle) == (0, False)
    assert report.stacks == ()


def bound(metric: str, limit: float, *sources: Source) -> Bound:
    """A clause."""
    return Bound(metric=metric, limit=limit, unit="us", sources=sources)


def asked(*bounds: Bound) -> dict[str, Any]:
    """What `admit` is told."""
    known = Conditions(board=BOARD, operation=Operation())
    return {
        "bounds": [one.model_dump(mode="json") for one in bounds],
        CONDITIONS: known.model_dump(mode="json"),
    }


def test_with_an_operator_on_the_cpu_the_latency_is_unknown(tmp_path: Path) -> None:
    """Its NPU's cycles are less than it takes, so they stand for no latency: it is not trained."""
    left = NPU.model_copy(update={"on_cpu": (LEFT,)})
    folder = estimated(tmp_path, left, IMAGE)
    values = found(folder)
    assert "latency_us" not in values
    assert values["latency_lower_us"] == pytest.approx(180.0)
    assert values["cpu_operators"] == 1
    limit = bound("latency_us", 1_000.0, "static")
    with pytest.raises(CandidateFailure, match="Unsupported kernel stride: 4, 1") as caught:
        admit.run({"run": folder}, tmp_path, asked(limit))
    assert caught.value.reason.code == "on_cpu"
    admit.run({"run": folder}, tmp_path, asked())  # nothing asks for it


def test_a_computed_figure_meets_no_other_mode(tmp_path: Path) -> None:
    """The same latency passes where static figures count, and is unknown for an emulator's."""
    report = RunReport.read(estimated(tmp_path, NPU, IMAGE) / "measurements.json")
    clauses = [
        judge([bound("latency_us", 200.0, *sources)], report.measurements).clauses[0].status
        for sources in (("static",), ("emulated", "hardware"), ("hardware",))
    ]
    assert clauses == ["pass", "unknown", "unknown"]
