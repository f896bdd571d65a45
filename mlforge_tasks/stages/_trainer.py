"""A network, the data it learns from, one epoch of learning, and the weights it ends with.

A training loop of our own, not `Model.fit`: with networks this small Keras' work per batch costs
more than the network's (measured, 281 batches of 128 glucose windows: 0.13 s an epoch against 0.3
to 0.6 s), and the figures of each epoch are needed in original units.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks import windows
from mlforge_tasks.stages._augment import augmenter
from mlforge_tasks.stages._keras import Libraries, Predictor
from mlforge_tasks.verdict.classification import balanced_weights
from mlforge_tasks.verdict.reconstruction import squared_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import DataCard
    from mlforge_tasks.stages._training import Budget
    from mlforge_tasks.windows import Windows

# As a ZIP archive names the system that made it; not that of whoever does.
UNIX = 3


@dataclass(frozen=True)
class Split:
    """Inputs, what the network learns, and the targets in original units.

    Attributes:
        inputs: [N, *input_shape].
        learned: What its outputs should be, [N, ...]; None for the inputs, flat.
        targets: [N, outputs], or classes, [N].
    """

    inputs: Windows
    learned: NDArray[Any] | None
    targets: NDArray[Any]


def load_split(folder: Path, name: str, card: DataCard) -> Split:
    """One split of a data set; regression targets are normalised for the network.

    Args:
        folder: The dataset stage's output.
        name: `train`, `validation` or `test`.
        card: Its card.
    """
    inputs = windows.read(folder, name, card.window_length)
    targets = windows.read_targets(folder, name)
    if card.task == "anomaly":
        return Split(inputs, None, targets)
    if card.task == "classification":
        return Split(inputs, targets, targets)
    if card.task == "multilabel":
        return Split(inputs, targets == 1, targets)
    learned = (targets - np.asarray(card.target_mean)) / np.asarray(card.target_scale)
    return Split(inputs, learned.astype(np.float32), targets)


class Trainer:
    """A network, its optimiser and the training data.

    Args:
        libraries: TensorFlow and Keras.
        model: The network.
        train: The training split.
        goal: The goal's metric; it decides which loss is minimised.
        budget: Batch size, learning rate, whether rare classes weigh more, how examples are varied.
        seed: Of the order of examples, and of how they are varied.
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
        self._loss = _loss(libraries, goal, train.learned)
        if budget.class_weights is not None:
            self._loss = _balanced(libraries, self._loss, train.targets, model.outputs[0].shape[-1])
        self._epoch = self._compile(libraries, train, budget)

    def _compile(self, libraries: Libraries, train: Split, budget: Budget) -> Any:
        """One graph that runs a whole epoch, given its order of examples by batch, and a seed."""
        tf, keras = libraries
        model, loss_of = self.model, self._loss
        inputs, wanted = _gathering(tf, train.inputs), _wanted(tf, train.learned)
        vary = augmenter(tf, budget.augment, train.inputs.shape) if budget.augment else _unvaried
        variables = model.trainable_variables
        optimizer = keras.optimizers.Adam(budget.learning_rate)
        optimizer.build(variables)

        def step(batch: Any, seed: Any, at: Any) -> Any:
            seen = vary(inputs(batch), seed, at)
            with tf.GradientTape() as tape:
                outputs = model(seen, training=True)
                loss = loss_of(wanted(batch, seen), outputs)
            optimizer.apply(tape.gradient(loss, variables), variables)
            return loss

        def epoch(order: Any, seed: Any) -> Any:
            count = tf.shape(order)[0]
            _, total = tf.while_loop(
                lambda at, _: at < count,
                lambda at, total: (at + 1, total + step(order[at], seed, at)),
                (0, tf.zeros(())),
            )
            return total / tf.cast(count, tf.float32)

        # Without AutoGraph, which takes longer to rewrite this, layers included, than to trace it.
        return tf.function(epoch, autograph=False)

    def epoch(self, number: int) -> float:
        """Trains on every example once, but for what is left after the last whole batch.

        Args:
            number: Each epoch has an order of its own.

        Returns:
            The mean loss.
        """
        order = np.random.default_rng((self._seed, number)).permutation(self._count)
        whole = self._count // self._batch * self._batch
        seed = np.array([self._seed & 0x7FFFFFFF, number], np.int32)
        return float(self._epoch(order[:whole].reshape(-1, self._batch), seed))

    def loss(self, split: Split, outputs: NDArray[np.float32]) -> float:
        """The loss of outputs that the network gave for a split; of an input's, where it is normal.

        What is not is not to be learned.
        """
        if split.learned is None:
            errors = squared_errors(outputs, split.inputs)
            return float(errors[split.targets == 0].mean())
        return float(self._loss(split.learned, outputs))

    def get_weights(self) -> list[NDArray[np.float32]]:
        """The network's weights."""
        found: list[NDArray[np.float32]] = self.model.get_weights()
        return found

    def set_weights(self, weights: list[NDArray[np.float32]]) -> None:
        """Goes back to what `get_weights` gave."""
        self.model.set_weights(weights)

    def save(self, path: Path) -> None:
        """Writes the weights, see `save_weights`."""
        save_weights(self.model, path)


def _unvaried(batch: Any, *_: Any) -> Any:
    """What a batch is without augmentation."""
    return batch


def _gathering(tf: Any, examples: Windows) -> Callable[[Any], Any]:
    """What gives a batch of inputs, [batch, *shape], for the numbers of its examples.

    In the graph, out of rows that are there once: the windows of a batch are all that is copied.
    """
    rows, starts = tf.constant(examples.rows), tf.constant(examples.starts)
    if examples.length is None:
        return lambda batch: tf.gather(rows, tf.gather(starts, batch))
    steps = tf.range(examples.length, dtype=starts.dtype)
    return lambda batch: tf.gather(rows, tf.gather(starts, batch)[:, None] + steps)


def _wanted(tf: Any, learned: NDArray[Any] | None) -> Callable[[Any, Any], Any]:
    """What gives the outputs that a batch should have, for its numbers and its inputs."""
    if learned is None:
        return lambda batch, given: tf.reshape(given, (tf.shape(batch)[0], -1))
    table = tf.constant(learned)
    return lambda batch, _: tf.gather(table, batch)


def _loss(libraries: Libraries, metric: str, learned: NDArray[Any] | None) -> Any:
    losses = libraries.keras.losses
    if learned is not None and learned.dtype == np.bool_:
        entropy, cast = losses.BinaryCrossentropy(), libraries.tensorflow.cast
        return lambda labels, outputs, **weight: entropy(
            cast(labels, outputs.dtype), outputs, **weight
        )
    if learned is not None and np.issubdtype(learned.dtype, np.integer):
        return losses.SparseCategoricalCrossentropy()
    absolute = metric in {"mae", "quantile_error"}
    return (losses.MeanAbsoluteError if absolute else losses.MeanSquaredError)()


def _balanced(libraries: Libraries, loss_of: Any, targets: NDArray[Any], classes: int) -> Any:
    """A loss in which an example counts as much as its class says, or its having a label."""
    tf = libraries.tensorflow
    if targets.ndim == 1:
        table = tf.constant(balanced_weights(targets, classes))
        return lambda labels, outputs: loss_of(
            labels, outputs, sample_weight=tf.gather(table, labels)
        )
    each = [balanced_weights(targets[:, label], 2) for label in range(classes)]
    absent, present = tf.constant(np.stack(each, axis=1))

    def loss(labels: Any, outputs: Any) -> Any:
        weights = tf.where(labels, present, absent)
        # With an axis more, of one, for the mean is of the last.
        return loss_of(labels[..., None], outputs[..., None], sample_weight=weights)

    return loss


def save_arrays(arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Writes an `.npz` archive; equal arrays give equal bytes.

    Not `numpy.savez`: it asks for 64-bit sizes, and where these stand in an entry's header
    changed between Python 3.11.2 and 3.11.7 (measured).
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy")  # of 1980, as all entries
            entry.create_system = UNIX
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, content.getvalue())


def save_weights(model: Any, path: Path) -> None:
    """Writes a network's weights in Keras' order; equal weights give equal bytes."""
    save_arrays({variable.path: variable.numpy() for variable in model.weights}, path)


def load_weights(model: Any, path: Path) -> None:
    """Sets a network's weights from a file that `save_weights` wrote."""
    with np.load(path) as arrays:
        model.set_weights([arrays[variable.path] for variable in model.weights])
