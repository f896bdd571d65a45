"""An int8 model over whole splits, with TFLM's interpreter or what stands in for it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mlforge_tasks import oracle
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.engines._aot.host import HostModel
from mlforge_tasks.int8 import quantise
from mlforge_tasks.verdict import metrics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from mlforge_tasks.quantisation import Quantisation
    from mlforge_tasks.stages.evaluate import Computer


class _Model(Protocol):
    def run(self, inputs: NDArray[np.int8]) -> NDArray[np.int8]: ...


def _model(tflite: bytes, quantisation: Quantisation, folder: Path) -> _Model:
    if oracle.available():
        return oracle.Oracle(tflite)
    return HostModel(tflite, quantisation.output.shape, folder)


def computer() -> Computer:
    """What computes the outputs here."""
    return "tflite-micro" if oracle.available() else "aot"


def over(
    tflite: bytes, quantisation: Quantisation, dataset: Path, metric: str, splits: Iterable[str]
) -> dict[str, float]:
    """A metric of an int8 model, in original units, by split.

    Raises:
        CandidateFailure: There is no oracle here, and the `aot` engine cannot run the model.
        ToolError: The metric is not defined on a split.
    """
    card = DataCard.read(dataset / "data_card.json")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        model = _model(tflite, quantisation, Path(folder))
        for split in splits:
            values = np.load(dataset / f"{split}_x.npy")
            targets = np.load(dataset / f"{split}_y.npy")
            raw = model.run(quantise(values, quantisation.input))
            outputs = metrics.to_outputs(raw, quantisation, card)
            scores = metrics.scores(card.task, outputs, targets)
            found[split] = metrics.require(scores, metric, split)
    return found
