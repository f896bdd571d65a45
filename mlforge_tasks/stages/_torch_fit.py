"""The training of a user's PyTorch network; `train_torch` runs this in PyTorch's environment."""

from __future__ import annotations

import signal
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.data_card import EXAMPLES_CARD, DataCard
from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.quantisation import LAYOUT
from mlforge_tasks.stages import main
from mlforge_tasks.stages._fit import Judged, fit, limit_memory
from mlforge_tasks.stages._pruning import Pruning
from mlforge_tasks.stages._torch_module import Taken, Users, start
from mlforge_tasks.stages._torch_trainer import TorchTrainer
from mlforge_tasks.stages._trainer import load_split
from mlforge_tasks.stages._training import STARTED, Budget, leave, memory_failure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TORCH = "search.torch"


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `weights.npz` and `training.json`; see `train_torch.run`."""
    budget = Budget.model_validate(config["training"])
    limit, seed = budget.memory_limit_bytes, config["search.seed"]
    limit_memory(limit)
    torch = start(seed)
    card = DataCard.read(inputs["dataset"] / EXAMPLES_CARD)
    taken = Taken.of(card, config[LAYOUT])
    users = Users(inputs["network"], config[TORCH], "train")
    users.watch()
    print(STARTED, flush=True)
    # Between epochs `fit` keeps the limit; this, which ends us, is for an epoch that does not end.
    signal.setitimer(signal.ITIMER_PROF, 2 * budget.time_limit_s)
    try:
        splits = (load_split(inputs["dataset"], one, card) for one in ("train", "validation"))
        train, validation = (replace(one, inputs=taken.given(one.inputs)) for one in splits)
        model = users.build(torch, taken.form, card.output_count, seed)
        users.check(torch, model, train.inputs[:8], card)
        goal = Figure.from_dump(config["goal"])
        learner = partial(TorchTrainer, goal=goal.metric, budget=budget, seed=seed)
        trainer = learner(torch, model, train, users=users, card=card)
        pruning = Pruning(goal.metric, (), warm_up=budget.patience)
        training = fit(trainer, Judged(goal, validation, card), budget, pruning)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate memory" not in str(error):
            raise
        raise memory_failure(limit) from None
    leave(trainer, training, out)


if __name__ == "__main__":
    main(run)
