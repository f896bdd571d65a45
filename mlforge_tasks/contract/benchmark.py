"""The MLPerf Tiny benchmark's tasks, by the names that its runner knows them by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mlforge_tasks.contract.target import Task

BenchmarkInput = Literal["int8", "uint8", "float32"]

# https://github.com/mlcommons/tiny, benchmark/reference_submissions: `th_load_tensor` of each.
_INPUTS: dict[str, BenchmarkInput] = {"ad01": "float32", "ic01": "uint8", "vww01": "uint8"}
_TASKS: dict[str, Task] = {
    "ad01": "anomaly",
    "ic01": "classification",
    "kws01": "classification",
    "vww01": "classification",
}
_STREAMED = ("sww01",)
# What an image keeps beside the model's own input: what was sent, and of float32 what it came to.
_KEPT_INPUTS: dict[BenchmarkInput, int] = {"int8": 1, "uint8": 1, "float32": 4 + 1}


def input_of(name: str) -> BenchmarkInput:
    """What the runner sends for each of a model's input values; raw readings, but for int8."""
    return _INPUTS.get(name, "int8")


def kept_inputs(name: str | None) -> int:
    """How many times the size of the model's int8 input an image keeps for the benchmark."""
    return 0 if name is None else _KEPT_INPUTS[input_of(name)]


def benchmark_misfit(name: str, task: Task) -> str | None:
    """Why a contract of a task cannot serve the runner under a name; None where it can."""
    if name in _STREAMED:
        return f"'{name}' is sent its audio over I2S, which the firmware does not read"
    wanted = _TASKS.get(name, task)
    if wanted != task:
        return f"'{name}' is the benchmark's task of {wanted}, and this contract's is {task}"
    return None
