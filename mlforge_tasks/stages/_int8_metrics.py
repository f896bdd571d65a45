"""An int8 model over whole splits, with TFLM's interpreter or what stands in for it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks import oracle, windows
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.engines._aot.host import HostModel
from mlforge_tasks.int8 import quantise
from mlforge_tasks.quantisation import FLOAT_OUTPUTS
from mlforge_tasks.verdict import breakdown, figures, metrics
from mlforge_tasks.verdict.classification import confusion
from mlforge_tasks.verdict.evaluation import Evaluation, SplitEvaluation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import Split
    from mlforge_tasks.contract.goal import Figure
    from mlforge_tasks.quantisation import Quantisation
    from mlforge_tasks.windows import Windows

SPLITS: tuple[Split, ...] = ("validation", "test")


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


@dataclass(frozen=True)
class _Judged:
    """What a split is judged with.

    Attributes:
        card: The data set's.
        quantisation: The model's.
        asked: The figures that the contract asks.
    """

    card: DataCard
    quantisation: Quantisation
    asked: Sequence[Figure]

    def split(
        self,
        name: Split,
        inputs: Windows,
        raw: NDArray[np.int8],
        targets: NDArray[Any],
        float_outputs: NDArray[np.float32] | None,
    ) -> SplitEvaluation:
        """One split, from what the model was given and gave for it."""
        card = self.card
        outputs = metrics.to_outputs(raw, self.quantisation, card)
        floats = {}
        if float_outputs is not None:
            real = metrics.denormalise(float_outputs, card)
            floats = figures.required(self.asked, real, targets, card, name)
        return SplitEvaluation(
            examples=len(targets),
            figures=figures.required(self.asked, outputs, targets, card, name),
            float_figures=floats,
            **self._breakdown(outputs, targets),
            input_rails=breakdown.rails(inputs.used(), [one.name for one in card.features]),
            output_rails=breakdown.rails(raw, card.labels or [one.name for one in card.outputs]),
        )

    def _breakdown(self, outputs: NDArray[np.float64], targets: NDArray[Any]) -> dict[str, Any]:
        if self.card.task == "regression":
            wanted = targets.astype(np.float64)
            return {"outputs": breakdown.errors(outputs, wanted, self.card, self.quantisation)}
        counts = confusion(outputs, targets)
        return {
            "confusion": tuple(map(tuple, counts.tolist())),
            "classes": breakdown.classes(counts, self.card.labels),
        }


def evaluation(
    model: Path, quantisation: Quantisation, dataset: Path, asked: Sequence[Figure]
) -> Evaluation:
    """A model on the validation and test splits.

    Args:
        model: Folder of `model.tflite` and, of a network that was trained here, its float outputs.
        quantisation: The model's.
        dataset: The prepared data set.
        asked: The figures that the contract asks.

    Raises:
        CandidateFailure: The oracle cannot run the model or is not here, and neither can the `aot`
            engine.
        ToolError: A figure is not defined on a split.
    """
    judged = _Judged(DataCard.read(dataset / "data_card.json"), quantisation, asked)
    inputs = [windows.read(dataset, split, judged.card.window_length) for split in SPLITS]
    given = _quantised(inputs, quantisation)
    raw, why = _outputs((model / "model.tflite").read_bytes(), quantisation, given)
    floats = _float_outputs(model / FLOAT_OUTPUTS)
    parts = np.split(raw.reshape(len(raw), -1), [len(inputs[0])])
    found = {
        split: judged.split(
            split,
            replace(given, starts=one.starts),
            part,
            windows.read_targets(dataset, split),
            floats.get(split),
        )
        for split, one, part in zip(SPLITS, inputs, parts, strict=True)
    }
    return Evaluation(
        computed_by="aot" if why else "tflite-micro",
        not_compared=why,
        validation=found["validation"],
        test=found["test"],
    )


def _float_outputs(path: Path) -> Mapping[str, NDArray[np.float32]]:
    """What the float network gave, by split; nothing of a model that was brought along."""
    if not path.exists():
        return {}
    with np.load(path) as arrays:
        found: dict[str, NDArray[np.float32]] = {name: arrays[name] for name in SPLITS}
    return found
