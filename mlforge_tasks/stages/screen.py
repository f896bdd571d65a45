"""screen: refuses what cannot fit by arithmetic alone, before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.architecture import StaticFigures
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.quantisation import ACTIVATIONS
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import main
from mlforge_tasks.verdict.constraints import Bound, over_limit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


KIND = StageKind(__name__, fields=(ACTIVATIONS,))


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Passes, or fails the candidate where its static lower bounds break a limit.

    Args:
        inputs: `render`.
        out: Stays empty: a pass has no outputs, so an edited limit retrains nothing.
        config: `bounds`; `patches`, whether first layers may run stripe by stripe;
            `search.activations`.

    Raises:
        CandidateFailure: With code `static_limit`.
    """
    figures = StaticFigures.read(inputs["render"] / "static.json")
    least = figures.at_least(config["patches"], config[ACTIVATIONS])
    for bound in (Bound.from_dump(one) for one in config["bounds"]):
        value = least.get(bound.measured)
        if value is not None and value > bound.limit:
            raise CandidateFailure(
                Reason(
                    code="static_limit",
                    stage="screen",
                    message=over_limit(bound, value, "is at least {}"),
                    metric=bound.metric,
                    value=value,
                    limit=bound.limit,
                )
            )


if __name__ == "__main__":
    main(run)
