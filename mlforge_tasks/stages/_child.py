"""Runs a stage's heavy half in a process of its own, so that its death is only a message here.

TensorFlow's converter can segfault, and TensorFlow itself does when it is refused memory. The half
that judges this stays light: it imports no TensorFlow, so the second process costs 0.3 s.
"""

from __future__ import annotations

import signal
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import (
    EXIT_CANDIDATE_FAILED,
    FAILURE_FILE,
    CandidateFailure,
    ToolError,
)
from mlforge_tasks.graph import process, progress, shortage, warm
from mlforge_tasks.records import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# SIGPROF by a timer that it sets. Any other signal says nothing about the candidate.
CRASHES = {*process.CRASHES, signal.SIGPROF}
START_HINT = (
    "free memory, or lift the limits on it: the shell's (ulimit -a), a training's, which needs a "
    "training.memory_limit of at least 1 GiB"
)


def _check(
    module: str, done: process.Completed, out: Path, says_first: str, *, limits_itself: bool
) -> None:
    """Tells the ends of a module that say something about the candidate from those that do not.

    Raises:
        CandidateFailure: The module said so.
        ToolError: It was ended from outside or by a shortage, before it started, or with another
            exit code.
    """
    if done.timed_out or done.returncode == 0:
        return
    failure = out / FAILURE_FILE
    if done.returncode == EXIT_CANDIDATE_FAILED and failure.exists():
        reason = Reason.read(failure)
        failure.unlink()
        raise CandidateFailure(reason)
    if done.returncode > 0:
        raise done.broken(module)
    name = process.signal_name(done.returncode)
    short = shortage.told(done.output)
    if -done.returncode not in CRASHES:
        raise ToolError(
            f"{module} was ended by {name} from outside",
            hint=process.KILLED_HINT,
        )
    if short is not None and not (limits_itself and says_first in done.output):
        raise ToolError(f"{module} was ended by {name}: {short}", hint=shortage.HINT)
    if says_first not in done.output:
        raise ToolError(
            f"{module} was ended by {name} before it started\n{done.tail()}", hint=START_HINT
        )


def run_child(
    module: str,
    inputs: Mapping[str, Path],
    out: Path,
    config: Mapping[str, Any],
    *,
    timeout_s: float,
    says_first: str = "",
    limits_itself: bool = False,
    on_line: Callable[[str], None] = progress.pass_on,
    python: str | None = None,
) -> process.Completed:
    """Runs a module that ends with `main(run)`, as a process.

    Args:
        module: Its dotted name.
        inputs: As its `run` takes them.
        out: Likewise.
        config: Likewise.
        timeout_s: After this many seconds it is killed.
        says_first: What it prints once its libraries are loaded; before, no candidate is to blame.
        limits_itself: What it is refused once it has started may be by its own limit of memory.
        on_line: Called with each line that it prints; without it its progress is ours.
        python: Of another environment, which runs it; None for this one.

    Returns:
        The process, which ended well, crashed, or ran out of time.

    Raises:
        CandidateFailure: The module said so.
        ToolError: It ended with another exit code, was ended from outside, or ran short.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "request.json"
        asking = warm.inherited() if python is None else None
        path.write_text(warm.request(inputs, out, config, asking))
        start = partial(warm.run, module, path, asking=asking, forked=True, python=python)
        done = start(timeout_s=timeout_s, on_line=on_line)
    _check(module, done, out, says_first, limits_itself=limits_itself)
    return done
