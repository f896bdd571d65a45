"""Turns a Keras network into a full-int8 TFLite model, or one of int16 activations.

With trained weights this is the model that is delivered; without, it is the probe: untrained, but
with the same shapes and operators, so that it costs the device the same. A model file that a user
brought is checked, and quantised where it is not yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.data_card import FOR_PEOPLE
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.quantisation import ACTIVATIONS, ENDS, LAYOUT, OUTPUT_RANGE, STATE
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import main
from mlforge_tasks.stages._child import run_child
from mlforge_tasks.tflite_file.flatbuffer import is_tflite

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Printed once a converter's libraries are loaded; an end before it is no candidate's fault.
STARTED = "conversion starts"
CONVERTER = "the TFLite converter"
# A conversion takes seconds; this is for a machine under load.
TIMEOUT_S = 600.0
_FIELDS = ("search.seed", ACTIVATIONS, OUTPUT_RANGE)
# What is told of a model that was brought along, and is in no other's key.
_BROUGHT = (LAYOUT, ENDS, STATE)


KIND = StageKind(
    __name__,
    ("model.tflite", "quantisation.json"),
    isolated=True,
    unread={"dataset": FOR_PEOPLE},
    fields=_FIELDS,
)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `model.tflite`, `quantisation.json`, and `float_outputs.npz` of a trained network.

    Args:
        inputs: `render`, `dataset`, and `train` for trained weights; or `model`, a file that was
            brought along, and `dataset`.
        out: Where the outputs go.
        config: `search.seed`, of the weights where there is no `train`;
            `dataset.calibration.output_range`; `search.activations`; `search.layout` and
            `search.state` of a file that was brought along, and `ends`, what the contract says of
            its inputs and outputs.

    Raises:
        CandidateFailure: The converter refuses the network, or crashes on it, or the file is no
            model for this data set.
        ToolError: TensorFlow cannot be used, or hangs, or ran short of something.
    """
    from mlforge_tasks.stages import _bring, _convert  # noqa: PLC0415 - numpy

    told = (*_FIELDS, *_BROUGHT) if "model" in inputs else _FIELDS
    wanted = {name: config[name] for name in told}
    names = ("model", "render", "dataset", "train")
    sources = {name: inputs[name] for name in names if name in inputs}
    half = _bring if "model" in inputs else _convert
    convert(half.__name__, sources, out, wanted)


def convert(
    module: str,
    sources: Mapping[str, Path],
    out: Path,
    wanted: Mapping[str, Any],
    *,
    converter: str = CONVERTER,
    python: str | None = None,
) -> None:
    """Has a module convert a network, as a process.

    Args:
        module: Its dotted name.
        sources: As its `run` takes them.
        out: Likewise.
        wanted: Likewise, its configuration.
        converter: What is at work in it, for messages.
        python: See `run_child`.

    Raises:
        CandidateFailure: As `run`.
        ToolError: As `run`.
    """
    done = run_child(
        module, sources, out, wanted, timeout_s=TIMEOUT_S, says_first=STARTED, python=python
    )
    if done.timed_out:
        raise ToolError(f"{converter} took more than {TIMEOUT_S:g} s\n{done.tail()}")
    if done.returncode < 0:
        # A file of its own is run where it leaves shapes open.
        model = sources.get("model")
        brought = model is not None and is_tflite(model.read_bytes())
        what = "TensorFlow Lite, running the file," if brought else converter
        message = f"{what} crashed with {process.signal_name(done.returncode)}"
        raise CandidateFailure(Reason(code="convert_failed", stage="quantise", message=message))


if __name__ == "__main__":
    main(run)
