"""Reads a model file that a user brought; `quantise` runs this module in a process that may crash.

A `.tflite` is taken as it is, a `.keras` is quantised. Which one it is shows in its first bytes.
"""

from __future__ import annotations

import tempfile
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph import shortage
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import main
from mlforge_tasks.stages._convert import MAX_MESSAGE_LENGTH, STARTED, convert, float_scores
from mlforge_tasks.stages._describe import describe
from mlforge_tasks.stages._keras import Libraries, start
from mlforge_tasks.tflite_file.ends import with_int8_ends
from mlforge_tasks.tflite_file.flatbuffer import DamagedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.quantisation import Quantisation

# https://ai.google.dev/edge/litert/models/metadata: a flatbuffer's identifier follows its offset.
TFLITE_MARK = slice(4, 8), b"TFL3"
KERAS_MARK = slice(0, 4), b"PK\x03\x04"  # a zip archive


def _unusable(message: str) -> CandidateFailure:
    return CandidateFailure(Reason(code="unusable_model", stage="quantise", message=message))


def _int8_ends(content: bytes) -> bytes:
    try:
        return with_int8_ends(content)
    except DamagedError as error:
        raise _unusable(f"the .tflite file is broken: {error.message}") from None


def _describe(content: bytes) -> Quantisation:
    try:
        return describe(content)
    except CandidateFailure as failure:
        raise _unusable(failure.reason.message) from None
    except DamagedError as error:
        raise _unusable(f"the .tflite file is broken: {error.message}") from None


def _load(libraries: Libraries, content: bytes) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(content)
        try:
            # Safe mode refuses files with code inside.
            model = libraries.keras.models.load_model(path, compile=False, safe_mode=True)
        except Exception as error:
            shortage.refuse(error, "loading the .keras file")
            line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            message = f"Keras cannot load the .keras file: {line[:MAX_MESSAGE_LENGTH]}"
            raise _unusable(message) from error
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise _unusable("the model has more than one input or output")
    return model


def _check_shapes(card: DataCard, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> None:
    if tuple(inputs) != tuple(card.input_shape):
        raise _unusable(
            f"the model takes inputs {list(inputs)}, the data set has {list(card.input_shape)}"
        )
    if prod(outputs) != card.output_count:
        raise _unusable(
            f"the model has {prod(outputs)} outputs, the data set wants {card.output_count}"
        )


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `model.tflite` and `quantisation.json`; see `quantise.run`."""
    content = inputs["model"].read_bytes()
    print(STARTED, flush=True)
    card = DataCard.read(inputs["dataset"] / "data_card.json")
    trained = {}
    if content[KERAS_MARK[0]] == KERAS_MARK[1]:
        libraries = start(config["search.seed"])
        model = _load(libraries, content)
        _check_shapes(card, model.input_shape[1:], model.output_shape[1:])
        trained = float_scores(libraries, model, inputs["dataset"], card)
        calibration = np.load(inputs["dataset"] / "calibration_x.npy")
        (out / "model.tflite").write_bytes(convert(libraries, model, calibration))
    elif content[TFLITE_MARK[0]] == TFLITE_MARK[1]:
        (out / "model.tflite").write_bytes(_int8_ends(content))
    else:
        raise _unusable("the file is neither a TFLite model nor a Keras archive")
    described = _describe((out / "model.tflite").read_bytes())
    _check_shapes(card, described.input.shape, described.output.shape)
    described.model_copy(update=trained).write(out / "quantisation.json")


if __name__ == "__main__":
    main(run)
