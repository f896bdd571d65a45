"""admit: lets a candidate be trained only where its probe's measured figures keep the limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import main
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.verdict.constraints import LATENCIES, ON_CPU, Bound, first_broken
from mlforge_tasks.verdict.derived import CONDITIONS, Conditions
from mlforge_tasks.verdict.floors import out_of_reach

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


KIND = StageKind(__name__)


def _untold(bounds: Sequence[Bound], report: RunReport) -> Reason | None:
    """A latency that stays unknown, since an NPU leaves some of the model to the CPU.

    Training would not tell it either, so that no such candidate could ever be met.
    """
    known = {one.metric for one in report.measurements}
    asked = [one for one in bounds if one.measured in LATENCIES and one.measured not in known]
    if not report.on_cpu or not asked:
        return None
    return Reason(
        code=ON_CPU,
        stage="admit",
        message=f"{asked[0].metric} is unknown: the NPU leaves {', '.join(report.on_cpu)} to the "
        "CPU, and nothing tells the time of that; keep to what the NPU runs",
        metric=asked[0].metric,
        limit=asked[0].limit,
    )


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Passes, or fails the candidate.

    Args:
        inputs: `run`, of the probe: the untrained model on the target; of a further target `admit`,
            which has passed on the one before.
        out: Stays empty: a pass has no outputs, so an edited limit retrains nothing.
        config: `bounds`, `conditions` (what derived figures depend on).

    Raises:
        CandidateFailure: With code `measured_limit`, or `on_cpu`; or `impossible_limit` where no
            model can keep it, which ends the search.
    """
    report = RunReport.read(inputs["run"] / "measurements.json")
    bounds = [Bound.from_dump(bound) for bound in config["bounds"]]
    known = Conditions.from_dump(config[CONDITIONS]).derived(report.measurements)
    reason = out_of_reach(bounds, known) or first_broken(bounds, known) or _untold(bounds, report)
    if reason is not None:
        raise CandidateFailure(reason)


if __name__ == "__main__":
    main(run)
