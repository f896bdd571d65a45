"""What the RAM limit leaves for a model, where an engine may run first layers in stripes for it."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from mlforge_tasks.build_report import FirmwareReport, read_build_report

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.architecture import Shape


def arena_limit(without_model: Path, config: Mapping[str, Any], input_shape: Shape) -> int | None:
    """Bytes for the arena; None where there is no limit, on a process of this computer.

    It need not be kept: whether the limit is broken is judged by what is measured.

    Args:
        without_model: Folder of that stage.
        config: `ram_bytes`, the limit, `stack_bytes`, what stacks take of it, and `kept_inputs`,
            how many inputs the image keeps for itself.
        input_shape: Of the model, without the batch axis.
    """
    rest = read_build_report(without_model / "firmware.json")
    if not isinstance(rest, FirmwareReport):
        return None
    kept_inputs: int = config["kept_inputs"]  # see zephyr_app/src/mlperf.c, and app.c for anomaly
    left = int(config["ram_bytes"] - config["stack_bytes"]) - rest.static_ram_bytes
    return max(left - kept_inputs * prod(input_shape), 0)
