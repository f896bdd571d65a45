"""page: the report on a search as one HTML file that needs no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.page.found import Found, Written
from mlforge_tasks.stages import main
from mlforge_tasks.verdict.trials import Report

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PAGE = "report.html"

KIND = StageKind(
    __name__,
    (PAGE,),
    isolated=True,
    resources=("templates/page",),
    runs_after_failure=True,
)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `report.html`.

    Args:
        inputs: `report`, `dataset`, `layers`, `proposeNN` of every round that has one, and
            `<iteration>.<candidate>.<stage>` of every candidate.
        out: Output folder.
        config: `contract`: path and text of the contract as it was written; None where a plan was
            made of no file.
    """
    from mlforge_tasks.page.page import make  # noqa: PLC0415 - sections import numpy

    written = config["contract"]
    found = Found(
        report=Report.read(inputs["report"] / "report.json"),
        folders=dict(inputs),
        contract=None if written is None else Written.from_dump(written),
    )
    # What is no character, such as half of a surrogate pair in a name, is shown as `?`.
    (out / PAGE).write_bytes(make(found).encode(errors="replace"))


if __name__ == "__main__":
    main(run)
