"""Measures the int8 model on the full validation and test splits, with TFLM's interpreter.

Where there is no `tflite-micro` wheel, the `aot` engine's C runs on the host instead, and the
evaluation says so. The device computes the same bytes (the run stage compares them on golden
vectors), so these are the device's figures for data that would take it hours.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from mlforge_tasks import oracle
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.engines._aot.host import HostModel
from mlforge_tasks.quantisation import Quantisation, quantise
from mlforge_tasks.records import Record
from mlforge_tasks.stages import main
from mlforge_tasks.verdict import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


class Evaluation(Record):
    """The goal's metric, in original units; `evaluation.json`.

    Attributes:
        metric: Which metric.
        computed_by: `tflite-micro`, or `aot` where there is no wheel of that.
        validation: Of the int8 model on the validation split.
        test: Of the int8 model on the test split.
        float_validation: Of the float model on the validation split; None for a probe.
        float_test: Of the float model on the test split; None for a probe.
    """

    metric: str
    computed_by: Literal["tflite-micro", "aot"]
    validation: float
    test: float
    float_validation: float | None
    float_test: float | None


class _Model(Protocol):
    def run(self, inputs: NDArray[np.int8]) -> NDArray[np.int8]: ...


def _model(tflite: bytes, quantisation: Quantisation, folder: Path) -> _Model:
    if oracle.available():
        return oracle.Oracle(tflite)
    return HostModel(tflite, quantisation.output.shape, folder)


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
    metric: str = config["goal.metric"]
    card = DataCard.read(inputs["dataset"] / "data_card.json")
    quantisation = Quantisation.read(inputs["quantise"] / "quantisation.json")
    tflite = (inputs["quantise"] / "model.tflite").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        model = _model(tflite, quantisation, Path(folder))

        def int8_value(split: str) -> float:
            values = np.load(inputs["dataset"] / f"{split}_x.npy")
            targets = np.load(inputs["dataset"] / f"{split}_y.npy")
            raw = model.run(quantise(values, quantisation.input))
            outputs = metrics.to_outputs(raw, quantisation, card)
            return metrics.require(metrics.scores(card.task, outputs, targets), metric, split)

        validation, test = int8_value("validation"), int8_value("test")
    Evaluation(
        metric=metric,
        computed_by="tflite-micro" if oracle.available() else "aot",
        validation=validation,
        test=test,
        float_validation=(quantisation.float_validation or {}).get(metric),
        float_test=(quantisation.float_test or {}).get(metric),
    ).write(out / "evaluation.json")


if __name__ == "__main__":
    main(run)
