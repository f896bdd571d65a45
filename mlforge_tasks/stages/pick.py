"""pick: of a candidate's probes with several engines, that of the engine that was chosen."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.manifest import MANIFEST, Manifest, outputs_in
from mlforge_tasks.stages import main
from mlforge_tasks.stages.choose import read_attempt
from mlforge_tasks.verdict.engine_choice import CHOICE, EngineChoice, better

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


KIND = StageKind(__name__, ("measurements.json",), runs_after_failure=True)


def _picked(inputs: Mapping[str, Path], config: Mapping[str, Any]) -> str:
    """The chosen engine; as long as none is, the one that comes closest to the limits."""
    chosen = EngineChoice.read(inputs["choice"] / CHOICE).engine
    if chosen is not None:
        return chosen
    return better([read_attempt(one, inputs[one], config) for one in config["engines"]]).engine


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Copies what a run made.

    Args:
        inputs: `choice`, and the run of each engine by its name.
        out: Output folder.
        config: `engines`, `bounds` (the hardware limits), `conditions` (as `choose`).

    Raises:
        CandidateFailure: The candidate could not be built or run with that engine.
    """
    folder = inputs[_picked(inputs, config)]
    reason = Manifest.read(folder / MANIFEST).reason
    if reason is not None:
        raise CandidateFailure(reason)
    for name, path in outputs_in(folder):
        shutil.copyfile(path, out / name)


if __name__ == "__main__":
    main(run)
