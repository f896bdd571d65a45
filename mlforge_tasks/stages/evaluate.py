"""Measures the int8 model on the full validation and test splits, with TFLM's interpreter.

Where there is no `tflite-micro` wheel, the `aot` engine's C runs on the host instead, and the
evaluation says so. The device computes the same bytes (the run stage compares them on golden
vectors), so these are the device's figures for data that would take it hours.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from mlforge_tasks import engines
from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.graph import compiler, process
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.stages import main
from mlforge_tasks.verdict.decision import decision_in
from mlforge_tasks.verdict.evaluation import EVALUATION
from mlforge_tasks.verdict.predictions import PREDICTIONS, predictions_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def tools() -> Mapping[str, str]:
    """The compiler of what stands in for the oracle, where there is none."""
    if importlib.util.find_spec("tflite_micro") is not None:
        return {}
    return compiler.identity(process.which("gcc", hint="sudo apt-get install gcc"))


KIND = StageKind(
    __name__,
    (EVALUATION, *PREDICTIONS),
    isolated=True,
    fields=("goal.confidence",),
    resources=engines.resources("aot"),
    tools=tools,
)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `evaluation.json`, and what the model gave for each example; see `read_predictions`.

    Args:
        inputs: `quantise` and `dataset`; `decide` where something is to be detected.
        out: Where the output goes.
        config: `goal.confidence`; `figures`, those that the contract asks.

    Raises:
        CandidateFailure: There is no oracle here, and the `aot` engine cannot run the model.
        ToolError: A figure is not defined on a split.
    """
    import numpy as np  # noqa: PLC0415 - heavy

    from mlforge_tasks.stages import _int8_metrics  # noqa: PLC0415 - numpy

    asked = [Figure.from_dump(one) for one in config["figures"]]
    confidence: float | None = config["goal.confidence"]
    model, dataset, decision = inputs["quantise"], inputs["dataset"], decision_in(inputs)
    found, predicted = _int8_metrics.evaluation(model, dataset, asked, decision, confidence)
    found.write(out / EVALUATION)
    for split, outputs in predicted.items():
        np.save(out / predictions_file(split), outputs, allow_pickle=False)


if __name__ == "__main__":
    main(run)
