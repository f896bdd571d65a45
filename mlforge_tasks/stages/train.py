"""Trains a rendered network within the contract's time and memory, in a process of its own.

Two trainings under one environment (TensorFlow's build, CPU features) give the same bits. A time
limit is the processor's time, so that a busy machine, or one that stood still, fails no candidate;
but a training that is cut short would differ from one machine to the next: running out of it is a
failure of the candidate, not an early stop.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.data_card import FOR_PEOPLE
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.stages import main
from mlforge_tasks.stages._child import run_child
from mlforge_tasks.stages._training import STARTED, Budget, failure, timeout_failure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


# Run as a process and not imported: it needs numpy and TensorFlow.
TRAINING = "mlforge_tasks.stages._fit"
# The process keeps its limit itself, in time of the processor. These are for one that stands still
# or is starved, whoever did that to it: no result, and so with much room.
STANDSTILL_S = 3600.0
STARVED = 10


KIND = StageKind(
    __name__,
    ("weights.npz", "training.json"),
    isolated=True,
    unread={"dataset": FOR_PEOPLE},
    fields=("training", "search.seed"),
    loads=(TRAINING,),
)


def _check(done: process.Completed, budget: Budget, longest_s: float) -> None:
    """What the end of a training process means.

    Raises:
        CandidateFailure: It used up its time, or died as one does that is refused memory.
        ToolError: It stood still.
    """
    if done.timed_out:
        raise ToolError(
            f"the training did not end within {longest_s:g} s, and did not use its "
            f"{budget.time_limit_s:g} s of the processor\n{done.tail()}",
            hint="was it stopped? if the machine is busy, use fewer processes (-n)",
        )
    if done.returncode == -signal.SIGPROF:
        raise timeout_failure(budget.time_limit_s)
    if done.returncode < 0:
        # TensorFlow crashes (SIGSEGV, SIGABRT) where it is refused memory.
        name = process.signal_name(done.returncode)
        message = (
            f"training ended with {name}, which running out of memory does to TensorFlow; lower "
            "training.batch_size, or raise training.memory_limit"
        )
        raise failure("train_memory", message, budget.memory_limit_bytes)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `weights.npz` and `training.json`; each epoch is told.

    Args:
        inputs: `render`, `dataset`; `admit` only says that the probe kept the limits; `curvesNN`
            of each earlier round, where the contract wants weak candidates stopped.
        out: Where the outputs go.
        config: `training`, `search.seed`, `goal` (the figure that the training is steered by).

    Raises:
        CandidateFailure: It diverged, fell behind those of earlier rounds, or needs more time or
            memory than the contract gives.
        ToolError: The training process broke before it started training, was ended from outside,
            or stood still.
    """
    begin(TRAINING, inputs, out, config)


def begin(
    module: str,
    inputs: Mapping[str, Path],
    out: Path,
    config: Mapping[str, Any],
    *,
    told: tuple[str, ...] = (),
    python: str | None = None,
) -> None:
    """Has a module train, as a process.

    Args:
        module: Its dotted name.
        inputs: As `run` takes them.
        out: Likewise.
        config: Likewise.
        told: What of that the module reads beside what every training does.
        python: See `run_child`.

    Raises:
        CandidateFailure: As `run`.
        ToolError: As `run`.
    """
    wanted = {name: config[name] for name in ("training", "goal", "search.seed", *told)}
    budget = Budget.model_validate(wanted["training"])
    sources = {name: folder for name, folder in inputs.items() if name != "admit"}
    longest_s = STANDSTILL_S + STARVED * budget.time_limit_s
    done = run_child(
        module,
        sources,
        out,
        wanted,
        timeout_s=longest_s,
        says_first=STARTED,
        limits_itself=True,
        python=python,
    )
    _check(done, budget, longest_s)


if __name__ == "__main__":
    main(run)
