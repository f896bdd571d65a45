"""Optuna's TPE over a search space, told of what was judged and of what is still pending.

Limits are Optuna's constraints, 0 or less being feasible. Of a network that breaks one, TPE only
looks at by how much: what it would reach once trained changes no suggestion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import optuna

from mlforge_tasks.agents import TINY
from mlforge_tasks.agents._cost import measured_value
from mlforge_tasks.verdict.constraints import ON_CPU, PRUNED, plain
from mlforge_tasks.verdict.limits import BY_METRIC

if TYPE_CHECKING:
    from mlforge_tasks.agents import DesignBrief, Goal
    from mlforge_tasks.agents._choices import Genes, Space
    from mlforge_tasks.verdict.trial import Trial

# Before TPE has seen this many trials its densities say nothing; it draws uniformly. Optuna's own
# 10 are more than most of our searches train.
STARTUP_TRIALS = 4

HARDWARE_CODES = frozenset({"static_limit", "measured_limit", "does_not_fit", ON_CPU})

_State = optuna.trial.TrialState


def failed_on_hardware(trial: Trial) -> bool:
    """Whether a trial breaks a hardware limit."""
    if trial.reason is not None and trial.reason.code in HARDWARE_CODES:
        return True
    clauses = trial.verdict.clauses if trial.verdict is not None else ()
    return any(each.status == "fail" and plain(each.metric) in BY_METRIC for each in clauses)


def _excess(brief: DesignBrief, trial: Trial) -> dict[str, float]:
    """How far past each limit a trial is, relative to it; above 0 is infeasible."""
    excess = {}
    for metric, limit in brief.limits.by_metric().items():
        value = measured_value(trial, metric)
        if limit is not None and value is not None:
            excess[metric] = value / limit - 1.0
    for other in brief.limits.others:
        value = measured_value(trial, other.metric)
        if value is not None:
            excess[other.metric] = other.past(value)
    if failed_on_hardware(trial) and all(each <= 0 for each in excess.values()):
        excess["unmeasured"] = 1.0
    return excess


def _reached(brief: DesignBrief, trial: Trial) -> float | None:
    """What TPE ranks a trial by; None where it was not trained.

    Of one figure its value; of several how far the worst is past its bound, as a share of that.
    """
    values = [measured_value(trial, goal.metric) for goal in brief.goals]
    known = [
        (goal, value) for goal, value in zip(brief.goals, values, strict=True) if value is not None
    ]
    if len(known) < len(values):
        return None
    if len(known) == 1:
        return values[0]
    return max(_past(goal, value) for goal, value in known)


def _past(goal: Goal, value: float) -> float:
    over = value - goal.target if goal.direction == "minimize" else goal.target - value
    return over / max(abs(goal.target), TINY)


class Tpe:
    """A source of suggestions.

    Args:
        brief: The goal and the limits.
        space: The choices.
        seed: Of its random numbers.
    """

    def __init__(self, brief: DesignBrief, space: Space, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._brief = brief
        # The constant liar takes what is pending for bad, so that a batch does not crowd together.
        sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=STARTUP_TRIALS, constant_liar=True
        )
        direction = brief.goals[0].direction if len(brief.goals) == 1 else "minimize"
        self._study = optuna.create_study(direction=direction, sampler=sampler)
        self._distributions = {
            choice.name: optuna.distributions.IntDistribution(0, len(choice.options) - 1)
            if choice.ordered
            else optuna.distributions.CategoricalDistribution(tuple(range(len(choice.options))))
            for choice in space.choices
        }
        # What a training is steered by may be one to maximise where several are asked.
        self._turned = brief.goals[0].direction != direction
        self._pending: dict[Genes, optuna.Trial] = {}

    def suggest(self) -> Genes:
        """What to try next; it counts as pending only once `pend` says so."""
        trial = self._study.ask(self._distributions)
        # TPE leaves what failed out of account.
        self._study.tell(trial, state=_State.FAIL)
        return tuple(trial.params[name] for name in self._distributions)

    def pend(self, genes: Genes) -> None:
        """Tells of a network that is tried and has no result yet."""
        self._study.enqueue_trial(self._params(genes))
        self._pending[genes] = self._study.ask(self._distributions)

    def learn(self, genes: Genes, trial: Trial) -> None:
        """Tells of a network that was judged."""
        if genes in self._pending:
            self._study.tell(self._pending.pop(genes), state=_State.FAIL)
        value = _reached(self._brief, trial)
        # A training that was stopped early ranks behind those that were not, by how far it came.
        reason = trial.reason
        stopped_at = reason.value if reason is not None and reason.code == PRUNED else None
        if stopped_at is not None and self._turned:
            stopped_at = -stopped_at
        self._study.add_trial(
            optuna.trial.create_trial(
                state=_State.PRUNED if value is None else _State.COMPLETE,
                value=value,
                params=self._params(genes),
                distributions=self._distributions,
                intermediate_values=None if stopped_at is None else {1: stopped_at},
                constraints=_excess(self._brief, trial),
            )
        )

    def _params(self, genes: Genes) -> dict[str, int]:
        return dict(zip(self._distributions, genes, strict=True))
