"""What a language model was told and what it answered, as a file.

`transcript.json` lies beside the proposals of each round and so in the store; `transcripts.json`
beside the report holds those of a whole search, which `replay` reads.
"""

from __future__ import annotations

from typing import Any

from mlforge_tasks.architecture import Architecture, StaticFigures
from mlforge_tasks.records import Measurement, Reason, Record
from mlforge_tasks.verdict.trial import Trial

TRANSCRIPT = "transcript.json"
# Of the price of an input token, for writing to and reading from the prompt cache:
# https://platform.claude.com/docs/en/build-with-claude/prompt-caching
CACHE_WRITE_PRICE, CACHE_READ_PRICE = 1.25, 0.1
MILLION = 1_000_000


class Usage(Record):
    """What a round used.

    Attributes:
        requests: Answers that were paid for.
        input_tokens: Tokens read, but for those of the prompt cache.
        output_tokens: Tokens written.
        cache_write_tokens: Tokens read and put into the prompt cache.
        cache_read_tokens: Tokens that came from there.
    """

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0

    @property
    def tokens(self) -> int:
        """All tokens."""
        read = self.input_tokens + self.cache_write_tokens + self.cache_read_tokens
        return read + self.output_tokens

    def plus(self, other: Usage) -> Usage:
        """The sum of two."""
        pairs = zip(self, other, strict=True)
        return Usage.from_dump({name: one + two for (name, one), (_, two) in pairs})

    def cost_usd(self, input_price: float | None, output_price: float | None) -> float | None:
        """What it cost at these prices per million tokens; None where one is not known."""
        if input_price is None or output_price is None:
            return None
        read = self.input_tokens + CACHE_WRITE_PRICE * self.cache_write_tokens
        read += CACHE_READ_PRICE * self.cache_read_tokens
        return (read * input_price + self.output_tokens * output_price) / MILLION


class Exchange(Record):
    """One request and what became of it; a request that is tried again is another exchange.

    Attributes:
        messages: How many of the transcript's messages the request held.
        status: HTTP status; None where no answer came.
        retry_after: When to try again, as the server said it.
        response: What the server sent, as JSON where it is; without an answer, what went wrong.
    """

    messages: int
    status: int | None
    retry_after: str | None
    response: dict[str, Any] | str


class Probe(Record):
    """A design that the model had measured before it proposed.

    Attributes:
        architecture: The design.
        figures: Its static figures.
        measurements: What it takes on the target, untrained.
        reason: Why it could not be measured, if so.
    """

    architecture: Architecture
    figures: StaticFigures
    measurements: tuple[Measurement, ...]
    reason: Reason | None

    def as_trial(self, iteration: int, index: int) -> Trial:
        """The same as a trial that later rounds learn from, without a verdict.

        Args:
            iteration: In which round it was measured.
            index: Which of the round's probes it was, from 0.
        """
        return Trial(
            id=f"{iteration}.probe{index}",
            architecture=self.architecture,
            figures=self.figures,
            reason=self.reason,
            measurements=self.measurements,
        )


class Transcript(Record):
    """One round: from the question to the proposals, to giving up, or to a broken line.

    Attributes:
        situation: Digest of each thing that the question was made of: brief, data, setup, history.
        request: What all requests have in common: model, settings, system prompt, tools.
        messages: The dialogue; results of tools are in it.
        exchanges: Every request and response, in order.
        probes: What was measured on the way.
        usage: What the answers used.
        cost_usd: What that cost, where the contract has prices.
        candidates: What was proposed in the end.
        reason: Why nothing was, if so.
        broken: Why the talk could not go on; the next run asks again, from the start.
    """

    situation: dict[str, str]
    request: dict[str, Any]
    messages: tuple[dict[str, Any], ...]
    exchanges: tuple[Exchange, ...]
    probes: tuple[Probe, ...]
    usage: Usage
    cost_usd: float | None
    candidates: tuple[Architecture, ...]
    reason: Reason | None
    broken: str | None = None


class Transcripts(Record):
    """A whole search, by the number of the round."""

    rounds: dict[int, Transcript]

    def use(self) -> ModelUse:
        """What all rounds used together."""
        usage = Usage()
        for one in self.rounds.values():
            usage = usage.plus(one.usage)
        costs = [one.cost_usd for one in self.rounds.values()]
        known = [cost for cost in costs if cost is not None]
        total = sum(known) if len(known) == len(costs) else None
        return ModelUse(rounds=len(costs), usage=usage, cost_usd=total)


class ModelUse(Record):
    """What a search asked of its model.

    Attributes:
        rounds: In how many rounds it was asked.
        usage: What they used.
        cost_usd: What that cost, where the contract has prices.
    """

    rounds: int
    usage: Usage
    cost_usd: float | None
