"""The training itself; `train` runs this module in a process under the contract's limits.

A training loop of our own, not `Model.fit`: with networks this small Keras' work per batch costs
more than the network's (measured, 281 batches of 128 glucose windows: 0.13 s an epoch against 0.3
to 0.6 s), and the figures of each epoch are needed in original units.
"""

from __future__ import annotations

import math
import resource
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.records import Reason, Record
from mlforge_tasks.stages import main
from mlforge_tasks.stages._keras import Libraries, Predictor, load_model, start
from mlforge_tasks.stages._pruning import CURVES, Curves, Pruning
from mlforge_tasks.verdict import metrics
from mlforge_tasks.verdict.constraints import PRUNED
from mlforge_tasks.verdict.direction import better

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

# Printed once everything is set up; an end before it is no candidate's fault.
STARTED = "training starts"
PROGRESS = "epoch "
# Measured: TensorFlow 2.21 holds 0.3 GB of data before it does anything.
MEMORY_HINT = "a training.memory_limit of at least 1 GiB; TensorFlow itself takes 0.3 GiB of it"


class Budget(Record):
    """The contract's `training` section."""

    epochs: int
    batch_size: int
    learning_rate: float
    patience: int
    time_limit_s: float
    memory_limit_bytes: int
    prune: bool = False


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


@dataclass(frozen=True)
class Split:
    """Inputs, what the network learns, and the targets in original units."""

    inputs: NDArray[np.float32]
    learned: NDArray[Any]
    targets: NDArray[Any]


def load_split(folder: Path, name: str, card: DataCard) -> Split:
    """One split of a data set; regression targets are normalised for the network.

    Args:
        folder: The dataset stage's output.
        name: `train`, `validation` or `test`.
        card: Its card.
    """
    inputs = np.load(folder / f"{name}_x.npy")
    targets = np.load(folder / f"{name}_y.npy")
    if card.task == "classification":
        return Split(inputs, targets, targets)
    learned = (targets - np.asarray(card.target_mean)) / np.asarray(card.target_scale)
    return Split(inputs, learned.astype(np.float32), targets)


class Trainer:
    """A network, its optimiser and the training data.

    Args:
        libraries: TensorFlow and Keras.
        model: The network.
        train: The training split.
        goal: The goal's metric; it decides which loss is minimised.
        budget: Batch size and learning rate.
        seed: Of the order of examples.
    """

    def __init__(
        self,
        libraries: Libraries,
        model: Any,
        train: Split,
        *,
        goal: str,
        budget: Budget,
        seed: int,
    ) -> None:
        self.model = model
        self.predict = Predictor(libraries, model)
        self._seed = seed
        self._count = len(train.inputs)
        self._batch = min(budget.batch_size, self._count)
        self._loss = _loss(libraries.keras, goal)
        self._epoch = self._compile(libraries, train, budget.learning_rate)

    def _compile(self, libraries: Libraries, train: Split, learning_rate: float) -> Any:
        """One graph that runs a whole epoch, given the order of examples by batch."""
        tf, keras = libraries
        model, loss_of = self.model, self._loss
        inputs, learned = tf.constant(train.inputs), tf.constant(train.learned)
        variables = model.trainable_variables
        optimizer = keras.optimizers.Adam(learning_rate)
        optimizer.build(variables)

        def step(batch: Any) -> Any:
            with tf.GradientTape() as tape:
                outputs = model(tf.gather(inputs, batch), training=True)
                loss = loss_of(tf.gather(learned, batch), outputs)
            optimizer.apply(tape.gradient(loss, variables), variables)
            return loss

        def epoch(order: Any) -> Any:
            total = tf.zeros(())
            for batch in order:
                total += step(batch)
            return total / tf.cast(tf.shape(order)[0], tf.float32)

        return tf.function(epoch)

    def epoch(self, number: int) -> float:
        """Trains on every example once, but for what is left after the last whole batch.

        Args:
            number: Each epoch has an order of its own.

        Returns:
            The mean loss.
        """
        order = np.random.default_rng((self._seed, number)).permutation(self._count)
        whole = self._count // self._batch * self._batch
        return float(self._epoch(order[:whole].reshape(-1, self._batch)))

    def loss(self, split: Split, outputs: NDArray[np.float32]) -> float:
        """The loss of outputs that the network gave for a split."""
        return float(self._loss(split.learned, outputs))


def _loss(keras: Any, metric: str) -> Any:
    losses = keras.losses
    known = {"mse": losses.MeanSquaredError, "mae": losses.MeanAbsoluteError}
    return known.get(metric, losses.SparseCategoricalCrossentropy)()


class _History:
    """The curves so far, and the weights of the best epoch.

    An epoch is the best by the goal's metric; training goes on while that or the loss improves,
    since an accuracy can stand still for epochs in which the network learns.
    """

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.train_loss: list[float] = []
        self.validation_loss: list[float] = []
        self.validation_metric: list[float] = []
        self.best_epoch = 0
        self.last_progress = 0
        self.weights: list[NDArray[np.float32]] = []

    def add(self, train_loss: float, loss: float, value: float, model: Any) -> None:
        best = self.validation_metric[self.best_epoch - 1] if self.best_epoch else None
        number = len(self.train_loss) + 1
        if better(self.metric, value, best):
            self.best_epoch = self.last_progress = number
            self.weights = model.get_weights()
        if loss < min(self.validation_loss, default=math.inf):
            self.last_progress = number
        self.train_loss.append(train_loss)
        self.validation_loss.append(loss)
        self.validation_metric.append(value)

    def stalled(self, patience: int) -> bool:
        return len(self.train_loss) - self.last_progress >= patience

    def check(self, pruning: Pruning) -> None:
        """Stops a training that has fallen behind.

        Raises:
            CandidateFailure: With the best value so far.
        """
        median = pruning.threshold(self.validation_metric)
        if median is None:
            return
        value = self.validation_metric[self.best_epoch - 1]
        message = (
            f"stopped after epoch {len(self.train_loss)} with a {self.metric} of {value:.5g}: "
            f"most candidates before had {median:.5g} or better by then"
        )
        raise CandidateFailure(
            Reason(
                code=PRUNED,
                stage="train",
                message=message,
                metric=self.metric,
                value=value,
                limit=median,
            )
        )


def _failure(code: str, message: str, limit: float | None = None) -> CandidateFailure:
    return CandidateFailure(Reason(code=code, stage="train", message=message, limit=limit))


def timeout_failure(limit_s: float) -> CandidateFailure:
    """What it means that a training takes longer than the contract gives it."""
    message = f"training takes longer than its time limit of {limit_s:g} s"
    return _failure("train_timeout", message, limit_s)


def fit(
    trainer: Trainer, validation: Split, card: DataCard, budget: Budget, pruning: Pruning
) -> Training:
    """Trains until the epochs are used up or nothing improves, then restores the best weights.

    Args:
        trainer: The network and the training data.
        validation: The split that decides.
        card: The data set's card.
        budget: Epochs and patience.
        pruning: The goal's metric, and what the training is held against.

    Raises:
        CandidateFailure: The loss is no longer finite, the time limit is over, or it fell behind.
        ToolError: The metric is not defined on this validation split.
    """
    goal = pruning.metric
    history = _History(goal)

    def scores(outputs: NDArray[np.float32]) -> dict[str, float]:
        return metrics.scores(card.task, metrics.denormalise(outputs, card), validation.targets)

    started = time.monotonic()
    for number in range(1, budget.epochs + 1):
        if time.monotonic() - started > budget.time_limit_s:
            raise timeout_failure(budget.time_limit_s)
        train_loss = trainer.epoch(number)
        outputs = trainer.predict(validation.inputs)
        loss = trainer.loss(validation, outputs)
        if not (math.isfinite(train_loss) and math.isfinite(loss)):
            raise _failure("diverged", f"the loss is no longer finite in epoch {number}")
        value = metrics.require(scores(outputs), goal, "validation")
        history.add(train_loss, loss, value, trainer.model)
        figures = f"loss {train_loss:.5g} val loss {loss:.5g} val {goal} {value:.5g}"
        print(f"{PROGRESS}{number}/{budget.epochs} {figures}", flush=True)
        if history.stalled(budget.patience):
            break
        if number < budget.epochs:
            history.check(pruning)
    trainer.model.set_weights(history.weights)
    return Training(
        metric=goal,
        best_epoch=history.best_epoch,
        train_loss=tuple(history.train_loss),
        validation_loss=tuple(history.validation_loss),
        validation_metric=tuple(history.validation_metric),
        validation=scores(trainer.predict(validation.inputs)),
    )


def save_weights(model: Any, path: Path) -> None:
    """Writes a network's weights in Keras' order; equal weights give equal bytes."""
    np.savez(path, **{variable.path: variable.numpy() for variable in model.weights})


def load_weights(model: Any, path: Path) -> None:
    """Sets a network's weights from a file that `save_weights` wrote."""
    with np.load(path) as arrays:
        model.set_weights([arrays[variable.path] for variable in model.weights])


def _curves(inputs: Mapping[str, Path]) -> tuple[tuple[float, ...], ...]:
    """The learning curves of earlier rounds, where the contract wants them looked at."""
    folders = (folder for name, folder in sorted(inputs.items()) if name.startswith("curves"))
    return tuple(curve for one in folders for curve in Curves.read(one / CURVES).curves)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `weights.npz` and `training.json`; see `train.run`."""
    budget = Budget.model_validate(config["training"])
    limit = budget.memory_limit_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        libraries = start(config["search.seed"])
    except (MemoryError, ImportError, OSError) as error:  # refused memory shows as any of them
        raise ToolError(f"TensorFlow cannot be loaded: {error!r}", hint=MEMORY_HINT) from error
    card = DataCard.read(inputs["dataset"] / "data_card.json")
    model = load_model(inputs["render"] / "model.py")
    goal: str = config["goal.metric"]
    print(STARTED, flush=True)
    try:
        train, validation = (
            load_split(inputs["dataset"], name, card) for name in ("train", "validation")
        )
        trainer = Trainer(
            libraries, model, train, goal=goal, budget=budget, seed=config["search.seed"]
        )
        pruning = Pruning(goal, _curves(inputs), warm_up=budget.patience)
        training = fit(trainer, validation, card, budget, pruning)
    except (MemoryError, libraries.tensorflow.errors.ResourceExhaustedError):
        message = f"training needs more than the {limit} bytes of its memory limit"
        raise _failure("train_memory", message) from None
    save_weights(model, out / "weights.npz")
    training.write(out / "training.json")


if __name__ == "__main__":
    main(run)
