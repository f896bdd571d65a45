"""Golden vectors: test inputs that a device runs, and what its outputs are held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mlforge_tasks import oracle
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.errors import ToolError
from mlforge_tasks.int8 import quantise
from mlforge_tasks.verdict import metrics

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.quantisation import Quantisation
    from mlforge_tasks.runners import Session

# Enough to meet every output range, few enough that a run takes seconds.
GOLDEN_COUNT = 32


@dataclass(frozen=True)
class GoldenVectors:
    """Test examples spread evenly over the split.

    Attributes:
        card: The data set's.
        quantisation: The model's.
        inputs: [N, ...], int8, as the device gets them.
        targets: [N] labels or [N, outputs] in original units.
    """

    card: DataCard
    quantisation: Quantisation
    inputs: NDArray[np.int8]
    targets: NDArray[Any]

    @classmethod
    def choose(cls, dataset: Path, quantisation: Quantisation) -> Self:
        """Takes them from the test split.

        Args:
            dataset: The data set's folder.
            quantisation: The model's.
        """
        test_x = np.load(dataset / "test_x.npy", mmap_mode="r")
        count = min(GOLDEN_COUNT, len(test_x))
        chosen = np.linspace(0, len(test_x) - 1, count).round().astype(np.intp)
        return cls(
            card=DataCard.read(dataset / "data_card.json"),
            quantisation=quantisation,
            inputs=quantise(np.asarray(test_x[chosen]), quantisation.input),
            targets=np.load(dataset / "test_y.npy")[chosen],
        )

    def ask(self, session: Session) -> NDArray[np.int8]:
        """The device's outputs: [N, ...]."""
        outputs = [session.infer(one.tobytes()).output for one in self.inputs]
        shape = (len(self.inputs), *self.quantisation.output.shape)
        return np.frombuffer(b"".join(outputs), np.int8).reshape(shape)

    def check(self, tflite: bytes, outputs: NDArray[np.int8]) -> str:
        """Compares a device's outputs with the oracle's.

        Args:
            tflite: The model.
            outputs: What the device computed.

        Returns:
            Why they could not be compared, or nothing where they are equal.

        Raises:
            ToolError: It computes something else than the oracle: the engine is wrong.
        """
        if not oracle.available():
            return oracle.NO_WHEEL
        try:
            wanted = oracle.outputs_of(tflite, self.inputs)
        except oracle.ReferenceCrashedError as crash:
            return crash.message
        wrong = int(np.count_nonzero(wanted != outputs.reshape(wanted.shape)))
        if wrong:
            raise ToolError(
                f"{wrong} of {wanted.size} output bytes differ between the device and the oracle",
                hint="this is a defect of the engine: report it with this candidate's model.tflite",
            )
        return ""

    def scores(self, outputs: NDArray[np.int8]) -> dict[str, float]:
        """The task's metrics over these vectors, from a device's outputs."""
        flat = outputs.reshape(len(outputs), -1)
        real = metrics.to_outputs(flat, self.quantisation, self.card)
        return metrics.scores(self.card.task, real, self.targets)
