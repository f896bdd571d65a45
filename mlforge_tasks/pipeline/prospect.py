"""How far a run would find all made, and what it would have to make from there on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.graph.lookahead import Lookahead, cone
from mlforge_tasks.pipeline.gates import ends
from mlforge_tasks.verdict.trials import Trials

if TYPE_CHECKING:
    from mlforge_tasks.graph.stage import Stage
    from mlforge_tasks.pipeline.iteration import Iteration
    from mlforge_tasks.pipeline.plan import Plan


@dataclass(frozen=True)
class Prospect:
    """What a run has before it, by the results of this tree.

    Attributes:
        made: Stages that worked out before, made of just what they would be made of.
        first: What else comes before the first round and in the round that is not made yet.
        each: What every further round takes, where nothing of it is made.
        judged: Rounds that are made and judged.
        rounds: How many the contract allows.
        met: Whether the last judged one meets the contract; None where the search goes on.
    """

    made: tuple[Stage, ...]
    first: tuple[Stage, ...]
    each: tuple[Stage, ...]
    judged: int
    rounds: int
    met: bool | None


def prospect(plan: Plan) -> Prospect:
    """Looks ahead as far as results are known; nothing is made."""
    seen = Lookahead()
    looked = list(plan.preparation.stages)
    met, judged = None, 0
    for stage in looked:
        seen.look(stage)
    for iteration in plan.iterations:
        round_ = cone(iteration.stages, [iteration.judge])
        looked += round_
        for stage in round_:
            seen.look(stage)
        if iteration.judge not in seen:
            break
        judged = iteration.number
        if ends(_trials(iteration, seen), judged, plan.contract.search.max_iterations):
            met = _trials(iteration, seen).met
            break
    further = plan.iterations[min(1, len(plan.iterations) - 1)]
    return Prospect(
        made=tuple(one for one in looked if seen.worked(one)),
        first=tuple(one for one in looked if one not in seen),
        each=tuple(cone(further.stages, [further.judge])),
        judged=judged,
        rounds=plan.contract.search.max_iterations,
        met=met,
    )


def _trials(iteration: Iteration, seen: Lookahead) -> Trials:
    """What a round was judged to be, from where that lies."""
    judge = iteration.judge
    blob = judge.workspace.store.blob_path(seen[judge].outputs["trials.json"])
    return Trials.read(blob if blob.exists() else judge.folder / "trials.json")
