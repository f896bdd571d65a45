"""Which contracts can have activations of 16 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlforge_tasks.contract.sections import Target
    from mlforge_tasks.contract.target import Task

_ENGINE = "aot"


def int16_misfit(target: Target | None, task: Task | None) -> str | None:
    """Why activations cannot be int16; None where they can."""
    if task == "anomaly":
        return "the score of task anomaly is told by int8 values"
    if target is None:
        return None
    if target.engine != _ENGINE:
        return (
            f"engine '{target.engine}' has TensorFlow Lite Micro, whose int16 operators in Zephyr "
            f"are older than the reference's; '{_ENGINE}' computes what that does"
        )
    if target.mlperf is not None:
        return "the MLPerf Tiny benchmark's runner sends int8"
    if target.patches == "streamed":
        return "an input that comes by rows is int8"
    return None
