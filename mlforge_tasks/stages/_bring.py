"""Reads a model file that a user brought; `quantise` runs this module in a process that may crash.

A `.tflite` is taken as it is, a `.keras` is quantised. Which one it is shows in its first bytes.
"""

from __future__ import annotations

import tempfile
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlforge_tasks import windows
from mlforge_tasks.contract.data_card import EXAMPLES_CARD, DataCard
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph import shortage
from mlforge_tasks.quantisation import LAYOUT, OUTPUT_RANGE, Quantisation
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import main
from mlforge_tasks.stages._convert import STARTED, convert, error_line, save_float_outputs
from mlforge_tasks.stages._describe import describe
from mlforge_tasks.stages._keras import Libraries, Predictor, start
from mlforge_tasks.stages._layer_names import with_plain_names
from mlforge_tasks.stages._layout import misfit
from mlforge_tasks.stages._output_range import of_targets, widened
from mlforge_tasks.stages._refusals import refusal
from mlforge_tasks.tflite_file.ends import with_int8_ends
from mlforge_tasks.tflite_file.flatbuffer import DamagedError
from mlforge_tasks.tflite_file.tiles import without_tiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlforge_tasks.contract.search import Layout
    from mlforge_tasks.windows import Windows

# https://ai.google.dev/edge/litert/models/metadata: a flatbuffer's identifier follows its offset.
TFLITE_MARK = slice(4, 8), b"TFL3"
KERAS_MARK = slice(0, 4), b"PK\x03\x04"  # a zip archive


class Int8Model(NamedTuple):
    """A `.tflite` file and what it says about itself."""

    content: bytes
    described: Quantisation


class Network(NamedTuple):
    """A float network and what runs it."""

    libraries: Libraries
    model: Any


def _unusable(message: str) -> CandidateFailure:
    return CandidateFailure(Reason(code="unusable_model", stage="quantise", message=message))


def _int8_ends(content: bytes) -> bytes:
    try:
        why = refusal(content)
        if why:
            raise _unusable(why)
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
        try:
            path.write_bytes(with_plain_names(content))
            # Safe mode refuses files with code inside.
            model = libraries.keras.models.load_model(path, compile=False, safe_mode=True)
            ends = len(model.inputs), len(model.outputs)
        except Exception as error:
            shortage.refuse(error, "loading the .keras file")
            raise _unusable(f"Keras cannot load the .keras file: {error_line(error)}") from error
    if ends != (1, 1):
        raise _unusable("the model has more than one input or output")
    return model


def _check_shapes(
    card: DataCard,
    layout: Layout,
    inputs: tuple[int | None, ...],
    outputs: tuple[int | None, ...],
) -> None:
    why = misfit(inputs, card.input_shape, layout)
    if why:
        raise _unusable(why)
    sizes = [size for size in outputs if size is not None]
    if len(sizes) < len(outputs) or prod(sizes) != card.output_count:
        found = prod(sizes) if len(sizes) == len(outputs) else list(outputs)
        raise _unusable(f"the model has {found} outputs, the data set wants {card.output_count}")


def read(
    content: bytes, card: DataCard, libraries: Callable[[], Libraries], layout: Layout = "nhwc"
) -> Network | Int8Model:
    """What a file holds: a float network of Keras, or an int8 model.

    Args:
        content: The file.
        card: Of the data set that it has to fit.
        libraries: Imports TensorFlow and Keras, which only one of the two needs.
        layout: In which order the model takes the axes of an example.

    Raises:
        CandidateFailure: It is neither, or does not fit.
    """
    if content[TFLITE_MARK[0]] == TFLITE_MARK[1]:
        return _fitting(_int8_ends(content), card, layout)
    if content[KERAS_MARK[0]] != KERAS_MARK[1]:
        raise _unusable("the file is neither a TFLite model nor a Keras archive")
    found = libraries()
    model = _load(found, content)
    _check_shapes(card, layout, model.inputs[0].shape[1:], model.outputs[0].shape[1:])
    return Network(found, model)


def _fitting(content: bytes, card: DataCard, layout: Layout) -> Int8Model:
    described = _describe(content)
    content = without_tiles(content)
    _check_shapes(card, layout, described.input.shape, described.output.shape)
    if card.task == "anomaly" and "int16" in {described.input.dtype, described.output.dtype}:
        raise _unusable(
            "its input or output is int16, and the score of an anomaly is told by int8 ones: "
            "convert it with inference_input_type and inference_output_type int8"
        )
    source = described.input.model_copy(update={"channels_first": layout == "nchw"})
    return Int8Model(content, described.model_copy(update={"input": source}))


def _quantised(
    network: Network, dataset: Path, card: DataCard, layout: Layout, out: Path
) -> Int8Model:
    form = tuple(network.model.inputs[0].shape[1:])

    def given(inputs: Windows) -> Windows:
        return inputs.given(form, channels_first=layout == "nchw")

    calibration = given(windows.read(dataset, "calibration", card.window_length))
    found = _fitting(convert(*network, calibration, ours=False), card, layout)
    save_float_outputs(Predictor(*network), dataset, card, out, given)
    return found


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `model.tflite`, `quantisation.json` and float outputs; see `quantise.run`."""
    content = inputs["model"].read_bytes()
    print(STARTED, flush=True)
    card = DataCard.read(inputs["dataset"] / EXAMPLES_CARD)
    layout: Layout = config[LAYOUT]
    found = read(content, card, lambda: start(config["search.seed"]), layout)
    if isinstance(found, Network):
        found = _quantised(found, inputs["dataset"], card, layout, out)
        if config[OUTPUT_RANGE] == "targets" and card.task == "regression":
            found = _fitting(widened(found.content, *of_targets(card)), card, layout)
    (out / "model.tflite").write_bytes(found.content)
    found.described.write(out / "quantisation.json")


if __name__ == "__main__":
    main(run)
