"""curves: the learning curves of one round, which later trainings are held against.

Curves and nothing else: they know no limit and no verdict, so that an edited limit retrains nothing
as long as the same candidates are trained. A training that failed or was stopped early has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.stages import main
from mlforge_tasks.stages._pruning import CURVES, Curves
from mlforge_tasks.stages._training import Training

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


KIND = StageKind(__name__, ("curves.json",), runs_after_failure=True)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Writes `curves.json`.

    Args:
        inputs: `train` of each candidate.
        out: Output folder.
        config: Nothing.
    """
    files = (folder / "training.json" for _, folder in sorted(inputs.items()))
    curves = tuple(Training.read(file).validation_metric for file in files if file.exists())
    Curves(curves=curves).write(out / CURVES)


if __name__ == "__main__":
    main(run)
