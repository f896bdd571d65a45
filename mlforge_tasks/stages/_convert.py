"""The conversion itself; `quantise` runs this module in a process that may crash.

Converter: https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/post_training_integer_quant
"""

from __future__ import annotations

import functools
import math
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks import windows
from mlforge_tasks.contract.data_card import EXAMPLES_CARD, SPLITS, DataCard
from mlforge_tasks.graph import shortage
from mlforge_tasks.quantisation import ACTIVATIONS, FLOAT_OUTPUTS, OUTPUT_RANGE
from mlforge_tasks.stages import main
from mlforge_tasks.stages._describe import describe, failure, with_centroids
from mlforge_tasks.stages._export import TOLERANCE, OneEach
from mlforge_tasks.stages._k_means import read_centroids, reconstruct
from mlforge_tasks.stages._keras import Libraries, Predictor, clusters_of, load_model, start
from mlforge_tasks.stages._output_range import of_targets, widened
from mlforge_tasks.stages._trainer import load_split, load_weights, save_arrays
from mlforge_tasks.stages.quantise import STARTED
from mlforge_tasks.verdict import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import Split
    from mlforge_tasks.quantisation import EndType
    from mlforge_tasks.stages._export import Exportable
    from mlforge_tasks.windows import Windows

MAX_MESSAGE_LENGTH = 300
_ANSI = re.compile("\x1b\\[[0-9;]*m")
_WRAPPED = "Exception encountered when calling"  # Keras says it before the error itself
# What the converter says of an operator that it has no int16 activations for.
_NOT_WIDE = "Quantization to 16x8-bit not yet supported"
_INT8_ONLY = (
    " It quantises some layers, as normalisations, to int8 only: take another layer, or the "
    "network without `search.activations`"
)
# Members of TensorFlow's `OpsSet`.
_OPERATORS: Mapping[EndType, str] = {
    "int8": "TFLITE_BUILTINS_INT8",
    "int16": "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8",
}
# `ModelType` of TensorFlow's conversion metadata.
_KERAS_MODEL = 2


def convert(
    libraries: Libraries,
    model: Any,
    calibration: Windows,
    activations: EndType = "int8",
    *,
    ours: bool = True,
    network: Exportable | None = None,
) -> bytes:
    """The network in int8 throughout, input and output included, or with activations of int16.

    Args:
        libraries: TensorFlow and Keras.
        model: A float network with any batch size.
        calibration: Inputs that set the ranges of activations, float32.
        activations: What they are quantised to.
        ours: Of another's, what the converter is given is first compared with the network itself.
        network: What exports it where its inputs or outputs are several.

    Raises:
        CandidateFailure: The converter refuses it, or would be given another one.
    """
    network = network or OneEach(libraries, model)
    with tempfile.TemporaryDirectory() as folder:
        try:
            network.export(Path(folder))
            off = 0.0 if ours else network.difference(Path(folder), calibration)
        except OSError:
            raise
        except Exception as error:
            shortage.refuse(error, "exporting the network")
            raise failure(f"Keras cannot run it on one input: {error_line(error)}") from error
        check_difference(off)
        try:
            return bytes(_converted(libraries, folder, network, calibration, activations))
        except OSError:
            raise
        except Exception as error:
            shortage.refuse(error, "the TFLite converter")
            raise failure(f"the TFLite converter refuses it: {_why(error)}") from error


def _why(error: Exception) -> str:
    line = error_line(error)
    return line + _INT8_ONLY * (_NOT_WIDE in line)


def error_line(error: Exception) -> str:
    """The first telling line of an error that another library raised, without its colours."""
    text = _ANSI.sub("", str(error))
    lines = (line.strip() for line in text.splitlines())
    telling = (line for line in lines if line and not line.startswith(_WRAPPED))
    return next(telling, type(error).__name__)[:MAX_MESSAGE_LENGTH]


def check_difference(off: float) -> None:
    if not math.isfinite(off):
        raise failure("its float outputs are not all finite for the calibration data")
    if off > TOLERANCE:
        raise failure(
            f"one input at a time it computes other outputs than in a batch, {off:.1%} of their "
            "range off: a layer mixes the examples of a batch, keeps a state, or draws random "
            "numbers; without it, it can be converted"
        )


def _converted(
    libraries: Libraries,
    folder: str,
    network: Exportable,
    calibration: Windows,
    activations: EndType,
) -> Any:
    """The converter's file of an exported network."""
    lite = libraries.tensorflow.lite
    converter = lite.TFLiteConverter.from_saved_model(folder)
    # So that the file says that it comes from Keras, as it does.
    converter._metadata.environment.modelType = _KERAS_MODEL  # noqa: SLF001 - there is no public name for it
    converter.optimizations = [lite.Optimize.DEFAULT]
    converter.representative_dataset = functools.partial(network.samples, calibration)
    converter.target_spec.supported_ops = [getattr(lite.OpsSet, _OPERATORS[activations])]
    ends = getattr(libraries.tensorflow, activations)
    converter.inference_input_type = converter.inference_output_type = ends
    # One scale for a whole dense layer: per-channel, Zephyr's TFLite Micro refuses it.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True  # noqa: SLF001 - likewise
    return converter.convert()


def disturb(model: Any, seed: int) -> None:
    """Makes an untrained network's constants as different from one another as a trained one's.

    Fresh biases are all 0: the converter would merge them, or drop them with their additions, and
    the firmware would come out smaller than the trained one's.
    """
    random = np.random.default_rng(seed)
    model.set_weights(
        [weights + random.uniform(0.01, 0.05, weights.shape) for weights in model.get_weights()]
    )


def save_float_outputs(
    predict: Callable[[Windows], NDArray[np.float32]],
    dataset: Path,
    card: DataCard,
    out: Path,
    given: Callable[[Windows], Windows] = lambda inputs: inputs,
) -> None:
    """Writes what a trained float network gives, for its int8 form to be held against.

    Args:
        predict: What the network gives for inputs, [N, output_count].
        dataset: The prepared data set.
        card: Its card.
        out: Gets `float_outputs.npz`: [N, output_count] of each split, as the network gives them;
            for anomaly [N, 2], of which the second is the error.
        given: Brings examples into the order in which the network takes them.

    Raises:
        CandidateFailure: Its outputs are no numbers.
    """

    def outputs(name: Split) -> NDArray[np.floating[Any]]:
        inputs = given(load_split(dataset, name, card).inputs)
        raw = predict(inputs)
        if not np.isfinite(raw).all():
            raise failure(f"its float outputs are not all finite for the {name} split")
        # Of a reconstruction its error, which is all that is judged and much less.
        return metrics.of_network(raw, inputs, card) if card.task == "anomaly" else raw

    save_arrays({name: outputs(name) for name in SPLITS[1:]}, out / FLOAT_OUTPUTS)


def _centroids(inputs: Mapping[str, Path], config: Mapping[str, Any]) -> NDArray[np.float32] | None:
    """What the score is told by, [clusters, elements]; None where a network's output tells it.

    Before a training as many as there will be, all different.
    """
    clusters = clusters_of(inputs["render"] / "model.py")
    if "train" in inputs:
        return read_centroids(inputs["train"] / "weights.npz") if clusters else None
    elements = math.prod(DataCard.read(inputs["dataset"] / EXAMPLES_CARD).input_shape)
    random = np.random.default_rng(config["search.seed"])
    return random.standard_normal((clusters, elements), np.float32) if clusters else None


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `model.tflite`, `quantisation.json` and float outputs; see `quantise.run`."""
    libraries = start(config["search.seed"])
    print(STARTED, flush=True)
    dataset = inputs["dataset"]
    card = DataCard.read(dataset / EXAMPLES_CARD)
    model = load_model(inputs["render"] / "model.py")
    centroids = _centroids(inputs, config)
    if "train" not in inputs:
        disturb(model, config["search.seed"])
    elif centroids is not None:
        predict = functools.partial(reconstruct, centroids=centroids)
        save_float_outputs(predict, dataset, card, out)
    else:
        load_weights(model, inputs["train"] / "weights.npz")
        save_float_outputs(Predictor(libraries, model), dataset, card, out)
    calibration = windows.read(dataset, "calibration", card.window_length)
    content = convert(libraries, model, calibration, config[ACTIVATIONS])
    if config[OUTPUT_RANGE] == "targets" and card.task == "regression":
        content = widened(content, *of_targets(card))
    (out / "model.tflite").write_bytes(content)
    described = describe(content)
    if centroids is not None:
        described = with_centroids(described, centroids)
    described.write(out / "quantisation.json")


if __name__ == "__main__":
    main(run)
