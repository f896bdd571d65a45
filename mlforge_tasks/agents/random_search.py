"""The naive baseline: uniform samples of the search space, blind to limits and to the history."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from mlforge_tasks.agents._space import space_for

if TYPE_CHECKING:
    from mlforge_tasks.agents import DesignBrief, Workbench
    from mlforge_tasks.architecture import Architecture
    from mlforge_tasks.verdict.trial import Trial

# Draws, before a known network is proposed again.
MAX_DRAWS = 1001


class RandomSearch:
    """Draws without looking; what every other agent has to beat."""

    name = "random_search"

    def propose(
        self,
        brief: DesignBrief,
        history: tuple[Trial, ...],
        count: int,
        bench: Workbench,  # noqa: ARG002 - needs nothing but its brief
    ) -> tuple[Architecture, ...]:
        """See `Agent.propose`."""
        space = space_for(brief.input_shape, brief.task, brief.score)
        rng = random.Random(f"{brief.seed}:{len(history)}")  # noqa: S311 - not for secrets
        known = {trial.architecture for trial in history}
        chosen: list[Architecture] = []
        for _ in range(count):
            drawn, _ = space.draw_new(lambda: space.sample(rng), known, MAX_DRAWS)
            known.add(drawn)
            chosen.append(drawn)
        return tuple(chosen)


PLUGIN = RandomSearch()
