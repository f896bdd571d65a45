"""The stages of one candidate, as records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlforge_tasks.graph.stage import Stage


@dataclass(frozen=True)
class Chain:
    """The stages of one candidate, in the order they run.

    Attributes:
        stages: Those that it is judged by, by what they are called in it.
        further: Names of the targets beside the leading one.
    """

    stages: Mapping[str, Stage]
    further: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Stage:
        return self.stages[name]


def by_name(stages: Iterable[Stage]) -> dict[str, Stage]:
    """Stages of one candidate by what they are called in it: `probe_run`, `train`."""
    return {stage.name.partition(":")[0]: stage for stage in stages}
