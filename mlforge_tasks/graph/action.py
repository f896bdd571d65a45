"""Runs a stage's action in its sandbox: here, or in a process of its own."""

from __future__ import annotations

import importlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import (
    EXIT_CANDIDATE_FAILED,
    FAILURE_FILE,
    CandidateFailure,
    ToolError,
)
from mlforge_tasks.graph import progress, second_try, warm
from mlforge_tasks.graph.redaction import Redaction, credentials
from mlforge_tasks.records import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlforge_tasks.graph.kind import StageKind
    from mlforge_tasks.graph.warm import Warm

REMOVED_HINT = "run again, and remove a build tree only while no run uses it"
STAGE_TIMEOUT_S = 6 * 3600.0


@dataclass(frozen=True)
class Action:
    """One call of a stage's `run`.

    Attributes:
        stage: The stage's name, for messages.
        kind: What it does.
        inputs: Folder or file of each input.
        config: The only configuration it receives.
        warm: What its process may be forked from.
    """

    stage: str
    kind: StageKind
    inputs: Mapping[str, Path]
    config: Mapping[str, Any]
    warm: Warm | None = None

    def run(
        self, out: Path, request: Path, on_line: Callable[[str], None] | None = None
    ) -> Reason | None:
        """Runs it; the reason where the candidate failed, and where that is beyond doubt.

        Args:
            out: The folder for its outputs, empty.
            request: Where the request to its process is written, if it gets one.
            on_line: Called with each line that its process prints.

        Raises:
            ToolError: The action broke.
        """

        def attempt() -> Reason | None:
            if any(out.iterdir()):
                shutil.rmtree(out)
                out.mkdir()
            return self._attempt(out, request, on_line)

        try:
            reason = second_try.settled(attempt, (out,))
        except (OSError, ToolError) as error:
            self._check_there(out, error)
            raise
        self._check_there(out)
        return reason

    def _check_there(self, out: Path, met: Exception | None = None) -> None:
        """Says why something is missing: somebody removed it, the whole tree for instance.

        Args:
            out: The folder for its outputs.
            met: What it ended with.

        Raises:
            ToolError: Something is.
        """
        for place in (out, *self.inputs.values()):
            if not place.exists():
                places = (*reversed(place.parents), place)
                gone = next(one for one in places if not one.exists())
                raise ToolError(
                    f"stage '{self.stage}': '{gone}' was removed while it ran", hint=REMOVED_HINT
                ) from met

    def _attempt(
        self, out: Path, request: Path, on_line: Callable[[str], None] | None
    ) -> Reason | None:
        if self.kind.isolated:
            return self._run_isolated(out, request, on_line)
        action = importlib.import_module(self.kind.module).run
        try:
            with progress.heard(on_line):
                action(self.inputs, out, dict(self.config))
        except CandidateFailure as failure:
            return failure.reason
        return None

    def _run_isolated(
        self, out: Path, request: Path, on_line: Callable[[str], None] | None
    ) -> Reason | None:
        asking = self.warm.asking() if self.warm is not None else None
        request.write_text(warm.request(self.inputs, out, self.config, asking))
        secrets = {name: os.environ[name] for name in self.kind.secrets if name in os.environ}
        redaction = Redaction(credentials({**os.environ, **secrets}, secrets) if secrets else ())
        hear = on_line and (lambda line: on_line(redaction.text(line)))
        done = warm.run(
            self.kind.module,
            request,
            timeout_s=STAGE_TIMEOUT_S,
            secrets=secrets,
            on_line=hear,
            asking=asking,
            # What has a secret shares no process with what has not.
            forked=bool(self.warm and self.warm.ready()) and not secrets,
        )
        # Its own code hides what it was given; nothing that it missed gets past here.
        redaction.files(out)
        failure = out / FAILURE_FILE
        if done.returncode == EXIT_CANDIDATE_FAILED and failure.exists():
            reason = Reason.read(failure)
            failure.unlink()
            return reason
        if done.timed_out:
            limit = f"{STAGE_TIMEOUT_S:g} s"
            raise ToolError(
                f"stage '{self.stage}' took more than {limit}\n{redaction.text(done.tail())}",
                log=redaction.text(done.log()),
            )
        if done.returncode != 0:
            ending = redaction.text(done.ending(f"stage '{self.stage}'"))
            raise done.kind_of_error()(ending, log=redaction.text(done.log()))
        return None
