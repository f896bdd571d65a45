"""An int8 model over whole splits, with TFLM's interpreter or what stands in for it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks import oracle, windows
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.engines._aot.host import HostModel
from mlforge_tasks.int8 import quantise
from mlforge_tasks.verdict import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.quantisation import Quantisation
    from mlforge_tasks.stages.evaluate import Computer
    from mlforge_tasks.windows import Windows


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
    tflite: bytes, quantisation: Quantisation, inputs: Windows
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
        return np.concatenate([model.run(batch) for batch in inputs.batches()]), why


def _quantised(splits: Sequence[Windows], quantisation: Quantisation) -> Windows:
    """All splits' examples, one after the other, as a device gets them; their rows once."""
    rows = splits[0].changed(lambda part: quantise(part, quantisation.input))
    return replace(rows, starts=np.concatenate([each.starts for each in splits]))


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
    inputs = [windows.read(dataset, split, card.window_length) for split in splits]
    raw, why = _outputs(tflite, quantisation, _quantised(inputs, quantisation))
    ends = np.cumsum([len(each) for each in inputs])
    found = {}
    for split, part in zip(splits, np.split(raw, ends[:-1]), strict=True):
        targets = windows.read_targets(dataset, split)
        outputs = metrics.to_outputs(part.reshape(len(part), -1), quantisation, card)
        found[split] = metrics.require(metrics.scores(card.task, outputs, targets), metric, split)
    return Found(found, "aot" if why else "tflite-micro", why)
