"""Reads a model file that a user brought; `quantise` runs this module in a process that may crash.

A `.tflite` is taken as it is, a `.keras` is quantised. Which one it is shows in its first bytes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlforge_tasks import windows
from mlforge_tasks.contract.data_card import EXAMPLES_CARD, DataCard
from mlforge_tasks.contract.ends import Ends
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph import shortage
from mlforge_tasks.quantisation import (
    ACTIVATIONS,
    ENDS,
    LAYOUT,
    OUTPUT_RANGE,
    STATE,
    JoinedOutputs,
    Quantisation,
)
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import main
from mlforge_tasks.stages._convert import convert, error_line, save_float_outputs
from mlforge_tasks.stages._describe import about, tensors_of
from mlforge_tasks.stages._keras import Libraries, Predictor, start
from mlforge_tasks.stages._layer_names import with_plain_names
from mlforge_tasks.stages._open_shapes import shapes_of
from mlforge_tasks.stages._output_range import of_targets, widened
from mlforge_tasks.stages._refusals import float_end, misshapen, refusal
from mlforge_tasks.stages._several import (
    End,
    MisfitError,
    Wanted,
    elements_of,
    given_inputs,
    joined_inputs,
    joined_outputs,
    judged_outputs,
    order_of,
)
from mlforge_tasks.stages._several_keras import Several, keras_ends, names_of
from mlforge_tasks.stages._state import NoStateError, of_state
from mlforge_tasks.stages._unrolled import LoopError, unroll
from mlforge_tasks.stages.quantise import STARTED
from mlforge_tasks.tflite_file.flatbuffer import DamagedError, is_tflite
from mlforge_tasks.tflite_file.mended import Mended, converted, whole, with_integers
from mlforge_tasks.tflite_file.model import read as read_model
from mlforge_tasks.tflite_file.names import Names, names_in
from mlforge_tasks.tflite_file.open_shapes import open_shapes, with_shapes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mlforge_tasks.contract.ends import GivenInput, JudgedOutput
    from mlforge_tasks.contract.state import State
    from mlforge_tasks.stages._describe import Tensors
    from mlforge_tasks.windows import Windows

KERAS_MARK = slice(0, 4), b"PK\x03\x04"  # a zip archive


_CODE_INSIDE = (
    "the .keras file has code inside, as a Lambda layer is, which is not run: "
    "build the network of Keras' own layers"
)


class Int8Model(NamedTuple):
    """A `.tflite` file and what it says about itself."""

    content: bytes
    described: Quantisation

    def told(self, changed: tuple[str, ...]) -> Int8Model:
        """The same, with what was done to it, to be told after what is."""
        described = self.described
        all_of_it = described.changed + changed
        return self._replace(described=described.model_copy(update={"changed": all_of_it}))


class Network(NamedTuple):
    """A float network and what runs it."""

    libraries: Libraries
    model: Any


def _unusable(message: str) -> CandidateFailure:
    return CandidateFailure(Reason(code="unusable_model", stage="quantise", message=message))


def _mended(content: bytes, wanted: Wanted, libraries: Callable[[], Libraries]) -> Mended:
    try:
        found = whole(content)
        _refuse(refusal(found.content))
        if open_shapes(found.content):
            shapes = shapes_of(found.content, libraries().tensorflow, wanted)
            found = found.then(lambda inner: with_shapes(inner, shapes))
        _refuse(misshapen(found.content))
        found = with_integers(found)
        _refuse(float_end(found.content))
    except DamagedError as error:
        raise _unusable(f"the .tflite file is broken: {error.message}") from None
    return found


def _refuse(why: str) -> None:
    if why:
        raise _unusable(why)


def tensors(content: bytes) -> Tensors:
    try:
        return tensors_of(content)
    except CandidateFailure as failure:
        raise _unusable(failure.reason.message) from None
    except DamagedError as error:
        raise _unusable(f"the .tflite file is broken: {error.message}") from None


def load(libraries: Libraries, content: bytes) -> Any:
    """A network of Keras from its file.

    Raises:
        CandidateFailure: Keras cannot load it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        try:
            path.write_bytes(with_plain_names(content))
            # Safe mode refuses files with code inside.
            model = libraries.keras.models.load_model(path, compile=False, safe_mode=True)
            keras_ends(model)
        except Exception as error:
            shortage.refuse(error, "loading the .keras file")
            if "safe_mode" in str(error):
                raise _unusable(_CODE_INSIDE) from error
            raise _unusable(f"Keras cannot load the .keras file: {error_line(error)}") from error
    return model


def read(content: bytes, wanted: Wanted, libraries: Callable[[], Libraries]) -> Network | Int8Model:
    """What a file holds: a float network of Keras, or an int8 model.

    Args:
        content: The file.
        wanted: The data set that it has to fit, and what the contract says of it.
        libraries: Imports TensorFlow and Keras, which a `.tflite` needs only where it leaves
            shapes open.

    Raises:
        CandidateFailure: It is neither, or does not fit.
    """
    if is_tflite(content):
        inner, changed = _mended(content, wanted, libraries)
        return fitting(inner, wanted, tensors(inner), names_in(content)).told(changed)
    if content[KERAS_MARK[0]] != KERAS_MARK[1]:
        raise _unusable("the file is neither a TFLite model nor a Keras archive")
    found = libraries()
    model = load(found, content)
    _check(wanted, *keras_ends(model))
    return Network(found, model)


def _check(
    wanted: Wanted, inputs: Sequence[End], outputs: Sequence[End]
) -> tuple[tuple[GivenInput, ...], tuple[JudgedOutput | None, ...]]:
    """What inputs take and outputs give; see `given_inputs` and `judged_outputs`."""
    try:
        return given_inputs(inputs, wanted), judged_outputs(outputs, wanted)
    except MisfitError as error:
        raise _unusable(str(error)) from None


def fitting(content: bytes, wanted: Wanted, found: Tensors, names: Names) -> Int8Model:
    inputs, outputs = (
        [End(name, one.shape) for name, one in zip(called, tensors, strict=True)]
        for called, tensors in zip(names, found, strict=True)
    )
    given, judged = _check(wanted, inputs, outputs)
    for which, each in zip(("inputs", "outputs"), found, strict=True):
        if len({one.dtype for one in each}) > 1:
            raise _unusable(f"its {which} are int8 and int16: convert it with one type for them")
    source = joined_inputs(found.inputs, given, wanted.layout)
    output = joined_outputs(found.outputs, outputs, judged)
    types = {one.dtype for one in (*found.inputs, *found.outputs)}
    if wanted.card.task == "anomaly" and "int16" in types:
        raise _unusable(
            "its input or output is int16, and the score of an anomaly is told by int8 ones: "
            "convert it with inference_input_type and inference_output_type int8"
        )
    return Int8Model(content, about(content, source, output))


def _unrolled(network: Network) -> tuple[str, ...]:
    try:
        return unroll(*network)
    except LoopError as error:
        raise _unusable(f"the model cannot be quantised: its {error}") from None


def _quantised(network: Network, dataset: Path, wanted: Wanted, out: Path) -> Int8Model:
    card = wanted.card
    form = tuple(network.model.inputs[0].shape[1:])
    ends = keras_ends(network.model)
    taken, judged = _check(wanted, *ends)
    several = Several(*network) if taken or judged else None

    def given(inputs: Windows) -> Windows:
        if several:
            return inputs.picked(order_of(taken, card, wanted.layout))
        return inputs.given(form, channels_first=wanted.layout == "nchw")

    def predict(inputs: Windows) -> NDArray[np.float32]:
        if several is None:
            return Predictor(*network)(inputs)
        outputs = several.predict(inputs)
        return outputs[:, elements_of(ends[1], judged)] if judged else outputs

    calibration = given(windows.read(dataset, "calibration", card.window_length))
    content = convert(*network, calibration, wanted.activations, ours=False, network=several)
    if not read_model(content).main.operators:
        raise _unusable("the network computes nothing: its output is its input")
    content, changed = converted(content)
    names = names_of(network.model, names_in(content)) if several else Names(("",), ("",))
    found = fitting(content, wanted, tensors(content), names)
    save_float_outputs(predict, dataset, card, out, given)
    return found.told(changed)


def reaching(model: Int8Model, card: DataCard) -> Int8Model:
    """The same, whose outputs reach as far as their targets do."""
    output = model.described.output
    gives = [one.gives for one in output.parts] if isinstance(output, JoinedOutputs) else [None]
    content = model.content
    for at, some in enumerate(gives):
        if some != ():
            content = widened(content, *of_targets(card, some), at=at)
    scaled = tensors(content).outputs
    if isinstance(output, JoinedOutputs):
        parts = zip(output.parts, scaled, strict=True)
        changed = [
            one.model_copy(update={"scale": new.scale, "zero_point": new.zero_point})
            for one, new in parts
        ]
        return Int8Model(
            content, about(content, model.described.input, JoinedOutputs(parts=tuple(changed)))
        )
    return Int8Model(content, about(content, model.described.input, scaled[0]))


def _with_state(model: Int8Model, wanted: State) -> Int8Model:
    try:
        keeps, told = of_state(model.content, wanted)
    except NoStateError as error:
        raise _unusable(str(error)) from None
    described = model.described.model_copy(update={"keeps_state": keeps})
    return model._replace(described=described).told(told)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `model.tflite`, `quantisation.json` and float outputs; see `quantise.run`."""
    content = inputs["model"].read_bytes()
    print(STARTED, flush=True)
    card = DataCard.read(inputs["dataset"] / EXAMPLES_CARD)
    wanted = Wanted(card, config[LAYOUT], Ends.from_dump(config.get(ENDS, {})), config[ACTIVATIONS])
    found = read(content, wanted, lambda: start(config["search.seed"]))
    if isinstance(found, Network):
        unrolled = _unrolled(found)
        found = _quantised(found, inputs["dataset"], wanted, out)
        if config[OUTPUT_RANGE] == "targets" and card.task == "regression":
            found = reaching(found, card).told(found.described.changed)
        found = found.told(unrolled)
    found = _with_state(found, config.get(STATE, "cleared"))
    (out / "model.tflite").write_bytes(found.content)
    found.described.write(out / "quantisation.json")


if __name__ == "__main__":
    main(run)
