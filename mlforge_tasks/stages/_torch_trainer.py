"""A PyTorch network as a learner: an epoch, its loss, its weights; `_trainer` has Keras' one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.stages._torch_module import headed
from mlforge_tasks.stages._trainer import save_arrays
from mlforge_tasks.stages._training import failure
from mlforge_tasks.verdict.classification import balanced_weights
from mlforge_tasks.verdict.reconstruction import squared_errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import DataCard
    from mlforge_tasks.stages._torch_module import Users
    from mlforge_tasks.stages._trainer import Split
    from mlforge_tasks.stages._training import Budget
    from mlforge_tasks.windows import Windows

PREDICT_BATCH = 1024
# As Keras clips probabilities before it takes their logarithm.
_LEAST = 1e-7


def predictor(torch: Any, model: Any) -> Callable[[Windows], NDArray[np.float32]]:
    """What gives a network's outputs, [N, outputs], in the mode of inference."""

    def predict(inputs: Windows) -> NDArray[np.float32]:
        model.eval()
        with torch.no_grad():
            found = [model(torch.from_numpy(one)).numpy() for one in inputs.batches(PREDICT_BATCH)]
        return np.concatenate(found).reshape(len(inputs), -1)

    return predict


class TorchTrainer:
    """A network, its optimiser and the training data.

    Args:
        torch: PyTorch.
        model: The network, which gives logits.
        train: The training split, as the network takes it.
        goal: The goal's metric; it decides which loss is minimised.
        budget: Batch size, learning rate, whether rare classes weigh more.
        seed: Of the order of examples.
        users: Tells of what goes wrong in the network.
        card: The data set's.
    """

    def __init__(
        self,
        torch: Any,
        model: Any,
        train: Split,
        *,
        goal: str,
        budget: Budget,
        seed: int,
        users: Users,
        card: DataCard,
    ) -> None:
        self._torch = torch
        self.model = model
        self._predict = predictor(torch, headed(torch, model, card))
        self._train = train
        self._seed = seed
        self._count = len(train.inputs)
        self._batch = min(budget.batch_size, self._count)
        self._users = users
        self._goal = goal
        self._loss = _loss(torch, goal, train, card, balanced=budget.class_weights is not None)
        parameters = [one for one in model.parameters() if one.requires_grad]
        if not parameters:
            raise failure("unusable_model", f"{users.path}: the network has nothing to train")
        # Keras' epsilon, so that the same contract trains alike.
        self._optimizer = torch.optim.Adam(parameters, budget.learning_rate, eps=1e-7)

    def epoch(self, number: int) -> float:
        """See `Trainer.epoch`: the same order of examples."""
        order = np.random.default_rng((self._seed, number)).permutation(self._count)
        batches = order[: self._count // self._batch * self._batch].reshape(-1, self._batch)
        self.model.train()
        losses = self._users.run("training", lambda: [*map(self._step, batches)])
        return float(np.mean(losses))

    def _step(self, batch: NDArray[np.integer[Any]]) -> float:
        torch = self._torch
        inputs = torch.from_numpy(self._train.inputs[batch])
        learned = self._train.learned
        wanted = inputs.flatten(1) if learned is None else torch.from_numpy(learned[batch])
        self._optimizer.zero_grad()
        outputs = self.model(inputs)
        loss = self._loss(wanted, outputs.reshape(len(inputs), -1))
        loss.backward()
        self._optimizer.step()
        return float(loss.detach())

    def predict(self, inputs: Windows) -> NDArray[np.float32]:
        """What the network gives, as probabilities."""
        return self._predict(inputs)

    def loss(self, split: Split, outputs: NDArray[np.float32]) -> float:
        """The loss of outputs that the network gave for a split; of an input's, where it is normal.

        Classes weigh alike or not as in training.
        """
        if split.learned is None:
            errors = squared_errors(outputs, split.inputs)
            return float(errors[split.targets == 0].mean())
        torch = self._torch
        found = torch.from_numpy(outputs)
        if split.learned.dtype == np.bool_:
            found = torch.logit(found, eps=_LEAST)
        elif np.issubdtype(split.learned.dtype, np.integer):
            found = found.clamp(min=_LEAST).log()
        return float(self._loss(torch.from_numpy(np.ascontiguousarray(split.learned)), found))

    def get_weights(self) -> list[NDArray[np.float32]]:
        """The network's parameters and buffers, as a copy."""
        return [one.detach().numpy().copy() for one in self.model.state_dict().values()]

    def set_weights(self, weights: list[NDArray[np.float32]]) -> None:
        """Goes back to what `get_weights` gave."""
        names = self.model.state_dict()
        arrays = zip(names, weights, strict=True)
        self.model.load_state_dict({name: self._torch.from_numpy(one) for name, one in arrays})

    def save(self, path: Path) -> None:
        """Writes the weights by their names; equal weights give equal bytes."""
        save_arrays(dict(zip(self.model.state_dict(), self.get_weights(), strict=True)), path)


def load_weights(torch: Any, model: Any, path: Path) -> None:
    """Sets a network's weights from a file that `TorchTrainer.save` wrote."""
    with np.load(path) as arrays:
        model.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})


def _loss(torch: Any, metric: str, train: Split, card: DataCard, *, balanced: bool) -> Any:
    """The mean loss of what is wanted and of logits, [N, outputs]."""
    functional = torch.nn.functional
    learned = train.learned
    if learned is not None and learned.dtype == np.bool_:
        each = [balanced_weights(train.targets[:, label], 2) for label in range(card.output_count)]
        absent, present = torch.from_numpy(np.stack(each, axis=1))

        def entropy(wanted: Any, found: Any) -> Any:
            weight = torch.where(wanted, present, absent) if balanced else None
            return functional.binary_cross_entropy_with_logits(found, wanted.float(), weight=weight)

        return entropy
    if learned is not None and np.issubdtype(learned.dtype, np.integer):
        table = torch.from_numpy(balanced_weights(train.targets, card.output_count))

        def cross(wanted: Any, found: Any) -> Any:
            each = functional.cross_entropy(found, wanted.long(), reduction="none")
            # Over all examples, not over their weights: as Keras has it.
            return (each * table[wanted.long()]).mean() if balanced else each.mean()

        return cross
    absolute = metric in {"mae", "quantile_error"}
    kind = functional.l1_loss if absolute else functional.mse_loss
    return lambda wanted, found: kind(found, wanted.reshape(found.shape))
