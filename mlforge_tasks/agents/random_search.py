"""The naive baseline: uniform samples of the search space, blind to limits and to the history."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from mlforge_tasks.agents._space import space_for

if TYPE_CHECKING:
    from mlforge_tasks.agents import DesignBrief, Workbench
    from mlforge_tasks.architecture import Architecture
    from mlforge_tasks.verdict.trial import Trial

# So many misses in a row mean that the space is as good as exhausted.
MAX_DRAWS = 1000


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
        space = space_for(brief.input_shape)
        rng = random.Random(f"{brief.seed}:{len(history)}")  # noqa: S311 - not for secrets
        known = {trial.architecture for trial in history}
        chosen: list[Architecture] = []
        for _ in range(count):
            drawn = space.architecture(space.sample(rng))
            for _ in range(MAX_DRAWS):
                if drawn not in known:
                    break
                drawn = space.architecture(space.sample(rng))
            known.add(drawn)
            chosen.append(drawn)
        return tuple(chosen)


PLUGIN = RandomSearch()
