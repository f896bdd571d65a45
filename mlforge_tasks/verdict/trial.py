"""One candidate that was judged, as agents see it and as it lies on disk."""

from __future__ import annotations

from mlforge_tasks.architecture import Architecture, StaticFigures
from mlforge_tasks.records import Measurement, Profile, Reason, Record, Verdict


class Trial(Record):
    """One candidate that was judged.

    Attributes:
        id: Names the candidate among all of its search.
        architecture: What was proposed; None for a model file that was brought along, and where
            the agent came up with nothing.
        figures: Its static figures; None where its shapes do not work out.
        reason: Why it failed before it could be measured to the end; None if it did not.
        measurements: All figures found, named as the verdict's clauses name them: `ram_bytes`,
            `flash_bytes`, `latency_us`, `stack_bytes`, the goal's metric. A candidate that was
            refused after its probe has those of the probe.
        verdict: None where it never got to be judged.
        profile: What each of its layers was measured to take; None where that is not known.
        untrained: Where training left channels dead, so that the engine does without them, what the
            network was measured to take with all of them.
    """

    id: str
    architecture: Architecture | None
    figures: StaticFigures | None = None
    reason: Reason | None = None
    measurements: tuple[Measurement, ...] = ()
    verdict: Verdict | None = None
    profile: Profile | None = None
    untrained: tuple[Measurement, ...] = ()

    @property
    def of_its_shapes(self) -> tuple[Measurement, ...]:
        """What it takes whatever its weights, as its probe did: what tells of other networks."""
        whole = {one.metric for one in self.untrained}
        kept = (one for one in self.measurements if one.metric not in whole)
        return (*kept, *self.untrained)
