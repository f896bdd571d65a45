"""estimate: what is known of a firmware that nothing executes; stands for `run` in `mode: static`.

Sizes are the linker's, cycles those that an NPU's compiler counts. What only an execution tells
(stacks' high-water marks, the time of what a CPU does, outputs to compare) is left out, so that its
clauses stay unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.build_report import FirmwareReport, read_build_report
from mlforge_tasks.engines._report import REPORT, EngineReport
from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.records import Measurement
from mlforge_tasks.stages import main
from mlforge_tasks.stages._figures import model_share
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.verdict.constraints import UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.build_report import BuildReport
    from mlforge_tasks.engines._npu_figures import NpuFigures

RUNNER = "estimate"
KIND = StageKind(__name__, ("measurements.json",), isolated=True)


def _sizes(firmware: BuildReport, floor: BuildReport | None) -> Mapping[str, float]:
    """The linker's figures; stacks count whole, since how much of them is used nobody has seen."""
    if not isinstance(firmware, FirmwareReport):
        return {}
    reserved = firmware.arena_reserved_bytes
    return {
        "flash_bytes": firmware.flash_bytes,
        "ram_bytes": firmware.static_ram_bytes + firmware.stack_reserved_bytes,
        "static_ram_bytes": firmware.static_ram_bytes,
        "stack_reserved_bytes": firmware.stack_reserved_bytes,
        "heap_bytes": firmware.heap_bytes,
        **({} if reserved is None else {"arena_reserved_bytes": reserved}),
        **model_share(firmware, floor),
    }


def _npu(npu: NpuFigures | None) -> Mapping[str, float]:
    """The compiler's figures; with operators on the CPU its cycles bound the time from below."""
    if npu is None:
        return {}
    time = "latency_lower_us" if npu.on_cpu else "latency_us"
    return {
        time: npu.npu_us,
        "npu_cycles": npu.cycles,
        "npu_utilisation": npu.utilisation,
        "npu_sram_bytes": npu.sram_bytes,
        "npu_model_bytes": npu.file_bytes,
        "command_stream_bytes": npu.command_stream_bytes,
        "cpu_operators": len(npu.on_cpu),
    }


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Writes `measurements.json`, as `run` does, of static figures alone.

    Args:
        inputs: `firmware`, `engine`, `quantise`; `floor` of this board.
        out: Output folder.
        config: Nothing of it matters.
    """
    firmware = read_build_report(inputs["firmware"] / "firmware.json")
    floor = read_build_report(inputs["floor"] / "firmware.json") if "floor" in inputs else None
    engine = EngineReport.read(inputs["engine"] / REPORT)
    values = {"arena_bytes": engine.arena_bytes, **_sizes(firmware, floor), **_npu(engine.npu)}
    images = inputs["firmware"].glob("*.elf")
    made = (*images, *inputs["engine"].glob("*.tflite"), inputs["quantise"] / "model.tflite")
    RunReport(
        source="static",
        measurements=tuple(
            Measurement(metric=metric, value=value, unit=UNITS[metric], source="static")
            for metric, value in values.items()
        ),
        stacks=(),
        ran={path.name: file_digest(path) for path in made},
        macs=engine.macs,
        golden_vectors=0,
        checked_against_oracle=False,
        device_metrics={},
        on_cpu=() if engine.npu is None else tuple(one.told() for one in engine.npu.on_cpu),
    ).write(out / "measurements.json")


if __name__ == "__main__":
    main(run)
