"""choose: the engine with more slack on the first candidate that keeps the limits with one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.manifest import MANIFEST, Manifest
from mlforge_tasks.stages import main
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.verdict.constraints import Bound
from mlforge_tasks.verdict.derived import CONDITIONS, Conditions
from mlforge_tasks.verdict.engine_choice import (
    CHOICE,
    Attempt,
    EngineChoice,
    attempt,
    better,
    decide,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


KIND = StageKind(__name__, ("choice.json",), runs_after_failure=True)


def read_attempt(engine: str, folder: Path, config: Mapping[str, Any]) -> Attempt:
    """An engine's try, from the folder of its run.

    Args:
        engine: Its name.
        folder: Of its run.
        config: `bounds` (the hardware limits), `conditions`.
    """
    manifest = Manifest.read(folder / MANIFEST)
    if manifest.status == "failed":
        return Attempt(engine=engine, reason=manifest.reason)
    report = RunReport.read(folder / "measurements.json")
    bounds = [Bound.from_dump(bound) for bound in config["bounds"]]
    known = Conditions.from_dump(config[CONDITIONS]).derived(report.measurements)
    return attempt(engine, bounds, known)


def _choose(inputs: Mapping[str, Path], config: Mapping[str, Any]) -> EngineChoice:
    open_choices = []
    for index in range(config["candidates"]):
        attempts = [
            read_attempt(engine, inputs[f"{index}.{engine}"], config)
            for engine in config["engines"]
        ]
        identity = f"{config['iteration']}.{index}"
        choice = decide(identity, attempts, settle=config["settle"])
        if choice.engine is not None:
            return choice
        open_choices.append(choice)
    return max(open_choices, key=lambda choice: better(choice.attempts).rank())


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `choice.json`; an earlier choice holds.

    Args:
        inputs: `<candidate>.<engine>`, the runs of every candidate of the iteration, and `earlier`,
            the choice of the iteration before.
        out: Output folder.
        config: `engines`, `candidates` (how many), `iteration`, `bounds` (the hardware limits),
            `conditions` (what derived figures depend on), `settle` (choose although no engine
            keeps the limits).
    """
    if "earlier" in inputs:
        earlier = inputs["earlier"] / CHOICE
        if EngineChoice.read(earlier).engine is not None:
            shutil.copyfile(earlier, out / CHOICE)
            return
    _choose(inputs, config).write(out / CHOICE)


if __name__ == "__main__":
    main(run)
