"""What a gate decides: how far down the graph a run goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.verdict.trials import Trials

if TYPE_CHECKING:
    from mlforge_tasks.pipeline.iteration import Iteration


def ends(trials: Trials, number: int, last: int) -> bool:
    """Whether a search is over with a judged iteration: one holds, none can, or it was the last."""
    return trials.hold or trials.impossible or number >= last


def decide(iteration: Iteration, last: int) -> dict[str, Any]:
    """What else a run has to do once an iteration is judged, for doit's `calc_dep`.

    Args:
        iteration: The one that was judged.
        last: The number of the last one that the budget allows.
    """
    trials = Trials.read(iteration.judge.folder / "trials.json")
    met = trials.met
    if not ends(trials, iteration.number, last):
        return {"met": met, "calc_dep": [f"gate:{iteration.number + 1}"], "task_dep": []}
    return {"met": met, "calc_dep": [], "task_dep": [f"deliver:{iteration.number}"]}
