"""An int8 model over whole splits, with TFLM's interpreter or what stands in for it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks import oracle
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.engines._aot.host import HostModel
from mlforge_tasks.int8 import quantise
from mlforge_tasks.verdict import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.quantisation import Quantisation
    from mlforge_tasks.stages.evaluate import Computer


@dataclass(frozen=True)
class Found:
    """A metric by split, and what computed the outputs.

    Attributes:
        values: The metric, in original units.
        computed_by: See `evaluate.Evaluation`.
        not_compared: Why it was not the reference; empty where it was.
    """

    values: Mapping[str, float]
    computed_by: Computer
    not_compared: str = ""


def _outputs(
    tflite: bytes, quantisation: Quantisation, inputs: NDArray[np.int8]
) -> tuple[NDArray[np.int8], str]:
    """The reference's outputs; or the engine's, and why."""
    try:
        if oracle.available():
            return oracle.outputs_of(tflite, inputs), ""
        why = oracle.NO_WHEEL
    except oracle.ReferenceCrashedError as crash:
        why = crash.message
    with tempfile.TemporaryDirectory() as folder:
        model = HostModel(tflite, quantisation.output.shape, Path(folder))
        return model.run(inputs), why


def over(
    tflite: bytes, quantisation: Quantisation, dataset: Path, metric: str, splits: Sequence[str]
) -> Found:
    """A metric of an int8 model, in original units, by split.

    Raises:
        CandidateFailure: The oracle cannot run the model or is not here, and neither can the `aot`
            engine.
        ToolError: The metric is not defined on a split.
    """
    card = DataCard.read(dataset / "data_card.json")
    inputs = [quantise(np.load(dataset / f"{split}_x.npy"), quantisation.input) for split in splits]
    raw, why = _outputs(tflite, quantisation, np.concatenate(inputs))
    ends = np.cumsum([len(each) for each in inputs])
    found = {}
    for split, part in zip(splits, np.split(raw, ends[:-1]), strict=True):
        targets = np.load(dataset / f"{split}_y.npy")
        outputs = metrics.to_outputs(part.reshape(len(part), -1), quantisation, card)
        found[split] = metrics.require(metrics.scores(card.task, outputs, targets), metric, split)
    return Found(found, "aot" if why else "tflite-micro", why)
