"""Measures the int8 model on the full validation and test splits, with TFLM's interpreter.

Where there is no `tflite-micro` wheel, the `aot` engine's C runs on the host instead, and the
evaluation says so. The device computes the same bytes (the run stage compares them on golden
vectors), so these are the device's figures for data that would take it hours.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, Literal

from mlforge_tasks import engines
from mlforge_tasks.graph import compiler, process
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.quantisation import Quantisation
from mlforge_tasks.records import Record
from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EVALUATION = "evaluation.json"
Computer = Literal["tflite-micro", "aot"]


def tools() -> Mapping[str, str]:
    """The compiler of what stands in for the oracle, where there is none."""
    if importlib.util.find_spec("tflite_micro") is not None:
        return {}
    return compiler.identity(process.which("gcc", hint="sudo apt-get install gcc"))


KIND = StageKind(
    __name__,
    (EVALUATION,),
    isolated=True,
    fields=("goal.metric",),
    resources=engines.resources("aot"),
    tools=tools,
)


class Evaluation(Record):
    """The goal's metric, in original units; `evaluation.json`.

    Attributes:
        metric: Which metric.
        computed_by: `tflite-micro`, or `aot` where there is no wheel of that, or its interpreter
            cannot run the model.
        not_compared: Why it was not `tflite-micro`; empty where it was.
        validation: Of the int8 model on the validation split.
        test: Of the int8 model on the test split.
        float_validation: Of the float model on the validation split; None for a probe.
        float_test: Of the float model on the test split; None for a probe.
    """

    metric: str
    computed_by: Computer
    not_compared: str = ""
    validation: float
    test: float
    float_validation: float | None
    float_test: float | None


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `evaluation.json`.

    Args:
        inputs: `quantise` and `dataset`.
        out: Where the output goes.
        config: `goal.metric`.

    Raises:
        CandidateFailure: There is no oracle here, and the `aot` engine cannot run the model.
        ToolError: The metric is not defined on a split.
    """
    from mlforge_tasks.stages import _int8_metrics  # noqa: PLC0415 - numpy

    metric: str = config["goal.metric"]
    quantisation = Quantisation.read(inputs["quantise"] / "quantisation.json")
    tflite = (inputs["quantise"] / "model.tflite").read_bytes()
    splits = ("validation", "test")
    found = _int8_metrics.over(tflite, quantisation, inputs["dataset"], metric, splits)
    Evaluation(
        metric=metric,
        computed_by=found.computed_by,
        not_compared=found.not_compared,
        validation=found.values["validation"],
        test=found.values["test"],
        float_validation=(quantisation.float_validation or {}).get(metric),
        float_test=(quantisation.float_test or {}).get(metric),
    ).write(out / EVALUATION)


if __name__ == "__main__":
    main(run)
