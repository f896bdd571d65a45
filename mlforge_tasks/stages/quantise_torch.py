"""Turns a user's PyTorch network into a full-int8 TFLite model, in PyTorch's own environment.

With trained weights this is the model that is delivered; without, it is the probe: see `quantise`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.data_card import CARD
from mlforge_tasks.graph import torch_venv
from mlforge_tasks.graph.kind import StageKind
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
    unread={"dataset": (CARD,)},
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
    quantise.convert(CONVERSION, sources, out, wanted, python=torch_venv.python())


if __name__ == "__main__":
    main(run)
