"""probe: one design, untrained, built and measured: the probe's stages in one go, for an agent.

It is not a stage of the graph: `propose` runs this module as a process while a model designs, and
what it finds is part of the transcript.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.architecture import Architecture
from mlforge_tasks.dataset_spec import DataCard
from mlforge_tasks.stages import engine, firmware, header, main, quantise
from mlforge_tasks.stages import run as run_stage
from mlforge_tasks.stages.render import keras_source

if TYPE_CHECKING:
    from collections.abc import Mapping


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `measurements.json`.

    Args:
        inputs: `dataset`.
        out: Output folder.
        config: `architecture`, and all that the probe's stages are configured with.

    Raises:
        CandidateFailure: The design does not work out, wherever.
        ToolError: A tool broke.
    """
    architecture = Architecture.from_dump(config["architecture"])
    card = DataCard.read(inputs["dataset"] / "data_card.json")
    source, _ = keras_source(architecture, card.input_shape, card.task, card.output_count)
    with tempfile.TemporaryDirectory() as name:
        folders = {"dataset": inputs["dataset"]}

        def folder(stage: str) -> Path:
            folders[stage] = Path(name) / stage
            folders[stage].mkdir()
            return folders[stage]

        (folder("render") / "model.py").write_text(source)
        for stage, module in (
            ("quantise", quantise),
            ("header", header),
            ("engine", engine),
            ("firmware", firmware),
        ):
            target = folder(stage)
            module.run(folders, target, config)
        run_stage.run(folders, out, config)


if __name__ == "__main__":
    main(run)
