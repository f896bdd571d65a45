"""The stages of the pipeline: a module without an underscore is one, and it is all of it.

To add one:

1. Write a module with its `KIND` (or a function that gives it, where it depends on the contract's
   board, platform, engine...), `run(inputs, out, config)`, and `if __name__ == "__main__":
   main(run)` at the end. The graph imports it, so numpy and what is heavier is imported within
   `run`.
2. Wire it with one line where its inputs are declared in `pipeline/`:
   `wiring.stage("name:" + at, name.KIND, {"input": stage})`.
3. Add a test that runs it on a small input.

Imports plug-ins and what is below them. Modules with an underscore are halves of stages that need a
process of their own, and what several stages share.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import (
    EXIT_CANDIDATE_FAILED,
    EXIT_DATA_WRONG,
    EXIT_TOOL_BROKEN,
    FAILURE_FILE,
    LAST_WORDS,
    CandidateFailure,
    DataError,
    MlforgeError,
    ToolError,
)
from mlforge_tasks.graph import progress, shortage, warm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Action = Callable[[Mapping[str, Path], Path, Mapping[str, Any]], None]


def main(action: Action) -> None:
    """Runs a stage's action as a process: `python -m mlforge_tasks.stages.NAME REQUEST.json`.

    The request holds `inputs` (name to folder), `out` (folder) and `config`. A candidate's failure
    is written to `out/failure.json` and ends with exit code 3; a broken tool ends with 2 and its
    message on stderr (with 4 where the data is wrong), and so does whatever a full disk or too
    little memory brings about.
    """
    try:
        sys.exit(_ended(action))
    except MlforgeError as error:
        told: MlforgeError = error
    except Exception as error:
        if shortage.of(error) is None and not isinstance(error, OSError):
            raise
        told = shortage.broken(error, f"'{Path(sys.argv[0]).stem}'")
    if isinstance(told, ToolError) and told.log:
        print(told.log)
    sys.stdout.flush()
    print(f"{LAST_WORDS}{told}", file=sys.stderr)
    sys.exit(EXIT_DATA_WRONG if isinstance(told, DataError) else EXIT_TOOL_BROKEN)


def _ended(action: Action) -> int:
    """The exit code of an action that ended."""
    request = json.loads(Path(sys.argv[1]).read_text())
    warm.inherit(request.get("warm"))
    inputs = {name: Path(path) for name, path in request["inputs"].items()}
    out = Path(request["out"])
    try:
        with progress.printed():
            action(inputs, out, request["config"])
    except CandidateFailure as failure:
        failure.reason.write(out / FAILURE_FILE)
        return EXIT_CANDIDATE_FAILED
    return 0
