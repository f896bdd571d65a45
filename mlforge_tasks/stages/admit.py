"""admit: lets a candidate be trained only where its probe's measured figures keep the limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.stages import main
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.verdict.constraints import Bound, first_broken
from mlforge_tasks.verdict.derived import CONDITIONS, Conditions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


KIND = StageKind(__name__)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Passes, or fails the candidate.

    Args:
        inputs: `run`, of the probe: the untrained model on the target.
        out: Stays empty: a pass has no outputs, so an edited limit retrains nothing.
        config: `bounds`, `conditions` (what derived figures depend on).

    Raises:
        CandidateFailure: With code `measured_limit`.
    """
    report = RunReport.read(inputs["run"] / "measurements.json")
    bounds = [Bound.from_dump(bound) for bound in config["bounds"]]
    known = Conditions.from_dump(config[CONDITIONS]).derived(report.measurements)
    reason = first_broken(bounds, known)
    if reason is not None:
        raise CandidateFailure(reason)


if __name__ == "__main__":
    main(run)
