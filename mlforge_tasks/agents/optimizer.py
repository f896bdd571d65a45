"""The built-in agent, which needs no key: reject analytically, start from the top, then TPE.

1. A seeded sample of the search space; what the cost model expects to break a limit is dropped.
   The cost model learns from every measured candidate, so the agent starts careful and grows
   towards the limits, or away from them, as the figures come in.
2. The linear model, which takes the least that a firmware can take: first of all where the data
   card says that one meets the goal, after each family where it does not know, else only where
   nothing larger fits.
3. Warm start: of each family of networks the largest that fits, in MACs and parameters. On the
   watch data such a ranking reached the goal with its first candidate where random search took 3
   to more than 24 (design.md section 6).
4. Then Optuna's TPE on all the history, each suggestion moved to the nearest candidate among the
   larger half of those that fit.

Where nothing of the space fits it proposes the smallest networks there are, and where they do not
fit either, what comes closest: what would have to give is then no more than the least.
"""

from __future__ import annotations

import functools
import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.agents._cost import CostModel, hindsight, measured_figures
from mlforge_tasks.agents._sample import Wanted, outside, sample
from mlforge_tasks.agents._space import space_for
from mlforge_tasks.agents._tpe import Tpe, failed_on_hardware
from mlforge_tasks.verdict.forecast import FORECAST, Forecast, errors

if TYPE_CHECKING:
    from mlforge_tasks.agents import DesignBrief, Workbench
    from mlforge_tasks.agents._choices import Space
    from mlforge_tasks.agents._sample import Member
    from mlforge_tasks.architecture import Architecture
    from mlforge_tasks.verdict.trial import Trial

# Of so many that fit, the largest is among the top hundredth of all that do in 92 of 100 cases.
ENOUGH_FITTING = 250
# Each hardware failure in a row lowers the bounds to this share: the cost model is wrong in a way
# that its figures do not show (an image that did not link has none), by more than the 15 % that its
# first guess of an empty image may be off.
SHRINK = 0.85
# A candidate this much larger than any trained so far, and expected to fit, is tried before others.
# One step of the width, the finest there is, makes a network 1.8 times as large by its score.
GROWTH = 1.5


@dataclass(frozen=True)
class _Candidate:
    """A network to choose from; up to a pressure of 1 it is expected to fit."""

    member: Member
    pressure: float


def _pressure(candidate: _Candidate) -> float:
    return candidate.pressure


class Optimizer:
    """Proposes the most promising networks that are expected to fit."""

    name = "optimizer"

    def propose(
        self,
        brief: DesignBrief,
        history: tuple[Trial, ...],
        count: int,
        bench: Workbench,
    ) -> tuple[Architecture, ...]:
        """See `Agent.propose`."""
        costs = CostModel(brief, history)
        search = _Search(brief, history, costs, linear_meets=_linear_meets(brief, bench))
        chosen = [search.choose() for _ in range(count)]
        known = hindsight(brief, history)
        forecast = Forecast(
            candidates=tuple(costs.foretell(member.figures) for member in chosen),
            so_far=errors((expected, measured_figures(brief, trial)) for trial, expected in known),
        )
        bench.keep(FORECAST, forecast.to_bytes() + b"\n")
        return tuple(member.architecture for member in chosen)


PLUGIN = Optimizer()


def _linear_meets(brief: DesignBrief, bench: Workbench) -> bool | None:
    """Whether a linear model meets the goal on validation data; None where nobody knows."""
    known = {
        one.metric: one.value
        for one in (() if bench.card is None else bench.card.baselines)
        if (one.split, one.rule) == ("validation", "linear")
    }
    kept = [goal.met_by(known[goal.metric]) for goal in brief.goals if goal.metric in known]
    return all(kept) if kept else None


def _candidates(
    brief: DesignBrief, space: Space, history: tuple[Trial, ...], costs: CostModel
) -> dict[Architecture, _Candidate]:
    """Enough of the space to choose from, all of the history that came from it included."""
    missing = {trial.architecture for trial in history}
    found: dict[Architecture, _Candidate] = {}
    fitting = 0
    for member in sample(Wanted.of(brief), space, brief.seed):
        pressure = costs.pressure(member.counts)
        found[member.architecture] = _Candidate(member, pressure)
        fitting += pressure <= 1.0
        missing.discard(member.architecture)
        if fitting >= ENOUGH_FITTING and not missing:
            break
    return found


class _Search:
    """One call of the agent: what is known, and what was chosen so far.

    Args:
        brief: The task and its limits.
        history: What was judged before.
        costs: What was learnt from its figures.
        linear_meets: Whether a linear model is known to meet the goal, or not to.
    """

    def __init__(
        self,
        brief: DesignBrief,
        history: tuple[Trial, ...],
        costs: CostModel,
        *,
        linear_meets: bool | None,
    ) -> None:
        self._brief = brief
        self._history = history
        self._costs = costs
        self._linear_meets = linear_meets
        self._space = space_for(brief.input_shape, brief.task, brief.score)
        self._small = [
            _Candidate(member, costs.pressure(member.counts))
            for member in outside(Wanted.of(brief))
        ]
        self._taken = {trial.architecture for trial in history}
        failed_in_a_row = itertools.takewhile(failed_on_hardware, reversed(history))
        self._bound = SHRINK ** sum(1 for _ in failed_in_a_row)
        known = [
            (trial, self._candidates[trial.architecture].member)
            for trial in history
            if trial.architecture in self._candidates
        ]
        self._tried = [member for trial, member in known if not failed_on_hardware(trial)]
        # Another round draws other numbers.
        seed = random.Random(f"{brief.seed}:{len(history)}").randrange(2**32)  # noqa: S311 - no secret
        self._tpe = Tpe(brief, self._space, seed)
        for trial, member in known:
            self._tpe.learn(member.genes, trial)

    @functools.cached_property
    def _candidates(self) -> dict[Architecture, _Candidate]:
        """Drawn once they are asked for: a linear model that will do needs none of them."""
        return _candidates(self._brief, self._space, self._history, self._costs)

    def choose(self) -> Member:
        """The next proposal."""
        linear = self._small[0] if self._small else None
        if linear is not None and self._wants_linear(linear):
            chosen = linear.member
        else:
            chosen = self._of_space()
        self._taken.add(chosen.architecture)
        self._tried.append(chosen)
        if chosen.genes:
            self._tpe.pend(chosen.genes)
        return chosen

    def _of_space(self) -> Member:
        """What is promising of what fits; or else what is nearest to it."""
        every = [*self._candidates.values(), *self._small]
        free = [each for each in every if each.member.architecture not in self._taken]
        in_space = [each.member for each in free if each.member.genes and self._fits(each)]
        if in_space:
            return self._most_promising(in_space)
        return self._least(free) if free else min(every, key=_pressure).member

    def _least(self, free: list[_Candidate]) -> Member:
        """What to try where nothing of the space is sure to fit: what may, or the smallest."""
        near = min((each for each in free if each.member.genes), key=_pressure, default=None)
        if near is not None and self._costs.expected_pressure(near.member.counts) <= self._bound:
            return near.member
        small = [each.member for each in free if self._fits(each)]
        if small:
            return max(small, key=lambda each: each.score)
        return min(free, key=_pressure).member

    def _fits(self, candidate: _Candidate) -> bool:
        return candidate.pressure <= self._bound

    def _wants_linear(self, linear: _Candidate) -> bool:
        if linear.member.architecture in self._taken or not self._fits(linear):
            return False
        if self._linear_meets is None:
            families = {each.family for each in self._tried}
            return len(families) >= len(self._space.choices[0].options)
        return self._linear_meets

    def _most_promising(self, fitting: list[Member]) -> Member:
        largest = max((each.score for each in self._tried), default=0.0)
        top = max(fitting, key=lambda each: each.score)
        if top.score >= GROWTH * largest:
            return top
        families = {each.family for each in self._tried}
        fresh = [each for each in fitting if each.family not in families]
        if fresh:
            return max(fresh, key=lambda each: each.score)
        wanted = self._tpe.suggest()
        larger = sorted(fitting, key=lambda each: each.score)[len(fitting) // 2 :]
        return min(larger, key=lambda each: self._space.distance(each.genes, wanted))
