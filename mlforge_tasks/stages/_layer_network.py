"""The float network that an int8 model was quantised from, as a file of TensorFlow Lite."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.stages._bring import load
from mlforge_tasks.stages._export import OneEach
from mlforge_tasks.stages._keras import clusters_of, load_model
from mlforge_tasks.stages._several_keras import Several
from mlforge_tasks.stages._trainer import load_weights
from mlforge_tasks.stages._unrolled import LoopError, unroll
from mlforge_tasks.tflite_file.flatbuffer import is_tflite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.stages._export import Exportable
    from mlforge_tasks.stages._keras import Libraries


class NoFloatError(Exception):
    """There is no float network."""


def float_network(libraries: Libraries, inputs: Mapping[str, Path]) -> bytes:
    """Its file.

    Args:
        libraries: TensorFlow and Keras.
        inputs: `model`, a file that was brought along; or `render` and `train`; none of a network
            of PyTorch.

    Raises:
        NoFloatError: There is none.
        Exception: Of many types: it cannot be converted, which is no fault of the int8 model.
    """
    network = _brought(libraries, inputs["model"]) if "model" in inputs else _own(libraries, inputs)
    with tempfile.TemporaryDirectory() as folder:
        network.export(Path(folder))
        converter = libraries.tensorflow.lite.TFLiteConverter.from_saved_model(folder)
        return bytes(converter.convert())


def _brought(libraries: Libraries, path: Path) -> Exportable:
    content = path.read_bytes()
    if is_tflite(content):
        raise NoFloatError("the file that was brought along is quantised already")
    model = load(libraries, content)
    try:
        unroll(libraries, model)
    except LoopError as error:
        raise NoFloatError(str(error)) from None
    if len(model.inputs) == len(model.outputs) == 1:
        return OneEach(libraries, model)
    return Several(libraries, model)


def _own(libraries: Libraries, inputs: Mapping[str, Path]) -> Exportable:
    if "render" not in inputs or "train" not in inputs:
        raise NoFloatError("nothing but the int8 file is kept of a network of PyTorch")
    source = inputs["render"] / "model.py"
    model = load_model(source)
    if not clusters_of(source):
        load_weights(model, inputs["train"] / "weights.npz")
    return OneEach(libraries, model)
