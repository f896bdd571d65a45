"""A training seen from outside: what it may cost, says, leaves behind, and fails with."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, Literal, Protocol

from mlforge_tasks.contract.augment import Augment
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.records import Reason, Record
from mlforge_tasks.yaml_file.units import format_bytes

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from mlforge_tasks.windows import Windows

# Printed once everything is set up; an end before it is no candidate's fault.
STARTED = "training starts"
# Measured: TensorFlow 2.21 and Keras hold 0.45 GB of data before they do anything.
BASE_BYTES = 400_000_000
MEMORY_HINT = "a training.memory_limit of at least 1 GiB; TensorFlow itself takes 0.4 GiB of it"


class Budget(Record):
    """The contract's `training` section."""

    epochs: int
    batch_size: int
    learning_rate: float
    patience: int
    time_limit_s: float
    memory_limit_bytes: int
    prune: bool = False
    class_weights: Literal["balanced"] | None = None
    augment: Augment | None = None


class Learner(Protocol):
    """What learns an epoch at a time: a network, or centroids."""

    def epoch(self, number: int) -> float:
        """Learns every training example once, and gives the mean loss."""

    def predict(self, inputs: Windows) -> NDArray[np.float32]:
        """What it gives for each input: [N, outputs]."""

    def loss(self, split: Any, outputs: NDArray[np.float32]) -> float:
        """The loss of what it gave for a split."""

    def get_weights(self) -> list[NDArray[np.float32]]:
        """What it has learnt, as a copy."""

    def set_weights(self, weights: list[NDArray[np.float32]]) -> None:
        """Goes back to what it had learnt."""

    def save(self, path: Path) -> None:
        """Writes that; equal weights give equal bytes."""


class Training(Record):
    """How a training went; `training.json`.

    Attributes:
        metric: The goal's metric.
        best_epoch: The epoch whose weights were kept, from 1.
        train_loss: Mean loss of each epoch, in the units that the network learns in.
        validation_loss: The same on the validation split, after each epoch.
        validation_metric: The goal's metric after each epoch, in original units.
        validation: All metrics of the kept weights.
    """

    metric: str
    best_epoch: int
    train_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    validation_metric: tuple[float, ...]
    validation: dict[str, float]


def leave(learner: Learner, training: Training, out: Path) -> None:
    """Ends a training: its time is up no more, and what it came to is written."""
    signal.setitimer(signal.ITIMER_PROF, 0)
    learner.save(out / "weights.npz")
    training.write(out / "training.json")


def failure(
    code: str, message: str, limit: float | None = None, value: float | None = None
) -> CandidateFailure:
    """A failure of the `train` stage; with a value where it is known without a try."""
    reason = Reason(code=code, stage="train", message=message, value=value, limit=limit)
    return CandidateFailure(reason)


def memory_failure(limit_bytes: float) -> CandidateFailure:
    """What it means that a training takes more memory than the contract gives it."""
    message = (
        f"training needs more than its memory limit of {format_bytes(limit_bytes)}; lower "
        "training.batch_size, or raise training.memory_limit"
    )
    return failure("train_memory", message, limit_bytes)


def timeout_failure(limit_s: float) -> CandidateFailure:
    """What it means that a training takes longer than the contract gives it."""
    message = f"training takes longer than its time limit of {limit_s:g} s of the processor"
    return failure("train_timeout", message, limit_s)
