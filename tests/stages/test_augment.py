"""How training examples are varied: each kind of change, and that the same seed gives the same."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlforge_tasks.contract.augment import Augment
from mlforge_tasks.graph import process

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]

LENGTH, SIDE, BATCH = 12, 6, 256

# One process for all: loading TensorFlow takes longer than what is tried.
VARIED = """
import sys
import numpy as np
from mlforge_tasks.contract.augment import Augment
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.stages._augment import augmenter
from mlforge_tasks.stages._keras import start
from mlforge_tasks.stages._trainer import Split, Trainer
from mlforge_tasks.stages._training import Budget
from mlforge_tasks.windows import Windows

libraries = start(1)
tf, keras = libraries
length, side, batch = map(int, sys.argv[2:])
series = np.arange(1, 2 * length + 1, dtype=np.float32).reshape(length, 2)
image = np.arange(1, side * side + 1, dtype=np.float32).reshape(side, side, 1)
found = {"series": series, "image": image}

def vary(name, example, seed=1, at=0, **how):
    augment = Augment.model_validate(how)
    run = tf.function(augmenter(tf, augment, example.shape))
    many = np.repeat(example[None], batch, axis=0)
    found[name] = run(many, tf.constant([seed, 1]), tf.constant(at)).numpy()

vary("shift", series, shift=3)
vary("warp", series, time_warp="20 %")
vary("rows", series, mask={"rows": 4})
vary("features", series, mask={"features": 1})
vary("scale", series, scale="10 %")
vary("noise", series, noise=0.5)
vary("again", series, noise=0.5)
vary("next", series, noise=0.5, at=1)
vary("other", series, noise=0.5, seed=2)
vary("flip", image, flip="horizontal")
vary("both", image, flip="both")
vary("crop", image, crop="30 %")
vary("moved", image, shift=1)

random = np.random.default_rng(1)
rows, y = random.standard_normal((64, length, 2)).astype(np.float32), random.normal(size=(64, 1))
split = Split(Windows.each(rows), y.astype(np.float32), y)
for name, how in (("a", {"noise": 0.1}), ("b", {"noise": 0.1}), ("plain", None)):
    keras.utils.set_random_seed(1)
    layers = [keras.Input((length, 2)), keras.layers.Flatten(), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    budget = Budget(epochs=2, batch_size=16, learning_rate=0.1, patience=1, time_limit_s=60,
                    memory_limit_bytes=1, augment=how)
    trainer = Trainer(libraries, model, split, goal="mse", budget=budget, seed=1)
    losses = [trainer.epoch(1), trainer.epoch(2)]
    found[f"trained_{name}"] = np.concatenate([each.ravel() for each in model.get_weights()])
try:
    augmenter(tf, Augment(flip="both"), (8,))
except MlforgeError as error:
    found["refused"] = np.array(str(error))
np.savez(sys.argv[1], **found)
"""


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    """Batches of one example each, varied in one way each."""
    path = tmp_path_factory.mktemp("augment") / "varied.npz"
    sizes = map(str, (LENGTH, SIDE, BATCH))
    process.check([sys.executable, "-c", VARIED, str(path), *sizes], timeout_s=240)
    with np.load(path) as arrays:
        return dict(arrays)


def kinds(batch: NDArray[Any], known: Mapping[Any, NDArray[Any]]) -> set[Any]:
    """Which of the known examples a batch holds; each of it is one of them."""
    seen = set()
    for each in batch:
        matching = [name for name, one in known.items() if np.array_equal(one, each)]
        assert matching
        seen.add(matching[0])
    return seen


def test_a_series_moves_by_whole_rows(varied: Arrays) -> None:
    """By -3 to 3 of them, each of which happens; its edge goes on."""
    rows = np.arange(LENGTH)
    known = {by: varied["series"][np.clip(rows + by, 0, LENGTH - 1)] for by in range(-3, 4)}
    assert kinds(varied["shift"], known) == set(range(-3, 4))


def test_an_image_moves_along_both_axes(varied: Arrays) -> None:
    """All nine ways by one pixel at most."""
    at = np.arange(SIDE)
    moved = {by: np.clip(at + by, 0, SIDE - 1) for by in (-1, 0, 1)}
    known = {(a, b): varied["image"][moved[a]][:, moved[b]] for a in moved for b in moved}
    assert kinds(varied["moved"], known) == set(known)


def test_time_warp_keeps_the_middle_and_stretches_the_rest(varied: Arrays) -> None:
    """A ramp stays a ramp, at most a fifth steeper or less steep."""
    slopes = np.diff(varied["warp"][:, 2:-2, 0], axis=1)
    straight = float(varied["series"][1, 0] - varied["series"][0, 0])
    assert np.allclose(slopes, slopes[:, :1], atol=1e-4)
    assert slopes.min() < 0.9 * straight < 1.1 * straight < slopes.max()
    assert 0.8 * straight - 1e-4 <= slopes.min() <= slopes.max() <= 1.2 * straight + 1e-4
    middle = varied["warp"][:, LENGTH // 2 - 1 : LENGTH // 2 + 1, 0].mean(axis=1)
    assert np.allclose(middle, varied["series"][:, 0].mean(), atol=1e-4)


@pytest.mark.parametrize(("name", "axis", "most"), [("rows", 1, 4), ("features", 2, 1)])
def test_a_mask_hides_neighbours(varied: Arrays, name: str, axis: int, most: int) -> None:
    """None to so many, in one run; all else is as it was."""
    hidden = varied[name] == 0
    assert (varied[name] == np.where(hidden, 0, varied["series"])).all()
    lines = hidden.any(axis=3 - axis)
    assert (lines == hidden.all(axis=3 - axis)).all()
    assert set(lines.sum(axis=1).tolist()) == set(range(most + 1))
    assert (np.abs(np.diff(np.pad(lines, ((0, 0), (1, 1))).astype(int))).sum(axis=1) <= 2).all()
    assert lines.any(axis=0).all()


def test_scale_is_one_factor_an_example(varied: Arrays) -> None:
    """From 0.9 to 1.1, all over that range."""
    factors = varied["scale"] / varied["series"]
    assert np.allclose(factors, factors[:, :1, :1], rtol=1e-5)
    assert 0.9 - 1e-5 <= factors.min() < 0.91
    assert 1.09 < factors.max() <= 1.1 + 1e-5


def test_noise_is_drawn_for_each_value_and_by_the_seed(varied: Arrays) -> None:
    """It has the deviation that was asked for; another batch or seed gets another."""
    noise = varied["noise"] - varied["series"]
    assert noise.std() == pytest.approx(0.5, rel=0.05)
    assert abs(float(noise.mean())) < 0.05
    assert np.array_equal(varied["noise"], varied["again"])
    assert not np.isclose(varied["noise"], varied["next"]).any(axis=(1, 2)).all()
    assert not np.array_equal(varied["noise"], varied["other"])


def test_images_are_mirrored_in_half_of_all_cases(varied: Arrays) -> None:
    """Along one axis, or each of both on its own."""
    image = varied["image"]
    known = {"as it is": image, "mirrored": image[:, ::-1]}
    assert kinds(varied["flip"], known) == set(known)
    known |= {"upside down": image[::-1], "both": image[::-1, ::-1]}
    assert kinds(varied["both"], known) == set(known)
    mirrored = [np.array_equal(each, image[:, ::-1]) for each in varied["flip"]]
    assert 0.35 < np.mean(mirrored) < 0.65


def test_a_crop_is_stretched_to_the_image_again(varied: Arrays) -> None:
    """A plane stays one: smaller steps along both axes, at least 0.7 of them."""
    for axis, whole in ((1, SIDE), (2, 1)):
        steps = np.diff(varied["crop"][..., 0], axis=axis)
        each = steps.reshape(BATCH, -1)
        assert np.allclose(each, each[:, :1], atol=1e-3)
        assert 0.7 * whole - 1e-3 <= each.min() < 0.8 * whole
        assert 0.95 * whole < each.max() <= whole + 1e-3
    assert varied["crop"].min() >= varied["image"].min() - 1e-3
    assert varied["crop"].max() <= varied["image"].max() + 1e-3


def test_a_training_is_the_same_each_time(varied: Arrays) -> None:
    """With augmentation too; and that changes what is learnt."""
    assert np.array_equal(varied["trained_a"], varied["trained_b"])
    assert not np.allclose(varied["trained_a"], varied["trained_plain"])


def test_what_cannot_be_done_to_the_examples_is_refused(varied: Arrays) -> None:
    """Where only the data tells their shape, as the training begins."""
    told = str(varied["refused"])
    assert told.startswith("training.augment.flip: found examples of [8], flip for an image only")


@pytest.mark.parametrize(
    ("how", "shape", "at"),
    [
        ({"flip": "both"}, (LENGTH, 2), ("augment", "flip")),
        ({"crop": "10 %"}, (8,), ("augment", "crop")),
        ({"time_warp": "10 %"}, (SIDE, SIDE, 1), ("augment", "time_warp")),
        ({"shift": 1}, (8,), ("augment", "shift")),
        ({"mask": {"rows": 1}}, (SIDE, SIDE, 1), ("augment", "mask", "rows")),
    ],
)
def test_each_change_is_for_some_shapes(
    how: dict[str, Any], shape: tuple[int, ...], at: tuple[str, ...]
) -> None:
    """The field that asks for it is named."""
    (mistake,) = Augment.model_validate(how).mistakes(shape)
    assert mistake.at == at
