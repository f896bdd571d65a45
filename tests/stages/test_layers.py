"""An int8 model's loss is found in the layer where it happens, and is said to be from there.

One process with TensorFlow, this one, for all of them.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from mlforge_tasks.page.found import Found
from mlforge_tasks.page.layers import section
from mlforge_tasks.quantisation import ACTIVATIONS, LAYOUT, OUTPUT_RANGE
from mlforge_tasks.stages import _bring, _layers, layers
from mlforge_tasks.stages._keras import Libraries, start
from mlforge_tasks.verdict.layer_noise import LAYERS, LayerNoise, Layers
from tests.helpers import page_reports
from tests.helpers.model_data import card, write_dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.quantisation import EndType

# Keras and the converter warn of themselves.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

IMAGE, VECTOR = (6, 6, 2), (4,)
CONFIG = {"search.seed": 1, OUTPUT_RANGE: "calibrated", LAYOUT: "nhwc", ACTIVATIONS: "int8"}
TOLD = {"candidate": "1.0", "search.seed": 1}


@functools.cache
def libraries() -> Libraries:
    return start(1)


class Compared(NamedTuple):
    """A model's folder, and what is known of its layers."""

    folder: Path
    layers: Layers

    def layer(self, name: str) -> LayerNoise:
        """The one of a Keras layer."""
        return next(one for one in self.layers.layers if name in one.name)


def db(ratio: float | None) -> float:
    """A ratio that there is."""
    assert ratio is not None
    return ratio


def compared(
    build: Callable[[Any], Any],
    folder: Path,
    shape: tuple[int, ...],
    calibration: NDArray[np.float32] | None = None,
    activations: EndType = "int8",
) -> Compared:
    """A `.keras` file, quantised as a brought one is, against its network."""
    keras = libraries().keras
    keras.utils.set_random_seed(5)
    if calibration is None:
        random = np.random.default_rng(1)
        calibration = random.standard_normal((64, *shape)).astype(np.float32)
    about = card("classification", shape, 2)
    dataset = write_dataset(folder / "dataset", about, calibration=calibration)
    path = folder / "model.keras"
    build(keras).save(path)
    _bring.run({"model": path, "dataset": dataset}, folder, CONFIG | {ACTIVATIONS: activations})
    return held(folder, path)


def held(folder: Path, path: Path, out: Path | None = None) -> Compared:
    """What lies in a folder against a file that was brought along; then the verdict on it."""
    out = out or folder
    inputs = {"model": path, "quantise": folder, "dataset": folder / "dataset"}
    _layers.run(inputs, out, TOLD)
    own = {"best": "1.0", "quantisation": (), "int16_fits": True}
    given = {**inputs, "report": reported(out, **own), "known": out}
    layers.run(given, out, {"search.seed": 1})
    return Compared(out, Layers.read(out / LAYERS))


def reported(folder: Path, **edits: Any) -> Path:
    """The folder of a report."""
    made = folder / "report"
    made.mkdir(parents=True)
    page_reports.real().model_copy(update=edits).write(made / "report.json")
    return made


def marked(found: Compared) -> list[str]:
    """The layers that the page has as those in which int8 loses most."""
    made = section(Found(page_reports.real(), {"layers": found.folder}))
    assert made is not None
    names = re.findall(r'layer-bar fail">\s*<p><b[^>]*>([^<]*)<', made.body)
    assert all(f"loses most in layer {one} " in made.body for one in names)
    return names


def image(keras: Any, factor: float = 1.0) -> Any:
    """Three convolutions; a channel of the second is larger, as the third takes back."""
    layers = keras.layers
    parts = [
        layers.Conv2D(8, 3, padding="same", activation="relu", name=name)
        for name in ("first", "second", "third")
    ]
    model = keras.Sequential(
        [keras.Input(IMAGE), *parts, layers.Flatten(), layers.Dense(2, name="head")]
    )
    kernel, bias = parts[1].get_weights()
    kernel[..., 3] *= factor
    parts[1].set_weights([kernel, bias])
    kernel, bias = parts[2].get_weights()
    kernel[:, :, 3] /= factor
    parts[2].set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def fine(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """A model that int8 does nothing to."""
    return compared(image, tmp_path_factory.mktemp("fine"), IMAGE)


def test_a_channel_of_another_size_is_told_with_its_layer(tmp_path: Path) -> None:
    """Not the next one's, whose inputs are spoilt, and not that one's, which is as it was."""
    found = compared(functools.partial(image, factor=1000.0), tmp_path, IMAGE)
    worst = found.layers.worst
    assert worst is not None
    assert "second" in worst.layer
    assert worst.cause == "channels"
    assert "channel 3" in worst.why
    assert worst.alone_db < db(worst.others_db) - 10
    assert marked(found) == [worst.layer]
    assert db(found.layer("first").calibration.alone_db) > 25


def test_a_model_that_int8_does_nothing_to_has_no_worst_layer(fine: Compared) -> None:
    """And the errors that its layers add make up the one of its output."""
    found = fine.layers
    assert found.worst is None
    assert marked(fine) == []
    assert found.reason == ""
    assert (found.weights_known, found.weights) == (7, 7)
    powers = [10 ** (-(one.calibration.alone_db or 120.0) / 10) for one in found.layers]
    assert 10 * np.log10(1 / sum(powers)) == pytest.approx(db(found.calibration_db), abs=3)
    assert [one.op for one in found.layers[:2]] == ["INPUT", "CONV_2D"]


def sums(keras: Any) -> Any:
    """Of each pair of features first the two, then their sum."""
    layers = keras.layers
    parts = [layers.Dense(4, name=name) for name in ("pairs", "sums", "more")]
    model = keras.Sequential([keras.Input(VECTOR), *parts, layers.Dense(2, name="head")])
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((4, 4)))[0]
    pairs = np.array([[1, 0, 1, 0], [1, 0, -1, 0], [0, 1, 0, 1], [0, 1, 0, -1]], float)
    pairs[:, 2:] = 0.01 * pairs[:, 2:]
    parts[0].set_weights([turn, np.zeros(4)])
    parts[1].set_weights([turn.T @ pairs, np.zeros(4)])
    return model


def test_a_layer_that_calibration_does_not_reach_is_told(tmp_path: Path) -> None:
    """Features that cancel one another in calibration, and nowhere else: the input is fine."""
    random = np.random.default_rng(3)
    one, other, little = random.standard_normal((3, 400)).astype(np.float32)
    columns = [one, 0.4 * little - one, other, 0.4 * little - other]
    found = compared(sums, tmp_path, VECTOR, np.stack(columns, axis=1))
    worst = found.layers.worst
    assert worst is not None
    assert "sums" in worst.layer
    assert marked(found) == [worst.layer]
    assert (worst.cause, worst.split) == ("cut off", "validation")
    assert "dataset.calibration.count" in worst.advice
    noise = found.layer("sums")
    assert noise.calibration.below + noise.calibration.above == 0
    assert noise.validation.below + noise.validation.above > 0.1
    assert db(found.layers.calibration_db) > 20 > db(found.layers.validation_db)


def test_of_a_file_that_is_int8_already_activations_alone_are_told(
    fine: Compared, tmp_path: Path
) -> None:
    """What its weights were before they were rounded nobody knows, and that is said."""
    path = tmp_path / "own.tflite"
    path.write_bytes((fine.folder / "model.tflite").read_bytes())
    found = held(fine.folder, path, tmp_path).layers
    assert found.weights_known == 0
    assert "quantised already" in found.why_weights
    assert [one.name for one in found.layers] == [one.name for one in fine.layers.layers]
    pairs = zip(found.layers, fine.layers.layers, strict=True)
    assert all(one.weights_share == 0 for one, _ in pairs)
    assert db(found.calibration_db) > db(fine.layers.calibration_db)


@pytest.mark.parametrize(
    ("best", "reason"), [(None, "there is no candidate"), ("1.0", "was not trained")]
)
def test_what_there_is_nothing_of_is_told(best: str | None, reason: str, tmp_path: Path) -> None:
    """A search of which every candidate was refused untrained ends as any other."""
    dataset = write_dataset(tmp_path / "dataset", card("classification", VECTOR, 2))
    inputs = {"report": reported(tmp_path, best=best), "dataset": dataset}
    layers.run(inputs, tmp_path, {"search.seed": 1})
    found = Layers.read(tmp_path / LAYERS)
    assert (found.candidate, found.layers, found.worst) == (best, (), None)
    assert reason in found.reason


def recurrent(keras: Any) -> Any:
    layers = keras.layers
    both = layers.Bidirectional(layers.GRU(3, return_sequences=True))
    steps = [layers.Reshape((2, 2)), both, layers.LSTM(3)]
    return keras.Sequential([keras.Input(VECTOR), *steps, layers.Dense(2)])


def branched(keras: Any) -> Any:
    """What a QUANTIZE, a pool, a join, a mean and a depthwise convolution make."""
    layers = keras.layers
    source = keras.Input(IMAGE)
    left = layers.DepthwiseConv2D(3, padding="same", activation="relu6")(source)
    right = layers.MaxPooling2D(2, strides=1, padding="same")(source)
    joined = layers.Concatenate()([left, right, layers.Activation("sigmoid")(source)])
    mean = layers.GlobalAveragePooling2D()(joined)
    return keras.Model(source, layers.Softmax()(layers.Dense(2)(mean)))


@pytest.mark.parametrize(
    ("build", "shape", "activations"),
    [(recurrent, VECTOR, "int8"), (branched, IMAGE, "int8"), (branched, IMAGE, "int16")],
)
def test_layers_of_every_kind_are_held_against_their_own(
    build: Callable[[Any], Any], shape: tuple[int, ...], activations: EndType, tmp_path: Path
) -> None:
    """Each float layer is the int8 one's, or its own error would be of the signal's size."""
    found = compared(build, tmp_path, shape, activations=activations).layers
    assert found.reason == ""
    assert found.dtype == activations
    own = [one.calibration.own_db for one in found.layers if one.calibration.own_db is not None]
    assert own
    assert min(own) > 15
    assert db(found.calibration_db) > 15
