"""deliver: the files of a candidate that meets the contract, in one folder, with the report."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.manifest import outputs_in
from mlforge_tasks.records import canonical_json
from mlforge_tasks.stages import main
from mlforge_tasks.verdict.trials import Report

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


KIND = StageKind(__name__, runs_after_failure=True)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Copies the report, and where the contract is met the best candidate's files.

    Nothing but the report is delivered of a contract that is not met: what lies in `delivered/`
    was measured and passed.

    Args:
        inputs: `report`, `dataset`, and `<iteration>.<candidate>.<stage>` of every candidate.
        out: Output folder.
        config: `contract`, as it was read.
    """
    (out / "contract.json").write_bytes(canonical_json(config["contract"]) + b"\n")
    sources = [inputs["report"]]
    report = Report.read(inputs["report"] / "report.json")
    shutil.copyfile(inputs["dataset"] / "data_card.json", out / "data_card.json")
    if report.met:
        sources += [folder for name, folder in inputs.items() if name.startswith(f"{report.best}.")]
    for source in sources:
        for name, path in outputs_in(source):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, out / name)


if __name__ == "__main__":
    main(run)
