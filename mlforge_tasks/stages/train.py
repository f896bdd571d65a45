"""Trains a rendered network within the contract's time and memory, in a process of its own.

Two trainings under one environment (TensorFlow's build, CPU features) give the same bits. A time
limit is wall time, so a training that is cut short would not: running out of it is a failure of
the candidate, not an early stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import main
from mlforge_tasks.stages._child import run_child, signal_name
from mlforge_tasks.stages._training import (
    MEMORY_HINT,
    PROGRESS,
    STARTED,
    Budget,
    timeout_failure,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


# Run as a process and not imported: it needs numpy and TensorFlow.
TRAINING = "mlforge_tasks.stages._fit"
# Importing TensorFlow takes seconds; this is for a machine under load.
START_LIMIT_S = 300.0


KIND = StageKind(
    __name__,
    ("weights.npz", "training.json"),
    isolated=True,
    fields=("training", "goal.metric", "search.seed"),
    loads=(TRAINING,),
)


def _show(line: str) -> None:
    if line.startswith(PROGRESS):
        print(line, flush=True)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `weights.npz` and `training.json`; one line per epoch goes to stdout.

    Args:
        inputs: `render`, `dataset`; `admit` only says that the probe kept the limits; `curvesNN`
            of each earlier round, where the contract wants weak candidates stopped.
        out: Where the outputs go.
        config: `training`, `goal.metric`, `search.seed`.

    Raises:
        CandidateFailure: It diverged, fell behind those of earlier rounds, or needs more time or
            memory than the contract gives.
        ToolError: The training process broke before it started training.
    """
    wanted = {name: config[name] for name in ("training", "goal.metric", "search.seed")}
    budget = Budget.model_validate(wanted["training"])
    sources = {name: folder for name, folder in inputs.items() if name != "admit"}
    # The process keeps the limit itself, between epochs; this is for an epoch that does not end.
    longest_s = START_LIMIT_S + 2 * budget.time_limit_s
    done = run_child(TRAINING, sources, out, wanted, timeout_s=longest_s, on_line=_show)
    if done.timed_out and STARTED not in done.output:
        raise ToolError(f"TensorFlow did not start within {longest_s:g} s\n{done.tail()}")
    if done.timed_out:
        raise timeout_failure(budget.time_limit_s)
    if done.returncode < 0:
        name = signal_name(done.returncode)
        if STARTED not in done.output:
            raise ToolError(
                f"the training process ended with {name} before training\n{done.tail()}",
                hint=MEMORY_HINT,
            )
        # TensorFlow crashes (SIGSEGV, SIGABRT) where it is refused memory.
        message = f"training ended with {name}, which running out of memory does to TensorFlow"
        reason = Reason(
            code="train_memory", stage="train", message=message, limit=budget.memory_limit_bytes
        )
        raise CandidateFailure(reason)


if __name__ == "__main__":
    main(run)
