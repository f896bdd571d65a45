"""Repeats a search that a language model did, from its transcripts: no key, no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from mlforge_tasks.agents._situation import differences, situation
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.verdict.transcript import TRANSCRIPT, Transcripts

if TYPE_CHECKING:
    from mlforge_tasks.agents import DesignBrief, Workbench
    from mlforge_tasks.architecture import Architecture
    from mlforge_tasks.verdict.trial import Trial

HINT = "`file` has to be the transcripts.json that a finished search has in delivered/"


class Replay:
    """Proposes what was proposed before, and gives up where it was given up."""

    name = "replay"

    def propose(
        self,
        brief: DesignBrief,
        history: tuple[Trial, ...],
        count: int,
        bench: Workbench,
    ) -> tuple[Architecture, ...]:
        """See `Agent.propose`."""
        try:
            rounds = Transcripts.model_validate_json(bench.file or b"").rounds
        except ValidationError as error:
            line = str(error).splitlines()[0]
            raise ToolError(f"the transcripts cannot be read: {line}", hint=HINT) from None
        transcript = rounds.get(bench.iteration)
        if transcript is None:
            last = max(rounds, default=0)
            raise ToolError(
                f"the transcripts end with round {last}, this is round {bench.iteration}",
                hint="the search went on for longer here; give the contract fewer iterations, or "
                "the data, tools and limits that it had",
            )
        changed = differences(situation(brief, history, bench), transcript.situation)
        if changed:
            raise ToolError(
                f"the transcripts' round {bench.iteration} was asked about something else; "
                f"what differs: {'; '.join(changed)}",
                hint="a replay needs the contract, data and tools that the search had; "
                "`fixed` measures one of its designs under others",
            )
        bench.keep(TRANSCRIPT, transcript.to_bytes() + b"\n")
        if transcript.reason is not None:
            raise CandidateFailure(transcript.reason)
        if len(transcript.candidates) != count:
            raise ToolError(
                f"the transcripts hold {len(transcript.candidates)} candidates a round, "
                f"the contract wants {count}",
                hint="set candidates_per_iteration as it was",
            )
        return transcript.candidates


PLUGIN = Replay()
