"""Turns a user's PyTorch network into a full-int8 TFLite model, in PyTorch's own environment.

With trained weights this is the model that is delivered; without, it is the probe: see `quantise`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.data_card import FOR_PEOPLE
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph import torch_venv
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import main, quantise

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Run as a process and not imported: it needs numpy and PyTorch.
CONVERSION = "mlforge_tasks.stages._torch_convert"

KIND = StageKind(
    __name__,
    ("model.tflite", "quantisation.json"),
    isolated=True,
    unread={"dataset": FOR_PEOPLE},
    fields=(*quantise.KIND.fields, "search.torch"),
    loads=(CONVERSION,),
    tools=torch_venv.tools,
)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `model.tflite`, `quantisation.json`, and `float_outputs.npz` of a trained network.

    Args:
        inputs: `network` (the project), `dataset`, and `train` for trained weights.
        out: Where the outputs go.
        config: As `quantise.run` of a network that MLForge designed, and `search.torch` and
            `search.layout`.

    Raises:
        CandidateFailure: The user's code raises, or the converter refuses the network or crashes
            on it.
        ToolError: PyTorch cannot be used, or hangs, or ran short of something.
    """
    sources = {name: inputs[name] for name in ("network", "dataset", "train") if name in inputs}
    told = (*KIND.fields, "search.layout")
    wanted = {name: config[name] for name in told}
    name = config["search.torch"]
    converter = f"the code of {name}, or litert-torch, which converts it,"
    python = torch_venv.python()
    quantise.convert(CONVERSION, sources, out, wanted, converter=converter, python=python)
    check_made(out / "model.tflite", name, "quantise")


def check_made(file: Path, name: str, stage: str) -> None:
    """Looks for what a process that ended well, and runs a user's code, has to have made.

    Args:
        file: What it makes.
        name: The network, as `search.torch` has it.
        stage: Which failures name.

    Raises:
        CandidateFailure: It is not there: the user's code ended the process.
    """
    if not file.is_file():
        message = f"the code of {name} ended its process, by os._exit or the like"
        raise CandidateFailure(Reason(code="unusable_model", stage=stage, message=message))


if __name__ == "__main__":
    main(run)
