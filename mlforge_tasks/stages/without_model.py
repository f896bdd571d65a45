"""without_model: what the firmware without a model takes, and nothing of what it was made of.

Stages that need no more read this: an edited source or another compiler that leaves the sizes as
they were makes them neither generate nor, where a language model proposes, ask anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.build_report import read_build_report
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


KIND = StageKind(__name__, ("firmware.json",))


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Writes `firmware.json`, without the firmware's digest.

    Args:
        inputs: `floor`.
        out: Output folder.
        config: Nothing.
    """
    report = read_build_report(inputs["floor"] / "firmware.json")
    report.model_copy(update={"firmware_id": ""}).write(out / "firmware.json")


if __name__ == "__main__":
    main(run)
