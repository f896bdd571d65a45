"""Plain Optuna TPE over the search space, with the limits as constraints: the baseline to beat.

It keeps no state, so it goes through the search again from the start: what it asked for then, with
what came out, is what it knows now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.agents._space import space_for
from mlforge_tasks.agents._tpe import Tpe

if TYPE_CHECKING:
    from mlforge_tasks.agents import DesignBrief, Workbench
    from mlforge_tasks.agents._choices import Genes, Space
    from mlforge_tasks.architecture import Architecture
    from mlforge_tasks.verdict.trial import Trial

# Suggestions, before a known network is proposed again.
MAX_SUGGESTIONS = 50


class PlainTpe:
    """Proposes what TPE suggests, whether or not it fits."""

    name = "tpe"

    def propose(
        self,
        brief: DesignBrief,
        history: tuple[Trial, ...],
        count: int,
        bench: Workbench,  # noqa: ARG002 - needs nothing but its brief
    ) -> tuple[Architecture, ...]:
        """See `Agent.propose`."""
        space = space_for(brief.input_shape, brief.task, brief.score)
        search = _Search(space, Tpe(brief, space, brief.seed))
        for start in range(0, len(history), count):
            search.learn(history[start : start + count])
        return tuple(architecture for architecture, _ in search.batch(count))


class _Search:
    """The search so far, gone through again round by round.

    Args:
        space: The choices.
        tpe: The source of suggestions.
    """

    def __init__(self, space: Space, tpe: Tpe) -> None:
        self._space = space
        self._tpe = tpe
        self._known: set[Architecture | None] = set()

    def batch(self, count: int) -> list[tuple[Architecture, Genes]]:
        """One round's proposals, which are pending from now on."""
        return [self._next() for _ in range(count)]

    def _next(self) -> tuple[Architecture, Genes]:
        architecture, genes = self._space.draw_new(self._tpe.suggest, self._known, MAX_SUGGESTIONS)
        self._known.add(architecture)
        self._tpe.pend(genes)
        return architecture, genes

    def learn(self, judged: tuple[Trial, ...]) -> None:
        """Goes through a round that was judged; of what it did not ask for it has no genes."""
        asked = dict(self.batch(len(judged)))
        for trial in judged:
            if trial.architecture in asked:
                self._tpe.learn(asked[trial.architecture], trial)
        self._known |= {trial.architecture for trial in judged}


PLUGIN = PlainTpe()
