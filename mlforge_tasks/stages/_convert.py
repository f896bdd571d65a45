"""The conversion itself; `quantise` runs this module in a process that may crash.

Converter: https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/post_training_integer_quant
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph import shortage
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import main
from mlforge_tasks.stages._describe import describe
from mlforge_tasks.stages._keras import Libraries, Predictor, load_model, start
from mlforge_tasks.stages._trainer import load_split, load_weights
from mlforge_tasks.verdict import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

MAX_MESSAGE_LENGTH = 300
# Printed once TensorFlow is loaded; an end before it is no candidate's fault.
STARTED = "conversion starts"


def _failure(message: str) -> CandidateFailure:
    return CandidateFailure(Reason(code="convert_failed", stage="quantise", message=message))


def convert(libraries: Libraries, model: Any, calibration: NDArray[np.float32]) -> bytes:
    """The network in int8 throughout, input and output included.

    Args:
        libraries: TensorFlow and Keras.
        model: A float network with any batch size.
        calibration: Inputs that set the ranges of activations, float32 [N, *input_shape].

    Raises:
        CandidateFailure: The converter refuses the network.
    """
    tensorflow, keras = libraries
    # With a batch of 1 shapes are constants: else SHAPE, STRIDED_SLICE and PACK stay in the graph.
    single = keras.Input(batch_shape=(1, *model.input_shape[1:]), name="input")
    clone = keras.models.clone_model(model, input_tensors=single)
    clone.set_weights(model.get_weights())
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(clone)
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([example[None]] for example in calibration)
    converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tensorflow.int8
    converter.inference_output_type = tensorflow.int8
    # One scale for a whole dense layer: per-channel, Zephyr's TFLite Micro refuses it.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True  # noqa: SLF001 - there is no public name for it
    try:
        content = bytes(converter.convert())
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - told as what it is
        cause = _hidden_cause(clone) or error
        shortage.refuse(cause, "the TFLite converter")
        line = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
        raise _failure(f"the TFLite converter refuses it: {line[:MAX_MESSAGE_LENGTH]}") from cause
    return content


def _hidden_cause(model: Any) -> Exception | None:
    """What keeps a network from being written to the disk, the converter's first step.

    The converter drops that error and goes on without the file, to fail of something else (a full
    disk reads "'NoneType' object is not callable").
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            model.export(folder, verbose=False)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the cause
        return error
    return None


def disturb(model: Any, seed: int) -> None:
    """Makes an untrained network's constants as different from one another as a trained one's.

    Fresh biases are all 0: the converter would merge them, or drop them with their additions, and
    the firmware would come out smaller than the trained one's.
    """
    random = np.random.default_rng(seed)
    model.set_weights(
        [weights + random.uniform(0.01, 0.05, weights.shape) for weights in model.get_weights()]
    )


def float_scores(
    libraries: Libraries, model: Any, folder: Path, card: DataCard
) -> dict[str, dict[str, float]]:
    """Metrics of a trained float network, as `Quantisation` names them.

    Args:
        libraries: TensorFlow and Keras.
        model: The network.
        folder: The prepared data set.
        card: Its card.
    """
    predict = Predictor(libraries, model)

    def score(name: str) -> dict[str, float]:
        split = load_split(folder, name, card)
        outputs = metrics.denormalise(predict(split.inputs), card)
        return metrics.scores(card.task, outputs, split.targets)

    return {f"float_{name}": score(name) for name in ("validation", "test")}


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `model.tflite` and `quantisation.json`; see `quantise.run`."""
    libraries = start(config["search.seed"])
    print(STARTED, flush=True)
    dataset = inputs["dataset"]
    model = load_model(inputs["render"] / "model.py")
    trained = {}
    if "train" not in inputs:
        disturb(model, config["search.seed"])
    else:
        load_weights(model, inputs["train"] / "weights.npz")
        card = DataCard.read(dataset / "data_card.json")
        trained = float_scores(libraries, model, dataset, card)
    content = convert(libraries, model, np.load(dataset / "calibration_x.npy"))
    (out / "model.tflite").write_bytes(content)
    describe(content).model_copy(update=trained).write(out / "quantisation.json")


if __name__ == "__main__":
    main(run)
