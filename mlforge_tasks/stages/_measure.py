"""Measures a design untrained, for the stages that need to know before anything is trained."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import process, second_try
from mlforge_tasks.records import Measurement, Reason
from mlforge_tasks.stages._child import run_child

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.architecture import Architecture

PROBE_MODULE = "mlforge_tasks.stages._probe"
# A probe takes seconds; this is for a machine under load.
PROBE_TIMEOUT_S = 900.0


def measure(
    inputs: Mapping[str, Path], config: Mapping[str, Any], architecture: Architecture
) -> tuple[Measurement, ...]:
    """What a design takes on the target; as a process, since a converter may crash.

    The module is named, not imported: proposals are what a model said, and they do not become
    stale where code changes that only its measurements went through.

    Args:
        inputs: `dataset`; `without_model`, where the engine may make patches.
        config: What the probe's stages are configured with.
        architecture: The design.

    Raises:
        CandidateFailure: It does not work out, wherever.
        ToolError: A tool broke.
    """
    request = {**config, "architecture": architecture.model_dump(mode="json")}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)

        def attempt() -> Reason | None:
            try:
                _probe(inputs, out, request)
            except CandidateFailure as failure:
                return failure.reason
            return None

        reason = second_try.settled(attempt, (out,))
        if reason is not None:
            raise CandidateFailure(reason)
        document = json.loads((out / "measurements.json").read_bytes())
    return tuple(Measurement.from_dump(one) for one in document["measurements"])


def _probe(inputs: Mapping[str, Path], out: Path, request: Mapping[str, Any]) -> None:
    done = run_child(PROBE_MODULE, inputs, out, request, timeout_s=PROBE_TIMEOUT_S)
    if done.timed_out:
        raise ToolError(
            f"a probe took longer than {PROBE_TIMEOUT_S:g} s",
            hint="fewer processes at a time (-n)",
        )
    if done.returncode != 0:
        raise ToolError(f"a probe ended with {process.signal_name(done.returncode)}\n{done.tail()}")
