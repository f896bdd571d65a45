"""What a language model had measured before it proposed, as trials that later rounds learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.verdict.trial import Trial

if TYPE_CHECKING:
    from mlforge_tasks.verdict.transcript import Probe


def as_trial(probe: Probe, iteration: int, index: int) -> Trial:
    """A probe as a trial, without a verdict.

    Args:
        probe: What was measured.
        iteration: In which round.
        index: Which of its probes it was, from 0.
    """
    return Trial(
        id=f"{iteration}.probe{index}",
        architecture=probe.architecture,
        figures=probe.figures,
        reason=probe.reason,
        measurements=probe.measurements,
    )
