"""carry: of the candidates that an earlier search made, the first that keeps today's clauses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.architecture import parse_architecture
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.stages import main
from mlforge_tasks.stages._folders import Folders
from mlforge_tasks.stages.judge import result
from mlforge_tasks.verdict.constraints import Bound
from mlforge_tasks.verdict.trials import Trials, ranked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.verdict.trials import TrialResult


KIND = StageKind(__name__, ("trials.json",))


def _judged(inputs: Mapping[str, Path], name: str, config: Mapping[str, Any]) -> TrialResult:
    folders = Folders(inputs, name)
    design = folders.file("render", "architecture.json")
    architecture = None if design is None else parse_architecture(design.read_bytes())
    return result(folders, architecture, name, config)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `trials.json`: those that the test split was asked of, the last one where it keeps it.

    They are asked from the best on validation data on, and no further than one that keeps all.

    Args:
        inputs: `<iteration>.<candidate>.<stage>` for every stage of every whole candidate.
        out: Output folder.
        config: As `judge` has it, with `candidates`, their names.
    """
    bounds = [Bound.from_dump(one) for one in config["bounds"]]
    seen = [one for one in bounds if not one.on_test]
    told = {**config, "bounds": [one.model_dump(mode="json") for one in seen]}
    known = ranked((_judged(inputs, name, told) for name in config["candidates"]), seen)
    asked: list[TrialResult] = []
    for one in known:
        verdict = one.trial.verdict
        if verdict is None or not verdict.met or Trials(results=tuple(asked)).met:
            break
        asked.append(_judged(inputs, one.trial.id, config))
    Trials(results=tuple(asked)).write(out / "trials.json")


if __name__ == "__main__":
    main(run)
