"""Candidates that are in the middle of their stages: how far each is, what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mlforge_tasks.architecture import Architecture, brief
from mlforge_tasks.stages._folders import Folders
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlforge_tasks.graph.live import Live
    from mlforge_tasks.pipeline.chain import Chain
    from mlforge_tasks.pipeline.standing import Stood
    from mlforge_tasks.verdict.constraints import Bound

DONE, FAILED, RUNS, WAITS = "done", "failed", "runs", "waits"


class Step(NamedTuple):
    """A stage of a candidate.

    Attributes:
        name: What it does.
        state: `done`, `failed`, `runs` or `waits`.
    """

    name: str
    state: str


class Measured(NamedTuple):
    """A figure that is known already.

    Attributes:
        metric: Its name.
        value: With its unit.
        limit: Likewise.
        kept: Whether it keeps its limit.
    """

    metric: str
    value: str
    limit: str
    kept: bool


@dataclass(frozen=True)
class Underway:
    """A candidate that is not judged.

    Attributes:
        id: Its id.
        brief: Its architecture in a line; empty as long as it is not known.
        steps: Its stages in order.
        measured: What is known of it.
        reason: Why it failed; empty where it did not.
    """

    id: str
    brief: str
    steps: tuple[Step, ...]
    measured: tuple[Measured, ...]
    reason: str


def underway(stood: Stood, running: Live | None, bounds: Iterable[Bound]) -> Iterator[Underway]:
    """The candidates of rounds that are begun and not judged.

    Args:
        stood: What lies made.
        running: What runs.
        bounds: The contract's clauses.
    """
    known = tuple(bounds)
    names = {one.name for one in running.stages} if running else set()
    for one in stood.rounds:
        if one.judge in stood.made:
            continue
        for index, chain in enumerate(one.candidates):
            found = _candidate(f"{one.number}.{index}", chain, stood, names, known)
            if found is not None:
                yield found


def _candidate(
    at: str, chain: Chain, stood: Stood, running: set[str], bounds: tuple[Bound, ...]
) -> Underway | None:
    steps = []
    for name, stage in chain.stages.items():
        if stage in stood.made:
            state = DONE if stood.worked(stage) else FAILED
        else:
            state = RUNS if stage.name in running else WAITS
        steps.append(Step(name=name, state=state))
    if all(one.state == WAITS for one in steps):
        return None
    try:
        folders = Folders(
            stood.folders((f"{at}.{name}", one) for name, one in chain.stages.items()), at
        )
        file = folders.file("render", "architecture.json")
        design = "" if file is None else brief(Architecture.read(file))
        measured = tuple(_measured(folders, bounds))
        reason = folders.reason.message if folders.reason else ""
    except (OSError, ValueError):  # a stage is being made anew just now
        design, measured, reason = "", (), ""
    return Underway(at, design, tuple(steps), measured, reason)


def _measured(folders: Folders, bounds: tuple[Bound, ...]) -> Iterator[Measured]:
    """Figures that bind, of the trained firmware rather than those of its probe."""
    ran = folders.emulated or folders.probed
    found = {one.metric: one for one in ran.measurements} if ran else {}
    for bound in bounds:
        if bound.metric in found:
            one = found[bound.metric]
            yield Measured(
                metric=bound.metric,
                value=format_value(one.value, one.unit),
                limit=format_value(bound.limit, bound.unit),
                kept=bound.passes(one.value),
            )
