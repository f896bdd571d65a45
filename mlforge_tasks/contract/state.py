"""Which contracts can have a model go on from one example to the next: `search.state`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlforge_tasks.contract.split import RandomSplit
from mlforge_tasks.yaml_file import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.contract.dataset import DatasetSpec
    from mlforge_tasks.contract.search import Search
    from mlforge_tasks.contract.sections import Target

# What becomes of what a model file keeps, from one example to the next.
State = Literal["cleared", "kept"]
_ENGINE = "aot"


def misfits(search: Search, dataset: DatasetSpec, target: Target | None) -> Iterator[Mistake]:
    """Why a state cannot be kept, relative to `search`."""
    if search.state == "cleared":
        return
    if isinstance(dataset.split, RandomSplit):
        yield _cleared("rows that are split at random have no order")
    if target is None:
        return
    if target.engine != _ENGINE:
        yield _cleared(f"engine '{target.engine}' keeps none: take '{_ENGINE}'")
    if target.mlperf is not None:
        yield _cleared("the MLPerf Tiny benchmark's examples are each for itself")
    if target.patches == "streamed":
        yield _cleared("a model that keeps something is not computed by rows")


def _cleared(why: str) -> Mistake:
    return Mistake(f"cleared, since {why}", at=("state",))
