"""What a language model was told and what it answered, as a file.

`transcript.json` lies beside the proposals of each round and so in the store; `transcripts.json`
beside the report holds those of a whole search, which `replay` reads.
"""

from __future__ import annotations

from typing import Any

from mlforge_tasks.architecture import Architecture
from mlforge_tasks.records import Reason, Record

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
    """One request and its answer.

    Attributes:
        messages: How many of the transcript's messages the request held.
        response: The answer, as the server sent it.
    """

    messages: int
    response: dict[str, Any]


class Transcript(Record):
    """One round: from the question to the proposals, or to giving up.

    Attributes:
        request: What all requests have in common: model, settings, system prompt, tools.
        messages: The dialogue; results of tools are in it.
        exchanges: Every request and response, in order.
        usage: What they used.
        cost_usd: What that cost, where the contract has prices.
        candidates: What was proposed in the end.
        reason: Why nothing was, if so.
    """

    request: dict[str, Any]
    messages: tuple[dict[str, Any], ...]
    exchanges: tuple[Exchange, ...]
    usage: Usage
    cost_usd: float | None
    candidates: tuple[Architecture, ...]
    reason: Reason | None


class Transcripts(Record):
    """A whole search, by the number of the round."""

    rounds: dict[int, Transcript]
