"""What training minimises, and that what it writes is the same bytes whatever Python writes it."""

from __future__ import annotations

import sys
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlforge_tasks.graph import process
from mlforge_tasks.stages._trainer import save_arrays

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ARRAYS: dict[str, NDArray[Any]] = {
    "conv1d/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 7,
    "conv1d/bias": np.zeros(4, np.float32),
    "count": np.array(3, np.int64),
    "none": np.empty((0, 2), np.float32),
}
DIGEST = "46f770135a4ada8e796951e70729c2416cedd888bbb59db240d647edde517844"


def test_archives_of_arrays_are_the_same_bytes_everywhere(tmp_path: Path) -> None:
    """The digest is of no machine, day, Python or numpy: Python 3.11.2 to 3.13.0 have given it."""
    path = tmp_path / "weights.npz"
    save_arrays(ARRAYS, path)
    assert sha256(path.read_bytes()).hexdigest() == DIGEST
    with np.load(path) as found:
        assert list(found) == list(ARRAYS)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(found[name], array, strict=True)


WEIGHTED = """
import numpy as np
from mlforge_tasks.stages._keras import start
from mlforge_tasks.stages._trainer import Split, Trainer
from mlforge_tasks.stages._training import Budget
from mlforge_tasks.windows import Windows

libraries = start(1)
keras = libraries.keras
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation="softmax")])
random = np.random.default_rng(1)
labels = np.repeat(np.arange(3, dtype=np.int32), (40, 15, 5))
inputs = random.standard_normal((60, 2)).astype(np.float32)
weight = np.array([60 / 3 / 40, 60 / 3 / 15, 60 / 3 / 5])
split = Split(Windows.each(inputs), labels, labels)
some = Split(Windows.each(inputs[30:]), labels[30:], labels[30:])
limits = dict(epochs=1, learning_rate=0.1, patience=1, time_limit_s=60, memory_limit_bytes=1)

budget = Budget(batch_size=60, class_weights="balanced", **limits)
trainer = Trainer(libraries, model, split, goal="accuracy", budget=budget, seed=1)
for part in (split, some):
    outputs = trainer.predict(part.inputs)
    entropy = -np.log(outputs[np.arange(len(part.targets)), part.targets])
    print(np.mean(weight[part.targets] * entropy), trainer.loss(part, outputs))
untrained = trainer.loss(split, trainer.predict(split.inputs))
print(untrained, trainer.epoch(1))

model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="sigmoid")])
there = np.stack([labels == 2, labels > 0], axis=1)
counts = there.sum(axis=0)
weight = np.where(there, 60 / 2 / counts, 60 / 2 / (60 - counts))
split = Split(Windows.each(inputs), there, there.astype(np.int32))
trainer = Trainer(libraries, model, split, goal="macro_f1", budget=budget, seed=1)
outputs = trainer.predict(split.inputs)
entropy = -np.log(np.where(there, outputs, 1 - outputs))
print(np.mean(weight * entropy), trainer.loss(split, outputs))
untrained = trainer.loss(split, trainer.predict(split.inputs))
print(untrained, trainer.epoch(1))
"""
# The same examples as windows of rows that they share, and copied; what each training ends with.
SHARED = """
from hashlib import sha256

rows = random.standard_normal((90, 2)).astype(np.float32)
views = Windows(rows, np.arange(60)[::-1], 16)
budget = Budget(batch_size=16, **limits)
for inputs in (views, Windows.each(views[:])):
    keras.utils.set_random_seed(1)
    body = keras.Input((16, 2)), keras.layers.Conv1D(4, 5), keras.layers.Flatten()
    model = keras.Sequential([*body, keras.layers.Dense(1)])
    aims = views[:].mean(axis=(1, 2))[:, None]
    split = Split(inputs, aims, aims)
    trainer = Trainer(libraries, model, split, goal="mse", budget=budget, seed=1)
    losses = [trainer.epoch(number) for number in (1, 2)]
    weights = b"".join(part.tobytes() for part in model.get_weights())
    print(losses, sha256(weights + trainer.predict(inputs).tobytes()).hexdigest())
"""
# A head alone, and a network that is more than one.
LINEAR = """
from mlforge_tasks.stages import _least_squares

mix = random.standard_normal((32, 2)).astype(np.float32)
aims = views[:].reshape(60, 32) @ mix + np.float32(3)
split = Split(views, aims, aims)
for between in ((), (keras.layers.Dense(4, activation="relu"),)):
    body = keras.Input((16, 2)), keras.layers.Flatten(), *between
    model = keras.Sequential([*body, keras.layers.Dense(2)])
    before = model.get_weights()
    started = _least_squares.start(model, split, split)
    same = all(map(np.array_equal, before, model.get_weights()))
    print(started, same, float(np.abs(model.predict(views[:], verbose=0) - aims).max()))
"""
# Windows that lie in a plane of two numbers each, and in validation some that do not.
RECONSTRUCTION = """
plane = random.standard_normal((90, 1)) @ np.ones((1, 2))
odd = np.arange(90) >= 60
rows = np.where(odd[:, None], [[1, -1]], plane).astype(np.float32)
train = Split(Windows(rows, np.arange(50), 3), None, np.zeros(50, np.int32))
mixed = Split(Windows(rows, np.arange(40, 80), 3), None, np.repeat([0, 1], 20).astype(np.int32))
body = keras.Input((3, 2)), keras.layers.Flatten(), keras.layers.Dense(3)
model = keras.Sequential([*body, keras.layers.Dense(6)])
budget = Budget(batch_size=10, **{**limits, "learning_rate": 0.02})
trainer = Trainer(libraries, model, train, goal="auc", budget=budget, seed=1)
losses = [trainer.epoch(number) for number in range(1, 61)]
outputs = trainer.predict(mixed.inputs)
errors = np.square(outputs - mixed.inputs[:].reshape(40, 6)).mean(axis=1)
print(errors[:20].mean(), trainer.loss(mixed, outputs))
print(losses[0], losses[-1], errors[:18].max(), errors[20:].min())
"""


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """What all of them say, in one process, since TensorFlow takes seconds to start."""
    done = process.check(
        [sys.executable, "-c", WEIGHTED + SHARED + LINEAR + RECONSTRUCTION], timeout_s=120
    )
    return done.splitlines()[-11:]


@pytest.mark.slow
def test_windows_train_as_their_copies_do(lines: list[str]) -> None:
    """To the bit: the weights after two epochs, their losses and outputs."""
    assert lines[5] == lines[6]


@pytest.mark.slow
def test_balanced_classes_weigh_alike(lines: list[str]) -> None:
    """The loss of training and validation is the mean of N / (classes n) times each example's.

    Of several labels that may be there, each label's being there or not are its classes.
    """
    pairs = [tuple(map(float, line.split())) for line in lines[:5]]
    for wanted, found in pairs:
        assert found == pytest.approx(wanted, rel=1e-5)


@pytest.mark.slow
def test_a_head_alone_starts_at_the_least_squares(lines: list[str]) -> None:
    """Targets that are linear in the inputs are met before an epoch; other networks stay alone."""
    started, same, error = lines[7].split()
    assert (started, same) == ("True", "False")
    assert float(error) < 1e-3
    assert lines[8].split()[:2] == ["False", "True"]


@pytest.mark.slow
def test_a_network_learns_to_give_its_input_back(lines: list[str]) -> None:
    """Of windows, too; the loss on validation data is that of what is normal; the rest is worse."""
    wanted, found = map(float, lines[9].split())
    assert found == pytest.approx(wanted, rel=1e-5)
    first, last, normal, other = map(float, lines[10].split())
    assert last < first / 20
    assert 4 * normal < other
