"""Reads what vela says of a compiled model, and holds it against the file that it wrote."""

from __future__ import annotations

import csv
import math
import re
from typing import TYPE_CHECKING

from mlforge_tasks.engines._npu_figures import CpuOperator, NpuFigures
from mlforge_tasks.engines._vela_version import PACKAGE
from mlforge_tasks.errors import ToolError
from mlforge_tasks.tflite_file.model import MOST_NAME_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.contract.npu import Npu
    from mlforge_tasks.engines._ethos_u.vela import Compiled
    from mlforge_tasks.tflite_file.model import FileGraph, FileTensor

NPU_OPERATOR = "custom operator 'ethos-u'"
KIB = 1024
# Of the NPU's operator, by vela's own names; a model that is all on the CPU has none of them.
_STREAM, _CONSTANTS, _SCRATCH = "command_stream", "read_only", "scratch"
_REFUSED = re.compile(r"operator: (\w+), ofm: '([^\n]*)'\s*\n(?:Reason: )?([^\n]*)")


def figures(made: Compiled, graph: FileGraph, npu: Npu, version: str) -> NpuFigures:
    """What vela says of a model.

    Vela's figure of flash leaves the command stream out, so that what flash holds is the file that
    it wrote.

    Args:
        made: What it made.
        graph: The compiled model's.
        npu: What it was compiled for.
        version: Vela's.

    Raises:
        ToolError: Its table is another one than that of the version this was written for.
    """
    row = _row(made.summary)
    flash = row["off_chip_flash_memory_used"] + row["on_chip_flash_memory_used"]
    cycles = round(row["cycles_total"])
    macs = round(row["nn_macs"])
    return NpuFigures(
        compiler=f"{PACKAGE} {version}",
        accelerator=npu.accelerator,
        system_config=npu.system_config,
        memory_mode=npu.memory_mode,
        clock_hz=npu.clock_hz or row["core_clock"],
        cycles=cycles,
        macs=macs,
        utilisation=macs / (cycles * npu.macs_per_cycle) if cycles else 0.0,
        sram_bytes=round(row["sram_memory_used"] * KIB),
        dram_bytes=round(row["dram_memory_used"] * KIB),
        scratch_bytes=_scratch_bytes(graph),
        file_bytes=len(made.tflite),
        constant_bytes=_bytes_of(graph, _CONSTANTS),
        command_stream_bytes=_bytes_of(graph, _STREAM),
        compiler_flash_bytes=round(flash * KIB),
        original_weight_bytes=round(row["total_original_weights"]),
        encoded_weight_bytes=round(row["total_npu_encoded_weights"]),
        on_cpu=tuple(_on_cpu(graph, made.said)),
    )


_COLUMNS = (
    *("core_clock", "sram_memory_used", "dram_memory_used", "on_chip_flash_memory_used"),
    *("off_chip_flash_memory_used", "total_original_weights", "total_npu_encoded_weights"),
    *("nn_macs", "cycles_total"),
)


def _row(summary: str) -> Mapping[str, float]:
    rows = list(csv.DictReader(summary.splitlines()))
    if len(rows) != 1 or not set(_COLUMNS) <= set(rows[0]):
        missing = sorted(set(_COLUMNS) - set(rows[0] if rows else ()))
        raise ToolError(
            f"vela's summary lacks {', '.join(missing) or 'its one row'}",
            hint="`pip install 'ethos-u-vela>=5.2,<6'`",
        )
    return {name: float(rows[0][name]) for name in _COLUMNS}


def _read_by_npu(graph: FileGraph) -> list[FileTensor]:
    """What all the NPU's operators read, each once."""
    used = {index for one in graph.operators if one.op == NPU_OPERATOR for index in one.inputs}
    return [graph.tensors[index] for index in sorted(used) if index >= 0]


def _bytes_of(graph: FileGraph, part: str) -> int:
    """Bytes of the constants with a part in their name."""
    found = _read_by_npu(graph)
    return sum(len(one.data) for one in found if one.data is not None and part in one.name)


def _scratch_bytes(graph: FileGraph) -> int:
    """The largest working memory of each kind: the NPU's operators take turns in it."""
    sizes: dict[str, int] = {}
    for one in _read_by_npu(graph):
        if one.data is None and _SCRATCH in one.name:
            sizes[one.name] = max(sizes.get(one.name, 0), math.prod(one.shape))
    return sum(sizes.values())


def _on_cpu(graph: FileGraph, said: str) -> Iterator[CpuOperator]:
    """What is left beside the NPU's operator, with the reason that vela gave for it."""
    # The file's reader shortens names.
    reasons = {
        (op, name[:MOST_NAME_LENGTH]): why.strip() for op, name, why in _REFUSED.findall(said)
    }
    for one in graph.operators:
        if one.op != NPU_OPERATOR:
            name = graph.tensors[one.outputs[0]].name if one.outputs else ""
            yield CpuOperator(op=one.op, name=name, reason=reasons.get((one.op, name), ""))
