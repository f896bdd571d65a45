"""One design, given in the contract: built, trained, measured and judged as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.architecture import parse_architecture

if TYPE_CHECKING:
    from mlforge_tasks.agents import DesignBrief, Workbench
    from mlforge_tasks.architecture import Architecture
    from mlforge_tasks.verdict.trial import Trial


class Fixed:
    """Proposes what it was given."""

    name = "fixed"

    def propose(
        self,
        brief: DesignBrief,  # noqa: ARG002 - whatever the limits are
        history: tuple[Trial, ...],  # noqa: ARG002 - whatever came out before
        count: int,
        bench: Workbench,
    ) -> tuple[Architecture, ...]:
        """See `Agent.propose`."""
        given = bench.file if bench.file is not None else {"layers": bench.search.architecture}
        return (parse_architecture(given),) * count


PLUGIN = Fixed()
