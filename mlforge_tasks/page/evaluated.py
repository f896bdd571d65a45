"""What the best candidate's int8 model gave for each example of the splits that judge it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlforge_tasks import windows
from mlforge_tasks.contract.data_card import CARD, DataCard
from mlforge_tasks.origins import Origins
from mlforge_tasks.quantisation import Quantisation, TensorQuantisation
from mlforge_tasks.verdict import metrics
from mlforge_tasks.verdict.decision import DECISION, Decision
from mlforge_tasks.verdict.evaluation import EVALUATION, Evaluation
from mlforge_tasks.verdict.predictions import predictions_file, read_predictions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import Split
    from mlforge_tasks.page.found import Found
    from mlforge_tasks.verdict.evaluation import SplitEvaluation
    from mlforge_tasks.windows import Windows

# Of a value that went through float32, relative to the largest that it was added to.
KNOWN = 1e-6


@dataclass(frozen=True)
class Part:
    """One split.

    Attributes:
        name: Which.
        judged: What it came to.
        folder: The prepared data set.
        card: Its card.
        raw: What the model gave, as `read_predictions` has it.
    """

    name: Split
    judged: SplitEvaluation
    folder: Path
    card: DataCard
    raw: NDArray[Any]

    @cached_property
    def targets(self) -> NDArray[Any]:
        """As `windows.read_targets` has them."""
        return windows.read_targets(self.folder, self.name)

    @cached_property
    def windows(self) -> Windows:
        """Its examples, normalised."""
        return windows.read(self.folder, self.name, self.card.window_length)


@dataclass(frozen=True)
class Evaluated:
    """The best candidate on data.

    Attributes:
        card: The data set's card.
        quantisation: The model's.
        decision: What the device decides; None where it only gives outputs.
        parts: Validation; and test, where that was asked.
        asked: Of how many candidates the test split was asked.
        origins: Where rows are from; None where that is not known.
    """

    card: DataCard
    quantisation: Quantisation
    decision: Decision | None
    parts: tuple[Part, ...]
    asked: int
    origins: Origins | None

    @classmethod
    def of(cls, found: Found) -> Self | None:
        """What there is of a search; None where nothing is evaluated."""
        data = found.folder("dataset")
        file = found.file(found.best, "evaluate", EVALUATION)
        described = found.file(found.best, "quantise", "quantisation.json")
        if data is None or file is None or described is None:
            return None
        card, evaluation = DataCard.read(data / CARD), Evaluation.read(file)
        asked = found.report.asked()
        splits: tuple[Split, ...] = ("validation", "test")
        parts = tuple(
            Part(one, getattr(evaluation, one), data, card, read_predictions(file.parent, one))
            for one in (splits if found.best in asked else splits[:1])
            if (file.parent / predictions_file(one)).exists()
        )
        decided = found.file(found.best, "decide", DECISION)
        return cls(
            card=card,
            quantisation=Quantisation.read(described),
            decision=Decision.read(decided) if decided is not None else None,
            parts=parts,
            asked=len(asked),
            origins=Origins.read(data),
        )

    def outputs(self, part: Part) -> NDArray[Any]:
        """What the model said of a split: original units or probabilities, [N, outputs]."""
        return metrics.to_outputs(part.raw, self.quantisation, self.card)

    def said(self, part: Part, at: int) -> NDArray[Any]:
        """The same of one example, [outputs]."""
        one: NDArray[Any] = metrics.to_outputs(part.raw[at : at + 1], self.quantisation, self.card)[
            0
        ]
        return one

    def test_note(self) -> str:
        """Whether the test split is shown, and what of it is to be known."""
        if any(part.name == "test" for part in self.parts):
            many = "1 candidate" if self.asked == 1 else f"{self.asked} candidates"
            return f"The test split was asked of {many}."
        return (
            "The test split is not shown: it is asked only of a candidate that meets everything "
            "else, and this one does not."
        )

    def values(self, part: Part, which: NDArray[Any]) -> NDArray[Any]:
        """Some examples' inputs in original units, [n, *input_shape]."""
        return raw_units(part.windows[which], self.card)


def raw_units(inputs: NDArray[Any], card: DataCard) -> NDArray[Any]:
    """Inputs as they were before they were normalised; the last axis holds the features.

    Normalised values are float32, so what they came from is known to some 7 digits; what lies below
    is rounded off, so that a 0 is a 0.
    """
    scale, mean = np.asarray(card.input_scale), np.asarray(card.input_mean)
    step = 10.0 ** np.floor(np.log10(KNOWN * (np.abs(scale) + np.abs(mean))))
    raw: NDArray[Any] = np.round((inputs.astype(np.float64) * scale + mean) / step) * step + 0.0
    return raw


def input_ranges(quantisation: Quantisation, card: DataCard) -> Iterator[tuple[float, float]]:
    """By feature, the least and the greatest value that the int8 input can hold, in its unit.

    Of one that several inputs take, what the narrowest of them holds.
    """
    end, count = quantisation.input, len(card.features)
    parts: list[tuple[Any, Any]] = (
        [(end, range(count))]
        if isinstance(end, TensorQuantisation)
        else [(one, one.features) for one in end.parts]
    )
    reach = np.iinfo(end.dtype)
    for at in range(count):
        ends = [
            ((reach.min - one.zero_point) * one.scale, (reach.max - one.zero_point) * one.scale)
            for one, features in parts
            if at in features
        ]
        if not ends:
            yield float("-inf"), float("inf")
            continue
        scale, mean = card.input_scale[at], card.input_mean[at]
        low, high = max(low for low, _ in ends), min(high for _, high in ends)
        yield low * scale + mean, high * scale + mean
