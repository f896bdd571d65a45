"""Golden vectors: test inputs that a device runs, and what its outputs are held against."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlforge_tasks import oracle, windows
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import progress
from mlforge_tasks.int8 import given, judged
from mlforge_tasks.verdict import figures, metrics
from mlforge_tasks.verdict.detection import decisions
from mlforge_tasks.verdict.reconstruction import reconstruction_scores
from mlforge_tasks.windows import Windows

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.int8 import Quantised
    from mlforge_tasks.quantisation import Quantisation
    from mlforge_tasks.runners import Session
    from mlforge_tasks.verdict.decision import Decision

# Enough to meet every output range.
GOLDEN_COUNT = 32
# What a target has to show in any case, however long it takes.
LEAST_COUNT = 4
SCORE_BYTES = 8
# How inputs come to the device, in words.
WAYS = {"line": "over its line", "memory": "in its memory"}


def _spread(numbers: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """So many of some numbers, evenly from first to last; all where they are fewer."""
    places = np.linspace(0, len(numbers) - 1, min(count, len(numbers)))
    return numbers[places.round().astype(np.intp)]


def _of_both(positive: NDArray[np.bool_], count: int) -> NDArray[np.intp]:
    """Examples that are to be detected, however rare they are, and others, in their order."""
    found = _spread(np.flatnonzero(positive), count // 2)
    others = _spread(np.flatnonzero(~positive), count - len(found))
    return np.sort(np.concatenate((found, others)))


def fitting(session: Session, model: Quantisation, time_s: float) -> int:
    """How many examples a device can run in some time, with what is sent for them.

    Args:
        session: The device.
        model: Its model.
        time_s: The time.
    """
    each_s = session.seconds_for(model.input.bytes, model.output.bytes)
    in_time = int(time_s / each_s) if each_s * GOLDEN_COUNT > time_s else GOLDEN_COUNT
    return max(LEAST_COUNT, in_time)


def _chosen(
    test: Windows, targets: NDArray[Any], decision: Decision | None, count: int
) -> NDArray[np.intp]:
    """Which examples of the test split a device runs."""
    wanted = 1 if decision is None or decision.positive is None else decision.positive
    matches = targets.reshape(len(targets), -1) == wanted  # [N, 1], or [N, labels]
    positive = np.logical_or.reduce(matches, axis=1)
    if test.anew is not None:
        return _of_a_stream(positive, test.anew, count)
    if decision is not None:
        return _of_both(positive, count)
    return _spread(np.arange(len(test)), count)


def _of_a_stream(
    positive: NDArray[np.bool_], anew: NDArray[np.bool_], count: int
) -> NDArray[np.intp]:
    """Examples in their order from where a stream begins, where one is soon to be detected."""
    begins = np.flatnonzero(anew)
    begins = begins[begins + count <= len(anew)] if len(anew) >= count else begins[:1]
    soon = [begin for begin in begins.tolist() if positive[begin : begin + count].any()]
    first = soon[0] if soon else int(begins[0]) if len(begins) else 0
    return np.arange(first, min(first + count, len(anew)))


@dataclass(frozen=True)
class Compared:
    """What comparing outputs with the oracle's came to; nothing where all are equal.

    Attributes:
        not_compared: Why they could not be.
        differs: How far they are off, of an engine that may.
    """

    not_compared: str = ""
    differs: str = ""


@dataclass(frozen=True)
class GoldenVectors:
    """Test examples spread evenly over the split; of a detector, half of them to be detected.

    Attributes:
        card: The data set's.
        quantisation: The model's.
        inputs: [N, ...], int8 or int16, as the device gets them.
        targets: [N] labels or [N, outputs] in original units.
        decision: What the device decides from its outputs; None where it only gives them.
        left_out: How many it could run in more time.
        examples: [N, ...], what the inputs are made of: normalised, float32.
        anew: Which of them begin a stream; None where each is one for itself.
    """

    card: DataCard
    quantisation: Quantisation
    inputs: NDArray[Quantised]
    targets: NDArray[Any]
    decision: Decision | None = None
    left_out: int = 0
    examples: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    anew: NDArray[np.bool_] | None = None

    @classmethod
    def choose(
        cls,
        dataset: Path,
        quantisation: Quantisation,
        decision: Decision | None = None,
        *,
        count: int = GOLDEN_COUNT,
    ) -> Self:
        """Takes them from the test split.

        Args:
            dataset: The data set's folder.
            quantisation: The model's.
            decision: The device's.
            count: How many; all where there are fewer.
        """
        card = DataCard.read(dataset / "data_card.json")
        test = windows.read(dataset, "test", card.window_length)
        targets = windows.read_targets(dataset, "test")
        chosen = _chosen(test, targets, decision, count)
        return cls(
            card=card,
            quantisation=quantisation,
            examples=test[chosen],
            inputs=given(Windows.each(test[chosen]), quantisation.input)[:],
            targets=targets[chosen],
            decision=decision,
            left_out=min(GOLDEN_COUNT, len(test)) - len(chosen),
            anew=None if test.anew is None else test.anew[chosen],
        )

    def ask(self, session: Session) -> NDArray[Quantised]:
        """The device's outputs: [N, ...].

        Raises:
            ToolError: The score that it tells of one is another, or it decides something else than
                follows from them.
        """
        answers = []
        for at, one in enumerate(self.inputs):
            progress.tell(at, len(self.inputs), "examples", WAYS[session.inputs_through])
            if self.anew is not None and self.anew[at]:
                session.begin()
            answers.append(session.infer(one.tobytes()).output)
        found = np.frombuffer(b"".join(answers), np.uint8).reshape(len(self.inputs), -1)
        shape, size = self.quantisation.output.shape, self.quantisation.output.bytes
        told = size + (SCORE_BYTES if self.card.task == "anomaly" else 0)
        raw, score, decided = np.split(found, [size, told], axis=1)
        outputs = np.ascontiguousarray(raw).view(self.quantisation.output.dtype)
        if self.card.task == "anomaly":
            self._check_scores(outputs, score)
        self._check_decisions(outputs, decided)
        return outputs.reshape(-1, *shape)

    def _check_scores(self, outputs: NDArray[Quantised], found: NDArray[np.uint8]) -> None:
        wanted = reconstruction_scores(self.given(), outputs, self.quantisation)
        if wanted.astype("<u8").tobytes() != found.tobytes():
            raise ToolError(
                f"the device's scores are not those that follow from its {len(outputs)} outputs",
                hint="this is a defect of model_data.h: report it with this candidate's",
            )

    def given(self) -> Windows:
        """The inputs as examples."""
        return replace(Windows.each(self.inputs), anew=self.anew)

    def _check_decisions(self, outputs: NDArray[Quantised], found: NDArray[np.uint8]) -> None:
        wanted = np.empty((len(outputs), 0), np.uint8)
        if self.decision is not None:
            wanted = decisions(self.decision, self._decided_from(outputs))
        if not np.array_equal(wanted, found):
            raise ToolError(
                f"the device's decisions are not those that follow from its {len(outputs)} outputs",
                hint="this is a defect of model_data.h: report it with this candidate's",
            )

    def _decided_from(self, outputs: NDArray[Quantised]) -> NDArray[Any]:
        """What a device's decisions are made from: its outputs, or for anomaly its score."""
        if self.card.task != "anomaly":
            return judged(outputs, self.quantisation.output)
        return metrics.of_device(outputs, self.given(), self.quantisation, self.card)

    def check(self, tflite: bytes, outputs: NDArray[Quantised], *, most_steps: int = 0) -> Compared:
        """Compares a device's outputs with the oracle's.

        Args:
            tflite: The model.
            outputs: What the device computed.
            most_steps: How far an output may be off, of an engine whose arithmetic is its own.

        Raises:
            ToolError: It computes something else than the oracle: the engine is wrong.
        """
        if not oracle.available():
            return Compared(not_compared=oracle.NO_WHEEL)
        try:
            wanted = oracle.outputs_of(tflite, self.given())
        except oracle.ReferenceCrashedError as crash:
            return Compared(not_compared=crash.message)
        steps = np.abs(wanted.astype(np.int32) - outputs.reshape(wanted.shape))
        wrong, most = int(np.count_nonzero(steps)), int(steps.max(initial=0))
        if most > most_steps:
            by = f", by up to {most} steps" if most_steps else ""
            raise ToolError(
                f"{wrong} of {wanted.size} output values differ between the device and the "
                f"oracle{by}",
                hint="this is a defect of the engine: report it with this candidate's model.tflite",
            )
        if wrong:
            return Compared(differs=f"{wrong} of {wanted.size} by at most {most} of 256 steps")
        return Compared()

    def scores(self, outputs: NDArray[Quantised]) -> dict[str, float]:
        """The task's metrics over these vectors, from a device's outputs."""
        flat = judged(outputs.reshape(len(outputs), -1), self.quantisation.output)
        real = metrics.of_device(flat, self.given(), self.quantisation, self.card)
        return figures.scores(real, self.targets, self.card)
