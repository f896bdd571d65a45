"""A Keras model that a user brings becomes an int8 model that computes what it computed.

One process with TensorFlow, this one, for all of them.
"""

from __future__ import annotations

import functools
import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.engines._aot.host import HostModel
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.int8 import dequantise, quantise
from mlforge_tasks.oracle import Oracle, available
from mlforge_tasks.quantisation import ACTIVATIONS, LAYOUT, OUTPUT_RANGE, Quantisation, alone
from mlforge_tasks.stages import _bring, _int8_metrics
from mlforge_tasks.stages._golden import GoldenVectors
from mlforge_tasks.stages._keras import Libraries, Predictor, start
from mlforge_tasks.stages._layer_names import with_plain_names
from mlforge_tasks.stages._layout import misfit
from mlforge_tasks.stages._several import Wanted
from mlforge_tasks.windows import Windows
from tests.helpers.model_data import card, write_dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.search import Layout
    from mlforge_tasks.quantisation import EndType

# Keras and the converter warn of themselves.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

# Far from what the statistics are before they are adapted, 0 and 1, and alike enough for the one
# scale that an int8 input has.
MEAN, SPREAD = np.array([6.0, -3.0, 4.0, -5.0]), np.array([2.0, 1.0, 3.0, 1.5])
SHARE_OFF = 0.05  # of the outputs' range; of int8, 13 steps


@functools.cache
def libraries() -> Libraries:
    return start(1)


def examples(count: int, seed: int = 0) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    return np.asarray(random.standard_normal((count, 4)) * SPREAD + MEAN, np.float32)


def adapted(layers: Any) -> Any:
    layer = layers.Normalization()
    layer.adapt(examples(500))
    return layer


def plain(keras: Any) -> Any:
    inputs = keras.Input((4,))
    body = keras.layers.Dense(6, activation="relu")(adapted(keras.layers)(inputs))
    return keras.Model(inputs, keras.layers.Dense(2)(body))


def sequential(keras: Any) -> Any:
    """The statistics lie one network deeper, behind a layer that is used twice."""
    layers = keras.layers
    inputs = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), adapted(layers), layers.Dense(4)], name="inner")
    shared = layers.Dense(4, activation="relu")
    first = shared(inner(inputs))
    return keras.Model(inputs, layers.Dense(2)(layers.Add()([first, shared(first)])))


def rescaled(keras: Any) -> Any:
    layers = keras.layers
    steps = [layers.Rescaling(1 / 5.0, offset=0.1), layers.Dense(6, activation="relu")]
    return keras.Sequential([keras.Input((4,)), *steps, layers.Dense(2)])


def batch_normalised(keras: Any) -> Any:
    """Its moving statistics were learned."""
    layers = keras.layers
    layer = layers.BatchNormalization()
    model = keras.Sequential([keras.Input((4,)), layer, layers.Dense(2)])
    layer.moving_mean.assign(MEAN)
    layer.moving_variance.assign(SPREAD**2)
    return model


def named(keras: Any) -> Any:
    """Names with blanks, accents and nothing plain, which are alike once they are plain."""
    layers = keras.layers
    inputs = keras.Input((4,), name="my input")
    first = layers.Dense(4, activation="relu", name="größe 1")(adapted(layers)(inputs))
    second = layers.Dense(4, name="gr_e_1")(first)
    third = layers.Dense(4, name="層")(second)
    return keras.Model(inputs, layers.Dense(2, name=" ")(third), name="my model")


def recurrent(keras: Any) -> Any:
    """Loops over two steps, in a wrapper and in an inner network too."""
    layers = keras.layers
    both = layers.Bidirectional(layers.LSTM(3, return_sequences=True))
    inner = keras.Sequential([keras.Input((2, 6)), layers.GRU(4, return_sequences=True)])
    steps = [adapted(layers), layers.Reshape((2, 2)), both, inner, layers.SimpleRNN(3)]
    return keras.Sequential([keras.Input((4,)), *steps, layers.Dense(2)])


def in_a_dict(keras: Any) -> Any:
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(2)(adapted(keras.layers)(inputs))
    return keras.Model(inputs, {"answer": outputs})


def repeated(keras: Any) -> Any:
    """Layers that the converter makes TILE of, which the oracle does not have."""
    layers = keras.layers
    inputs = keras.Input((4,))
    image = layers.Reshape((2, 1, 2))(adapted(layers)(inputs))
    steps = layers.UpSampling1D(3)(layers.Reshape((4, 2))(layers.UpSampling2D((1, 2))(image)))
    rows = layers.RepeatVector(12)(layers.Dense(3)(layers.Flatten()(steps)))
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(rows)))


def attending(keras: Any) -> Any:
    """Attention of two heads over two steps."""
    layers = keras.layers
    inputs = keras.Input((4,))
    steps = layers.Dense(6)(layers.Reshape((2, 2))(adapted(layers)(inputs)))
    made = layers.Add()([steps, layers.MultiHeadAttention(2, 4)(steps, steps)])
    largest = layers.Dense(2)(layers.GlobalMaxPooling1D()(made))
    return keras.Model(inputs, layers.Add()([largest, layers.Dense(2)(layers.Flatten()(made))]))


def causal(keras: Any) -> Any:
    """Attention of which much depends, each step on those up to it, in two layers of one mask."""
    layers = keras.layers
    inputs = keras.Input((4,))
    steps = layers.Reshape((4, 2))(layers.Dense(8)(adapted(layers)(inputs)))
    for _ in range(2):
        far = keras.initializers.RandomNormal(stddev=1.0)
        attention = layers.MultiHeadAttention(2, 4, kernel_initializer=far)
        steps = attention(steps, steps, use_causal_mask=True)
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(steps)))


RIGHT = (
    *(plain, sequential, rescaled, batch_normalised, named, in_a_dict),
    *(recurrent, repeated, attending, causal),
)


def saved(build: Callable[[Any], Any], folder: Path) -> tuple[Any, bytes]:
    keras = libraries().keras
    keras.utils.set_random_seed(5)
    model = build(keras)
    path = folder / "model.keras"
    model.save(path)
    return model, path.read_bytes()


CONFIG = {"search.seed": 1, OUTPUT_RANGE: "calibrated", LAYOUT: "nhwc", ACTIVATIONS: "int8"}


def brought(
    build: Callable[[Any], Any], folder: Path, activations: EndType = "int8", outputs: int = 2
) -> tuple[Any, Quantisation, bytes]:
    """The model as it was built, and what the stage made of its file."""
    about = card("classification", (4,), outputs)
    dataset = write_dataset(folder / "dataset", about, calibration=examples(200, seed=1))
    model, content = saved(build, folder)
    (folder / "brought").write_bytes(content)
    inputs = {"model": folder / "brought", "dataset": dataset}
    _bring.run(inputs, folder, CONFIG | {ACTIVATIONS: activations})
    described = Quantisation.read(folder / "quantisation.json")
    return model, described, (folder / "model.tflite").read_bytes()


def errors(build: Callable[[Any], Any], folder: Path) -> tuple[float, float]:
    """Of what the stage made of a network's file: the mean error, and the range of outputs."""
    described, content = brought(build, folder)[1:]
    # Built anew, since that the stage changes the one in memory would not show.
    model = saved(build, folder)[0]
    asked = examples(100, seed=2)
    wanted = model(asked, training=False)
    wanted = np.asarray(wanted["answer"] if isinstance(wanted, dict) else wanted)
    raw = Oracle(content).run(quantise(asked, described.input))
    found = dequantise(raw.reshape(100, -1), described.output)
    return float(np.abs(found - wanted).mean()), float(np.ptp(wanted))


@pytest.mark.skipif(not available(), reason="no tflite-micro wheel here")
@pytest.mark.parametrize("build", RIGHT)
def test_int8_computes_what_the_network_computes(
    build: Callable[[Any], Any], tmp_path: Path
) -> None:
    """On inputs that neither calibrated nor trained, for layers with a state of every kind."""
    mean_error, spread = errors(build, tmp_path)
    assert mean_error < SHARE_OFF * spread
    assert spread > 0.1


@pytest.mark.skipif(not available(), reason="no tflite-micro wheel here")
def test_a_causal_mask_leaves_attention_its_scores(tmp_path: Path) -> None:
    """As the converter scales them they are all 0 in int8, and outputs off by twice as much."""
    mean_error, spread = errors(causal, tmp_path)
    assert mean_error < 0.02 * spread


@pytest.mark.skipif(not available(), reason="no tflite-micro wheel here")
@pytest.mark.parametrize("build", [plain, sequential, repeated], ids=lambda one: one.__name__)
def test_int16_is_nearer_and_the_engine_runs_it(
    build: Callable[[Any], Any], tmp_path: Path
) -> None:
    """With `search.activations: int16` only the weights' int8 is between it and the network."""
    model, described, content = brought(build, tmp_path, "int16")
    assert {described.input.dtype, described.output.dtype} == {"int16"}
    inputs = examples(64, seed=3)
    wanted = np.asarray(model(inputs))
    steps = quantise(inputs, described.input)
    outputs = Oracle(content).run(steps)
    off = np.abs(dequantise(outputs.reshape(64, -1), described.output) - wanted).mean()
    assert off < SHARE_OFF / 4 * np.ptp(wanted)
    host = HostModel(content, described.output, tmp_path)
    np.testing.assert_array_equal(host.run(steps), outputs)


def normalised(keras: Any) -> Any:
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.RMSNormalization()(inputs)))


def test_a_layer_that_the_converter_has_in_int8_only_is_told(tmp_path: Path) -> None:
    """With what it says, and what to do."""
    told = "16x8-bit not yet supported for op: 'SQUARE'.* without `search.activations`"
    with pytest.raises(CandidateFailure, match=told):
        brought(normalised, tmp_path, "int16")


def test_names_that_tensorflow_refuses_are_changed_once(tmp_path: Path) -> None:
    """Each to one of its own, wherever it is referred to; a file without them stays as it is."""
    content = saved(named, tmp_path)[1]
    changed = with_plain_names(content)
    with zipfile.ZipFile(io.BytesIO(changed)) as archive:
        text = archive.read("config.json").decode()
    for name in ("gr_e_1_2", "gr_e_1", "my_input", "my_model", "layer"):
        assert f'"{name}"' in text
    assert "größe" not in text
    assert "\\u" not in text
    assert with_plain_names(changed) == changed
    network = _bring.read(content, Wanted(card("classification", (4,), 2)), libraries)
    assert isinstance(network, _bring.Network)
    assert {"gr_e_1", "gr_e_1_2", "layer"} <= {layer.name for layer in network.model.layers}


def mixes_a_batch(keras: Any) -> Any:
    inputs = keras.Input((4,))
    centred = inputs - keras.ops.mean(inputs, axis=0, keepdims=True)
    return keras.Model(inputs, keras.layers.Dense(2)(centred))


def keeps_a_state(keras: Any) -> Any:
    inputs = keras.Input(batch_shape=(1, 4))
    rows = keras.layers.Reshape((2, 2))(inputs)
    return keras.Model(inputs, keras.layers.SimpleRNN(2, stateful=True, unroll=True)(rows))


def not_finite(keras: Any) -> Any:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    weights = model.get_weights()
    weights[1][0] = np.nan
    model.set_weights(weights)
    return model


def of_text(keras: Any) -> Any:
    inputs = keras.Input((4,), dtype="string")
    lookup = keras.layers.StringLookup(vocabulary=["a", "b"])(inputs)
    return keras.Model(inputs, keras.layers.Dense(2)(lookup))


def two_inputs(keras: Any) -> Any:
    inputs = [keras.Input((4,)), keras.Input((4,))]
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Add()(inputs)))


def any_length(keras: Any) -> Any:
    inputs = keras.Input((None,))
    return keras.Model(inputs, keras.layers.Reshape((-1, 2))(inputs))


def nothing(keras: Any) -> Any:
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))


def with_code(keras: Any) -> Any:
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Lambda(lambda values: 2 * values)(inputs))


def never_built(keras: Any) -> Any:
    return keras.Sequential([keras.layers.Dense(2)])


def long_loop(keras: Any) -> Any:
    layers = keras.layers
    steps = [layers.Reshape((4, 1)), layers.UpSampling1D(20), layers.LSTM(2, name="memory")]
    return keras.Sequential([keras.Input((4,)), *steps])


def convolutional_loop(keras: Any) -> Any:
    layers = keras.layers
    steps = [layers.Reshape((2, 2, 1)), layers.ConvLSTM1D(2, 1, name="sight"), layers.Flatten()]
    return keras.Sequential([keras.Input((4,)), *steps, layers.Dense(2)])


REFUSED: dict[Callable[[Any], Any], str] = {
    mixes_a_batch: r"one input at a time it computes other outputs than in a batch, .*% of their",
    keeps_a_state: "convert_failed",
    not_finite: "its float outputs are not all finite for the calibration data",
    of_text: "Keras cannot run it on one input",
    two_inputs: "the model has 2 inputs, 'input_layer.*' .4., .*: say which features each takes",
    any_length: r"takes inputs \[None\], the data set has \[4\]",
    long_loop: r"layer 'memory' \(LSTM\) is a loop over 80 steps, .* give it 64 steps or fewer",
    convolutional_loop: r"layer 'sight' \(ConvLSTM1D\) is a loop over time, .* use LSTM",
    with_code: "code inside, as a Lambda layer is, which is not run: build the network of Keras'",
    never_built: "Keras cannot load the .keras file",
}


@pytest.mark.parametrize("build", REFUSED)
def test_what_cannot_be_converted_is_told(build: Callable[[Any], Any], tmp_path: Path) -> None:
    """In one reason that is true, never as a traceback, and never converted all the same."""
    with pytest.raises(CandidateFailure, match=REFUSED[build]):
        brought(build, tmp_path)
    assert not (tmp_path / "quantisation.json").exists()


def test_a_network_that_does_nothing_is_told(tmp_path: Path) -> None:
    """As that, and not as one in float."""
    with pytest.raises(CandidateFailure, match="computes nothing: its output is its input"):
        brought(nothing, tmp_path, outputs=4)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"PK\x03\x04" + bytes(100), b"....TFL3", b"\x89HDF\r\n\x1a\n"]
)
def test_what_is_no_model_is_told(content: bytes) -> None:
    """Whatever the first bytes promise."""
    with pytest.raises(CandidateFailure, match="unusable_model"):
        _bring.read(content, Wanted(card("classification", (4,), 2)), libraries)


@pytest.mark.parametrize(
    ("shape", "example", "layout", "told"),
    [
        ((3, 8, 6), (8, 6, 3), "nhwc", "with `search: {layout: nchw}` examples are given to it so"),
        ((8, 6, 3), (8, 6, 3), "nchw", "its channels come last; leave `layout: nchw` out"),
        ((8, 3, 6), (8, 6, 3), "nhwc", "[8, 3, 6], the data set has [8, 6, 3]"),
        ((8, 3, 6), (8, 6, 3), "nchw", "[8, 3, 6], the data set has [8, 6, 3]"),
        ((3, None), (8, 3), "nchw", ": give its sizes that are open, as by `keras.Input((3, 8))`"),
        ((3, 8, 6), (8, 6, 3), "nchw", ""),
        ((3, 8), (8, 3), "nchw", ""),
        ((8,), (8,), "nchw", ""),
        ((1, 8, 6), (8, 6, 1), "nhwc", ""),
        ((8, 6), (8, 6, 1), "nhwc", ""),
        ((1, 8, 3), (8, 3), "nhwc", ""),
    ],
)
def test_an_order_of_axes_is_told_by_its_key(
    shape: tuple[int | None, ...], example: tuple[int, ...], layout: Layout, told: str
) -> None:
    """Channels first, as PyTorch has them; axes of size 1 are no difference, others just others."""
    found = misfit(shape, example, layout)
    assert found.endswith(told)
    assert bool(found) == bool(told)


def channels_last(keras: Any) -> Any:
    layers = keras.layers
    steps = [layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(6 * 5 * 3)]
    return keras.Sequential([keras.Input((6, 5, 3)), *steps])


def channels_first(keras: Any) -> Any:
    """The same network from axes in PyTorch's order to such ones, with a batch of its own."""
    layers = keras.layers
    inputs = keras.Input((3, 6, 5))
    made = channels_last(keras)(layers.Permute((2, 3, 1))(inputs))
    return keras.Model(inputs, layers.Permute((3, 1, 2))(layers.Reshape((6, 5, 3))(made)))


@pytest.mark.skipif(not available(), reason="no tflite-micro wheel here")
def test_a_network_of_either_order_is_judged_alike(tmp_path: Path) -> None:
    """Calibrated with, run on and held against the same values, each in its own order."""
    about = card("anomaly", (6, 5, 3), 90, labels=("normal", "other"))
    dataset = write_dataset(tmp_path / "dataset", about)
    for split in ("validation", "test"):
        np.save(dataset / f"{split}_y.npy", np.arange(96) % 2)
    kinds: tuple[tuple[Layout, Any], ...] = (("nhwc", channels_last), ("nchw", channels_first))
    golden, found = [], []
    for layout, build in kinds:
        out = tmp_path / layout
        out.mkdir()
        (out / "brought").write_bytes(saved(build, out)[1])
        inputs = {"model": out / "brought", "dataset": dataset}
        _bring.run(inputs, out, CONFIG | {LAYOUT: layout})
        described = Quantisation.read(out / "quantisation.json")
        assert alone(described.input).channels_first == (layout == "nchw")
        golden.append(GoldenVectors.choose(dataset, described).inputs)
        found.append(_int8_metrics.evaluation(out, dataset, [Figure(name="auc", metric="auc")])[0])
    np.testing.assert_array_equal(golden[1], np.moveaxis(golden[0], -1, 1))
    assert found[0].validation.figures == found[1].validation.figures
    assert found[0].validation.float_figures == found[1].validation.float_figures
    assert found[0].validation.output_rails == found[1].validation.output_rails
    assert found[0].test == found[1].test


def of_twice_the_size(keras: Any) -> Any:
    layers = keras.layers
    steps = [layers.UpSampling2D(2), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D()]
    return keras.Sequential([keras.Input((4, 3, 2)), *steps])


def of_any_size(keras: Any) -> Any:
    """Of size 1 too, at which the converter calibrates it first."""
    layers = keras.layers
    steps = [layers.Conv2D(3, 3, padding="same"), layers.Conv2D(2, 1, strides=2)]
    return keras.Sequential([keras.Input((None, None, 2)), *steps, layers.GlobalMaxPooling2D()])


@pytest.mark.skipif(not available(), reason="no tflite-micro wheel here")
@pytest.mark.parametrize("build", [of_twice_the_size, of_any_size])
def test_shapes_that_a_file_leaves_open_are_those_of_one_example(build: Any) -> None:
    """What the converter did not know for an open batch, or an open input; that is told."""
    tensorflow, keras = libraries()
    keras.utils.set_random_seed(5)
    model = build(keras)
    random = np.random.default_rng(2)
    given = random.standard_normal((20, 4, 3, 2)).astype(np.float32)
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([each[None]] for each in given)
    converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
    wanted = Wanted(card("regression", (4, 3, 2), 2))
    found = _bring.read(converter.convert(), wanted, libraries)
    assert isinstance(found, _bring.Int8Model)
    told = "shapes that the file leaves open are those of one example"
    assert any(one.startswith(told) for one in found.described.changed)
    raw = Oracle(found.content).run(quantise(given, found.described.input))
    outputs = dequantise(raw.reshape(20, -1), found.described.output)
    real = model(given, training=False).numpy()
    assert np.abs(outputs - real).max() < SHARE_OFF * np.ptp(real)


def test_outputs_are_one_row_an_example() -> None:
    """However the network shapes them."""
    keras = libraries().keras
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [keras.layers.Reshape((1, 2, 2))(inputs)])
    asked = examples(3)
    np.testing.assert_array_equal(Predictor(libraries(), model)(Windows.each(asked)), asked)
