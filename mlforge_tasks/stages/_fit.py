"""The training itself; `train` runs this module in a process under the contract's limits."""

from __future__ import annotations

import math
import resource
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.data_card import EXAMPLES_CARD, DataCard
from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.contract.metrics import better
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import progress, room
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import _least_squares, _memory_need, main
from mlforge_tasks.stages._k_means import Clustering
from mlforge_tasks.stages._keras import clusters_of, load_model, start
from mlforge_tasks.stages._pruning import CURVES, Curves, Pruning
from mlforge_tasks.stages._trainer import Split, Trainer, load_split
from mlforge_tasks.stages._training import (
    MEMORY_HINT,
    STARTED,
    Budget,
    Learner,
    Training,
    failure,
    leave,
    memory_failure,
    timeout_failure,
)
from mlforge_tasks.verdict import figures, metrics
from mlforge_tasks.verdict.constraints import PRUNED
from mlforge_tasks.yaml_file.units import format_against, format_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


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

    def add(self, train_loss: float, loss: float, value: float, learner: Learner) -> None:
        best = self.validation_metric[self.best_epoch - 1] if self.best_epoch else None
        number = len(self.train_loss) + 1
        if better(self.metric, value, best):
            self.best_epoch = self.last_progress = number
            self.weights = learner.get_weights()
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

    def training(self, validation: dict[str, float]) -> Training:
        """The whole of it, with all metrics of the weights that were kept."""
        return Training(
            metric=self.metric,
            best_epoch=self.best_epoch,
            train_loss=tuple(self.train_loss),
            validation_loss=tuple(self.validation_loss),
            validation_metric=tuple(self.validation_metric),
            validation=validation,
        )


@dataclass(frozen=True)
class Judged:
    """What decides about a training.

    Attributes:
        goal: The figure that it is steered by.
        validation: The split that it is measured on.
        card: The data set's.
    """

    goal: Figure
    validation: Split
    card: DataCard

    def value(self, outputs: NDArray[np.float32]) -> float:
        """The figure, of the network's outputs for the split."""
        real, targets = self._real(outputs), self.validation.targets
        (value,) = figures.required((self.goal,), real, targets, self.card, "validation").values()
        return value

    def scores(self, outputs: NDArray[np.float32]) -> dict[str, float]:
        """The standard figures."""
        return figures.scores(self._real(outputs), self.validation.targets, self.card)

    def _real(self, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
        return metrics.of_network(outputs, self.validation.inputs, self.card)


def fit(trainer: Learner, judged: Judged, budget: Budget, pruning: Pruning) -> Training:
    """Trains until the epochs are used up or nothing improves, then restores the best weights.

    Args:
        trainer: What learns, and the training data.
        judged: What decides.
        budget: Epochs and patience.
        pruning: The goal's metric, and what the training is held against.

    Raises:
        CandidateFailure: The loss is no longer finite, the time limit is over, or it fell behind.
        ToolError: The figure is not defined on this validation split.
    """
    goal, validation = judged.goal, judged.validation
    history = _History(goal.metric)
    started = time.process_time()
    for number in range(1, budget.epochs + 1):
        if time.process_time() - started > budget.time_limit_s:
            raise timeout_failure(budget.time_limit_s)
        train_loss = trainer.epoch(number)
        outputs = trainer.predict(validation.inputs)
        loss = trainer.loss(validation, outputs)
        if not (math.isfinite(train_loss) and math.isfinite(loss)):
            raise failure("diverged", f"the loss is no longer finite in epoch {number}")
        value = judged.value(outputs)
        history.add(train_loss, loss, value, trainer)
        shown = f"loss {train_loss:.4g}, {goal.metric} {value:.4g}"
        progress.tell(number, budget.epochs, "epochs", shown)
        if history.stalled(budget.patience):
            break
        if number < budget.epochs:
            history.check(pruning)
    trainer.set_weights(history.weights)
    return history.training(judged.scores(trainer.predict(validation.inputs)))


def _curves(inputs: Mapping[str, Path]) -> tuple[tuple[float, ...], ...]:
    """The learning curves of earlier rounds, where the contract wants them looked at."""
    folders = (folder for name, folder in sorted(inputs.items()) if name.startswith("curves"))
    return tuple(curve for one in folders for curve in Curves.read(one / CURVES).curves)


def limit_memory(limit_bytes: int) -> None:
    """Has the kernel keep the contract's limit.

    Raises:
        ToolError: We were started under a limit that is lower and may not be lifted.
    """
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))
    except ValueError as error:
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        wanted, here = format_against(limit_bytes, most, "B")
        raise ToolError(
            f"the contract lets a training have {wanted} of memory, the limit here is {here} "
            "(ulimit -d)",
            hint="lift that limit, or lower training.memory_limit",
        ) from error


def _check_base(limit_bytes: int) -> None:
    """Refuses a limit that is used up already: the libraries may have been loaded before it held.

    Raises:
        ToolError: It is.
    """
    held = room.data_bytes()
    if held > limit_bytes:
        raise ToolError(
            f"TensorFlow cannot be loaded: it takes {format_bytes(held)} of memory",
            hint=MEMORY_HINT,
        )


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `weights.npz` and `training.json`; see `train.run`."""
    budget = Budget.model_validate(config["training"])
    limit = budget.memory_limit_bytes
    limit_memory(limit)
    try:
        libraries = start(config["search.seed"])
    except (MemoryError, ImportError, OSError) as error:  # refused memory shows as any of them
        raise ToolError(f"TensorFlow cannot be loaded: {error!r}", hint=MEMORY_HINT) from error
    _check_base(limit)
    card = DataCard.read(inputs["dataset"] / EXAMPLES_CARD)
    model = load_model(inputs["render"] / "model.py")
    goal = Figure.from_dump(config["goal"])
    print(STARTED, flush=True)
    # Between epochs `fit` keeps the limit; this, which ends us, is for an epoch that does not end.
    signal.setitimer(signal.ITIMER_PROF, 2 * budget.time_limit_s)
    try:
        train, validation = (
            load_split(inputs["dataset"], name, card) for name in ("train", "validation")
        )
        _memory_need.check(_memory_need.need(model, train, validation, budget.batch_size), limit)
        clusters, seed = clusters_of(inputs["render"] / "model.py"), config["search.seed"]
        trainer: Learner = (
            Clustering(train, clusters, seed)
            if clusters
            else Trainer(libraries, model, train, goal=goal.metric, budget=budget, seed=seed)
        )
        pruning = Pruning(goal.metric, _curves(inputs), warm_up=budget.patience)
        if card.task == "regression":
            _least_squares.start(model, train, validation)
        training = fit(trainer, Judged(goal, validation, card), budget, pruning)
    except (MemoryError, libraries.tensorflow.errors.ResourceExhaustedError):
        raise memory_failure(limit) from None
    leave(trainer, training, out)


if __name__ == "__main__":
    main(run)
