"""Runs a stage's action in its sandbox: here, or in a process of its own."""

from __future__ import annotations

import importlib
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import (
    EXIT_CANDIDATE_FAILED,
    FAILURE_FILE,
    CandidateFailure,
    ToolError,
)
from mlforge_tasks.graph import process
from mlforge_tasks.graph.code_version import PROJECT_ROOT
from mlforge_tasks.records import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlforge_tasks.graph.kind import StageKind

STAGE_TIMEOUT_S = 6 * 3600.0
# A stage's process must not depend on the user's locale, hash seed or GPU.
STAGE_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONPATH": str(PROJECT_ROOT),
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # Compiling TensorFlow's 2,700 modules anew at each import takes twice as long as the import.
    "PYTHONDONTWRITEBYTECODE": "",
}


@dataclass(frozen=True)
class Action:
    """One call of a stage's `run`.

    Attributes:
        stage: The stage's name, for messages.
        kind: What it does.
        inputs: Folder or file of each input.
        config: The only configuration it receives.
    """

    stage: str
    kind: StageKind
    inputs: Mapping[str, Path]
    config: Mapping[str, Any]

    def run(
        self, out: Path, request: Path, on_line: Callable[[str], None] | None = None
    ) -> Reason | None:
        """Runs it; the reason where the candidate failed.

        Args:
            out: The folder for its outputs.
            request: Where the request to its process is written, if it gets one.
            on_line: Called with each line that its process prints.

        Raises:
            ToolError: The action broke.
        """
        if self.kind.isolated:
            return self._run_isolated(out, request, on_line)
        action = importlib.import_module(self.kind.module).run
        try:
            action(self.inputs, out, dict(self.config))
        except CandidateFailure as failure:
            return failure.reason
        return None

    def _run_isolated(
        self, out: Path, request: Path, on_line: Callable[[str], None] | None
    ) -> Reason | None:
        body = {
            "inputs": {name: str(path.resolve()) for name, path in self.inputs.items()},
            "out": str(out.resolve()),
            "config": dict(self.config),
        }
        request.write_text(json.dumps(body))
        secrets = {name: os.environ[name] for name in self.kind.secrets if name in os.environ}
        done = process.run(
            [sys.executable, "-m", self.kind.module, str(request.resolve())],
            timeout_s=STAGE_TIMEOUT_S,
            env=STAGE_ENVIRONMENT | secrets,
            on_line=on_line,
        )
        failure = out / FAILURE_FILE
        if done.returncode == EXIT_CANDIDATE_FAILED and failure.exists():
            reason = Reason.read(failure)
            failure.unlink()
            return reason
        if done.returncode != 0:
            raise ToolError(f"stage '{self.stage}' ended with {done.returncode}\n{done.tail()}")
        return None
