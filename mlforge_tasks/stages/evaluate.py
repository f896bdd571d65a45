"""Measures the int8 model on the full validation and test splits, with TFLM's interpreter.

The device computes the same bytes (the run stage compares them on golden vectors), so these are the
device's figures for data that would take it hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks import metrics
from mlforge_tasks.dataset_spec import DataCard
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.quantisation import Quantisation, quantise
from mlforge_tasks.records import Record
from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Evaluation(Record):
    """The goal's metric, in original units; `evaluation.json`.

    Attributes:
        metric: Which metric.
        validation: Of the int8 model on the validation split.
        test: Of the int8 model on the test split.
        float_validation: Of the float model on the validation split; None for a probe.
        float_test: Of the float model on the test split; None for a probe.
    """

    metric: str
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
        ToolError: There is no oracle here, or the metric is not defined on a split.
    """
    metric: str = config["goal.metric"]
    card = DataCard.read(inputs["dataset"] / "data_card.json")
    quantisation = Quantisation.read(inputs["quantise"] / "quantisation.json")
    oracle = Oracle((inputs["quantise"] / "model.tflite").read_bytes())

    def int8_value(split: str) -> float:
        values = np.load(inputs["dataset"] / f"{split}_x.npy")
        targets = np.load(inputs["dataset"] / f"{split}_y.npy")
        raw = oracle.run(quantise(values, quantisation.input))
        outputs = metrics.to_outputs(raw, quantisation, card)
        return metrics.require(metrics.scores(card.task, outputs, targets), metric, split)

    Evaluation(
        metric=metric,
        validation=int8_value("validation"),
        test=int8_value("test"),
        float_validation=(quantisation.float_validation or {}).get(metric),
        float_test=(quantisation.float_test or {}).get(metric),
    ).write(out / "evaluation.json")


if __name__ == "__main__":
    main(run)
