"""The stages of the pipeline, one module each, each runnable as `python -m` with a request file.

To add one: write a module with `run(inputs, out, config)` that ends with
`if __name__ == "__main__": main(run)`; declare it in `pipeline/plan.py` with its inputs, outputs and
the contract fields it may read; add a test that runs it on a small input.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import (
    EXIT_CANDIDATE_FAILED,
    EXIT_TOOL_BROKEN,
    FAILURE_FILE,
    CandidateFailure,
    MlforgeError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Action = Callable[[Mapping[str, Path], Path, Mapping[str, Any]], None]


def main(action: Action) -> None:
    """Runs a stage's action as a process: `python -m mlforge_tasks.stages.NAME REQUEST.json`.

    The request holds `inputs` (name to folder), `out` (folder) and `config`. A candidate's failure
    is written to `out/failure.json` and ends with exit code 3; a broken tool ends with 2 and its
    message on stderr.
    """
    request = json.loads(Path(sys.argv[1]).read_text())
    inputs = {name: Path(path) for name, path in request["inputs"].items()}
    out = Path(request["out"])
    try:
        action(inputs, out, request["config"])
    except CandidateFailure as failure:
        failure.reason.write(out / FAILURE_FILE)
        sys.exit(EXIT_CANDIDATE_FAILED)
    except MlforgeError as error:
        print(error, file=sys.stderr)
        sys.exit(EXIT_TOOL_BROKEN)
