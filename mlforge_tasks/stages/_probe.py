"""probe: one design, untrained, built and measured: the probe's stages in one go, for an agent.

It is not a stage of the graph: `propose` runs this module as a process while a model designs, and
what it finds is part of the transcript.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.architecture import Architecture
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.stages import decide, engine, estimate, firmware, header, main, quantise
from mlforge_tasks.stages import run as run_stage
from mlforge_tasks.stages.render import keras_source
from mlforge_tasks.verdict.constraints import Bound
from mlforge_tasks.verdict.derived import CONDITIONS, Conditions
from mlforge_tasks.verdict.engine_choice import Attempt, attempt, better

if TYPE_CHECKING:
    from collections.abc import Mapping

REPORT = "measurements.json"


def _deploy(
    name: str, folders: Mapping[str, Path], work: Path, config: Mapping[str, Any]
) -> Attempt:
    """Builds and measures a model with one engine, in a folder of its own."""
    made = {stage: work / name / stage for stage in ("engine", "firmware", "run")}
    for folder in made.values():
        folder.mkdir(parents=True)
    given, wanted = {**folders, **made}, {**config, "engine": name}
    try:
        engine.run(given, made["engine"], wanted)
        firmware.run(given, made["firmware"], wanted)
        last = estimate if config["runner"] == estimate.RUNNER else run_stage
        last.run(given, made["run"], wanted)
    except CandidateFailure as failure:
        return Attempt(engine=name, reason=failure.reason)
    bounds = [Bound.from_dump(bound) for bound in config["bounds"]]
    found = run_stage.RunReport.read(made["run"] / REPORT).measurements
    return attempt(name, bounds, Conditions.from_dump(config[CONDITIONS]).derived(found))


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `measurements.json`.

    Args:
        inputs: `dataset`; `without_model`, where the engine may make patches.
        out: Output folder.
        config: `architecture`, `engines` (of several, the one with more slack is told of),
            `bounds` (the hardware limits), `conditions` (what derived figures depend on), and all
            that the probe's stages are configured with.

    Raises:
        CandidateFailure: The design does not work out, wherever.
        ToolError: A tool broke.
    """
    architecture = Architecture.from_dump(config["architecture"])
    card = DataCard.read(inputs["dataset"] / "data_card.json")
    source, _ = keras_source(architecture, card.input_shape, card.task, card.output_count)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folders = {stage: work / stage for stage in ("render", "quantise", "header")}
        for folder in folders.values():
            folder.mkdir()
        folders |= inputs
        (folders["render"] / "model.py").write_text(source)
        quantise.run(folders, folders["quantise"], config)
        if config["detectors"]:
            folders["decide"] = work / "decide"
            folders["decide"].mkdir()
            decide.run(folders, folders["decide"], {**config, "trained": False})
        header.run(folders, folders["header"], config)
        best = better([_deploy(engine, folders, work, config) for engine in config["engines"]])
        if best.reason is not None and not best.rooms:
            raise CandidateFailure(best.reason)
        shutil.copyfile(work / best.engine / "run" / REPORT, out / REPORT)


if __name__ == "__main__":
    main(run)
