"""One design, given in the contract: built, trained, measured and judged as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.architecture import Architecture, parse_architecture

if TYPE_CHECKING:
    from mlforge_tasks.agents import DesignBrief, Workbench
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
        if bench.search.architecture is not None:
            return (Architecture(layers=bench.search.architecture),) * count
        return (parse_architecture(bench.file),) * count


PLUGIN = Fixed()
