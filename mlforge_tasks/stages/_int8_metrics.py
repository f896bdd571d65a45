"""An int8 model over whole splits, with TFLM's interpreter or what stands in for it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks import oracle, windows
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.contract.detector import detectors
from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.engines._aot.host import HostModel
from mlforge_tasks.int8 import given, judged, steps_of
from mlforge_tasks.quantisation import FLOAT_OUTPUTS, Quantisation, alone
from mlforge_tasks.stages._float_network import float_least, float_outputs
from mlforge_tasks.stages._guesses import Guesses
from mlforge_tasks.stages._saturation import layer_rails
from mlforge_tasks.verdict import breakdown, figures, intervals, metrics
from mlforge_tasks.verdict.classification import confusion
from mlforge_tasks.verdict.evaluation import Computer, Evaluation, SplitEvaluation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import Split
    from mlforge_tasks.int8 import Quantised
    from mlforge_tasks.records import Interval
    from mlforge_tasks.verdict.decision import Counts, Decision
    from mlforge_tasks.verdict.evaluation import ClassFigures
    from mlforge_tasks.windows import Windows

SPLITS: tuple[Split, ...] = ("validation", "test")


def int8_outputs(
    tflite: bytes, quantisation: Quantisation, inputs: Windows
) -> tuple[NDArray[Quantised], str]:
    """The reference's outputs; or the engine's, and why."""
    try:
        if oracle.available():
            return oracle.outputs_of(tflite, inputs), ""
        why = oracle.NO_WHEEL
    except oracle.ReferenceCrashedError as crash:
        why = crash.message
    with tempfile.TemporaryDirectory() as folder:
        keeps = quantisation.keeps_state
        model = HostModel(tflite, quantisation.output, Path(folder), keeps_state=keeps)
        parts = zip(inputs.batches(), inputs.begun(), strict=True)
        return np.concatenate([model.run(batch, anew) for batch, anew in parts]), why


def _quantised(splits: Sequence[Windows], quantisation: Quantisation) -> Windows:
    """All splits' examples, one after the other, as a device gets them; their rows once."""
    starts = np.concatenate([each.starts for each in splits])
    marks = [each.anew for each in splits if each.anew is not None]
    anew = np.concatenate(marks) if marks else None
    return given(replace(splits[0], starts=starts, anew=anew), quantisation.input)


def _ran(
    tflite: bytes, quantisation: Quantisation, dataset: Path, splits: Sequence[Split]
) -> tuple[dict[Split, tuple[Windows, NDArray[Quantised]]], str]:
    """What a model is given of each split and gives for it, [N, outputs]; and as `_outputs`."""
    card = DataCard.read(dataset / "data_card.json")
    inputs = [windows.read(dataset, split, card.window_length) for split in splits]
    quantised = _quantised(inputs, quantisation)
    raw, why = int8_outputs(tflite, quantisation, quantised)
    raw = judged(raw.reshape(len(raw), -1), quantisation.output)
    ends = np.cumsum([len(one) for one in inputs])
    each = zip(splits, inputs, np.split(raw, ends[:-1]), strict=True)
    found = {
        split: (replace(quantised, starts=one.starts, anew=one.anew), part)
        for split, one, part in each
    }
    return found, why


def thresholds(
    tflite: bytes, quantisation: Quantisation, dataset: Path, wanted: Sequence[Figure]
) -> list[tuple[int, Counts]]:
    """The thresholds that are the best for some detections on the validation split.

    Args:
        tflite: The model.
        quantisation: Its scales and shapes.
        dataset: The prepared data set.
        wanted: What is detected, and what each threshold is to be the best for.

    Returns:
        The least score, in the device's own whole numbers, and what became of the split's examples.

    Raises:
        CandidateFailure: Neither the oracle, where there is one, nor engine `aot` can run it.
        ToolError: The split has nothing to tell apart.
    """
    card = DataCard.read(dataset / "data_card.json")
    ran, _ = _ran(tflite, quantisation, dataset, ("validation",))
    given, raw = ran["validation"]
    targets = windows.read_targets(dataset, "validation")
    outputs: NDArray[Any] = raw
    if card.task == "anomaly":
        outputs = metrics.of_device(raw, given, quantisation, card)
    found = []
    for figure in wanted:
        points = figures.points_of(figure, outputs, targets)
        if points is None:
            raise figures.undefined(figure, "validation")
        best = points.best(figure.metric, figure.parameter or 0.0)
        found.append((points.threshold(best), points.counts(best)))
    return found


@dataclass(frozen=True)
class _Judged:
    """What a split is judged with.

    Attributes:
        card: The data set's.
        quantisation: The model's.
        asked: The figures that the contract asks.
        decision: What the device decides; None where it only gives outputs.
        floats: What the float network gave, by split; nothing of a model that was brought along.
        float_least: The float network's thresholds, chosen as the device's were.
        guesses: What needs no network.
        confidence: The level of intervals that are judged; None where none is.
    """

    card: DataCard
    quantisation: Quantisation
    asked: Sequence[Figure]
    decision: Decision | None
    floats: Mapping[str, NDArray[np.float32]]
    float_least: tuple[float, ...] | None
    guesses: Guesses
    confidence: float | None

    @property
    def least(self) -> tuple[float, ...] | None:
        """The detector's thresholds in the scale of the outputs; between two of their steps."""
        if self.decision is None:
            return None
        steps = np.array([one.least - 0.5 for one in self.decision.thresholds])
        if self.decision.rule == "score":
            return tuple(steps.tolist())
        scales, zero_points = steps_of(self.quantisation.output)
        if self.decision.rule == "outputs":
            return tuple(((steps - zero_points) * scales).tolist())
        return tuple((steps * scales[:1]).tolist())

    def split(
        self,
        name: Split,
        ran: tuple[Windows, NDArray[Quantised]],
        outputs: NDArray[np.float64],
        targets: NDArray[Any],
    ) -> SplitEvaluation:
        """One split, from what the model was given and gave for it, and what that means."""
        card, (inputs, raw) = self.card, ran
        floats = {}
        if name in self.floats:
            real = metrics.denormalise(self.floats[name], card)
            floats = figures.required(self.asked, real, targets, card, name, least=self.float_least)
        found = figures.required(self.asked, outputs, targets, card, name, least=self.least)
        return SplitEvaluation(
            examples=len(targets),
            figures=found,
            intervals=self._intervals(found, outputs, targets),
            float_figures=floats,
            without_model=tuple(self.guesses.on(name, targets)),
            **self._breakdown(outputs, targets),
            input_rails=breakdown.rails(
                inputs.used(), breakdown.input_names(self.quantisation, card)
            ),
            output_rails=breakdown.rails(self._named(raw), breakdown.output_names(card)),
        )

    def _named(self, raw: NDArray[Quantised]) -> NDArray[Quantised]:
        """Outputs, [N, outputs], with what their names stand for as the last axis."""
        if self.card.task != "anomaly" or not alone(self.quantisation.input).channels_first:
            return raw
        return np.moveaxis(raw.reshape(len(raw), len(self.card.features), -1), 1, -1)

    def _intervals(
        self, found: Mapping[str, float], outputs: NDArray[np.float64], targets: NDArray[Any]
    ) -> dict[str, Interval]:
        """How sure the figures are, where that matters."""
        few = intervals.independent(self.card, len(targets)) < intervals.FEW
        if self.confidence is None and not few:
            return {}
        level = self.confidence or intervals.DEFAULT_LEVEL
        part = intervals.Part(outputs, targets, self.card, self.least)
        known = {
            one.name: intervals.interval(one, found[one.name], part, level) for one in self.asked
        }
        return {name: one for name, one in known.items() if one is not None}

    def _breakdown(self, outputs: NDArray[np.float64], targets: NDArray[Any]) -> dict[str, Any]:
        if self.card.task == "regression":
            wanted = targets.astype(np.float64)
            return {"outputs": breakdown.errors(outputs, wanted, self.card, self.quantisation)}
        if self.card.task == "anomaly":  # two classes by the threshold alone
            return {"detection": self._detection(outputs, targets)}
        if self.card.task == "multilabel":
            return {"classes": tuple(self._labels(outputs, targets))}
        counts = confusion(outputs, targets)
        return {
            "confusion": tuple(map(tuple, counts.tolist())),
            "classes": breakdown.classes(counts, self.card.labels),
            "detection": self._detection(outputs, targets),
        }

    def _detection(self, outputs: NDArray[np.float64], targets: NDArray[Any]) -> Counts | None:
        if self.decision is None or self.decision.positive is None:
            return None
        return self._counts(self.decision.positive, 0, outputs, targets)

    def _labels(
        self, outputs: NDArray[np.float64], targets: NDArray[Any]
    ) -> Iterator[ClassFigures]:
        """By label, what its threshold makes of the split."""
        for at, label in enumerate(self.card.labels):
            counts = self._counts(at, at, outputs, targets)
            if counts is not None:
                yield breakdown.label_figures(label, counts)

    def _counts(
        self, label: int, at: int, outputs: NDArray[np.float64], targets: NDArray[Any]
    ) -> Counts | None:
        """What a threshold makes of a split; None where there is nothing to tell apart."""
        figure = Figure(name="f1", metric="f1", output=label)
        points = figures.points_of(figure, outputs, targets)
        if points is None or self.least is None:
            return None
        return points.counts(points.at(self.least[at]))


def evaluation(
    model: Path,
    dataset: Path,
    asked: Sequence[Figure],
    decision: Decision | None = None,
    confidence: float | None = None,
) -> tuple[Evaluation, dict[Split, NDArray[Any]]]:
    """A model on the validation and test splits, and what it gave for each example.

    Args:
        model: What stage `quantise` made.
        dataset: The prepared data set.
        asked: The figures that the contract asks.
        decision: What the device decides; None where it only gives outputs.
        confidence: The level of intervals that are judged; None where none is.

    Returns:
        What it came to; and by split what `read_predictions` reads.

    Raises:
        CandidateFailure: Neither the oracle, where there is one, nor engine `aot` can run it.
        ToolError: A figure is not defined on a split.
    """
    judged = _judged(model, dataset, asked, decision, confidence)
    card, quantisation = judged.card, judged.quantisation
    tflite = (model / "model.tflite").read_bytes()
    ran, why = _ran(tflite, quantisation, dataset, SPLITS)
    found: dict[str, Any] = {}
    predicted: dict[Split, NDArray[Any]] = {}
    for split, (inputs, raw) in ran.items():
        outputs = metrics.of_device(raw, inputs, quantisation, card)
        predicted[split] = outputs[:, 1].astype(np.int64) if card.task == "anomaly" else raw
        targets = windows.read_targets(dataset, split)
        found[split] = judged.split(split, (inputs, raw), outputs, targets)
    layers = layer_rails(tflite, ran["validation"][0])
    found["validation"] = found["validation"].model_copy(update={"layer_rails": layers})
    computed_by: Computer = "aot" if why else "tflite-micro"
    dtype = quantisation.output.dtype
    evaluated = Evaluation(computed_by=computed_by, not_compared=why, dtype=dtype, **found)
    return evaluated, predicted


def _judged(
    model: Path,
    dataset: Path,
    asked: Sequence[Figure],
    decision: Decision | None,
    confidence: float | None,
) -> _Judged:
    """What splits are judged with; see `evaluation` for the arguments."""
    quantisation = Quantisation.read(model / "quantisation.json")
    floats = float_outputs(model / FLOAT_OUTPUTS)
    card = DataCard.read(dataset / "data_card.json")
    least = float_least(detectors(asked, card.task, len(card.labels)), floats, dataset)
    guesses = Guesses.read(dataset, card, asked)
    return _Judged(card, quantisation, asked, decision, floats, least, guesses, confidence)
