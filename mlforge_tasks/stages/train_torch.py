"""Trains a user's PyTorch network as `train` does a Keras one, in PyTorch's own environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.data_card import FOR_PEOPLE
from mlforge_tasks.graph import torch_venv
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.stages import main, train
from mlforge_tasks.stages.quantise_torch import check_made

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Run as a process and not imported: it needs numpy and PyTorch.
TRAINING = "mlforge_tasks.stages._torch_fit"
# As `_torch_fit` and `quantisation` have them, which import numpy.
TOLD = ("search.torch", "search.layout")

KIND = StageKind(
    __name__,
    ("weights.npz", "training.json"),
    isolated=True,
    unread={"dataset": FOR_PEOPLE},
    fields=("training", "search.seed", "search.torch"),
    loads=(TRAINING,),
    tools=torch_venv.tools,
)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `weights.npz` and `training.json`; one line per epoch goes to stdout.

    Args:
        inputs: `network` (the project), `dataset`; `admit` only says that the probe kept the
            limits.
        out: Where the outputs go.
        config: As `train.run`, and `search.torch` and `search.layout`.

    Raises:
        CandidateFailure: As `train.run`; or the user's code raises.
        ToolError: As `train.run`.
    """
    python = torch_venv.python()
    train.begin(TRAINING, inputs, out, config, told=TOLD, python=python)
    check_made(out / "training.json", config["search.torch"], "train")


if __name__ == "__main__":
    main(run)
