"""The talk with a language model, from the question to valid proposals; no network in here.

A round ends: each answer either proposes, uses up a tool call, or counts as invalid, and all three
are bounded, as are the tokens of the whole search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mlforge_tasks.agents._prompt import question, system_prompt
from mlforge_tasks.agents._situation import situation
from mlforge_tasks.agents._tools import Answer, Toolbox, definitions
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import progress
from mlforge_tasks.graph.redaction import parsed
from mlforge_tasks.records import Reason, canonical_json
from mlforge_tasks.verdict.transcript import Exchange, Transcript, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlforge_tasks.agents import DesignBrief, Workbench
    from mlforge_tasks.architecture import Architecture
    from mlforge_tasks.verdict.trial import Trial

# Status, when to try again, and what was said; see `Exchange`.
Hear: TypeAlias = "Callable[[int | None, str | None, str], None]"
Send: TypeAlias = "Callable[[dict[str, Any], Hear], str]"
OK = 200
EMPTY = {"type": "text", "text": "(no answer)"}
CUT_OFF = "your answer was cut off at its longest; answer shorter"
NO_CALL = "that called no tool; call 'propose' with your designs"
NO_PROPOSAL = "no_proposal"


class _Usage(BaseModel):
    model_config = ConfigDict(extra="ignore")

    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None

    def counted(self) -> Usage:
        return Usage(
            requests=1,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cache_write_tokens=self.cache_creation_input_tokens or 0,
            cache_read_tokens=self.cache_read_input_tokens or 0,
        )


class _Reply(BaseModel):
    """What of an answer is looked at; more may be in it."""

    model_config = ConfigDict(extra="ignore", strict=True)

    type: Literal["message"]
    role: Literal["assistant"]
    content: list[dict[str, Any]]
    stop_reason: str | None = None
    usage: _Usage

    @field_validator("content")
    @classmethod
    def _calls_have_names(cls, content: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for block in content:
            call = block.get("type") == "tool_use"
            if call and not (
                isinstance(block.get("id"), str) and isinstance(block.get("name"), str)
            ):
                raise ValueError("a tool call without id or name")
        return content


def _printable(text: str) -> str:
    return text.encode(errors="replace").decode()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _json(text: str) -> dict[str, Any] | None:
    """A JSON object that can be kept as such; None where the text is none."""
    try:
        found = parsed(text, _refuse_constant)
        canonical_json(found)  # an infinity or half a character cannot be written again
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _read(text: str) -> _Reply | None:
    """An answer as it is understood; None where it is no message."""
    try:
        return _Reply.model_validate(_json(text))
    except ValidationError:
        return None


def _counted(status: int | None, said: dict[str, Any] | None) -> Usage:
    """The tokens that an answer says it took, also where the rest of it is no message."""
    if status != OK or said is None:
        return Usage()
    try:
        return _Usage.model_validate(said.get("usage")).counted()
    except ValidationError:
        return Usage()


class Dialogue:
    """One round.

    Args:
        brief: The task and its limits.
        history: What was judged before.
        wanted: How many designs are wanted.
        bench: Tools and facts.
        send: Sends a request to the Messages API, lets every try be heard, and returns the
            answer's text; raises ToolError where there is none to be had.
    """

    def __init__(
        self,
        brief: DesignBrief,
        history: tuple[Trial, ...],
        wanted: int,
        bench: Workbench,
        send: Send,
    ) -> None:
        settings = bench.llm
        self._settings = settings
        self._used_before = bench.tokens_used
        self._situation = situation(brief, history, bench)
        self._send = send
        self._tools = Toolbox(brief, history, wanted, bench, settings)
        system = system_prompt(brief, bench, settings)
        self._request: dict[str, Any] = {
            "model": settings.model,
            "max_tokens": settings.answer_tokens,
            # The prompt is the same in every request, so it is read from the cache after the first.
            "system": [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}],
            "tools": definitions(wanted, probes=self._tools.probes_left > 0),
        }
        if settings.temperature is not None:
            self._request["temperature"] = settings.temperature
        asked = question(brief, history, wanted, self._tools, bench.probed)
        self._messages: list[dict[str, Any]] = [{"role": "user", "content": asked}]
        self._exchanges: list[Exchange] = []
        self._usage = Usage()
        self._invalid = 0

    def run(self) -> Transcript:
        """Talks until there is a proposal or a reason why there is none.

        Raises:
            ToolError: The API cannot be used.
        """
        try:
            candidates = self._talk()
        except CandidateFailure as failure:
            return self.transcript(reason=failure.reason)
        return self.transcript(candidates)

    def transcript(
        self,
        candidates: tuple[Architecture, ...] = (),
        *,
        reason: Reason | None = None,
        broken: str | None = None,
    ) -> Transcript:
        """What was said so far, and how it ended."""
        settings = self._settings
        return Transcript(
            situation=self._situation,
            request=self._request,
            messages=tuple(self._messages),
            exchanges=tuple(self._exchanges),
            probes=tuple(self._tools.probes),
            usage=self._usage,
            cost_usd=self._usage.cost_usd(settings.input_price, settings.output_price),
            candidates=candidates,
            reason=reason,
            broken=broken,
        )

    def _hear(self, status: int | None, retry_after: str | None, said: str) -> None:
        """Keeps an answer, whatever it is, and counts its tokens."""
        found = _json(said)
        self._exchanges.append(
            Exchange(
                messages=len(self._messages),
                status=status,
                retry_after=retry_after,
                response=_printable(said) if found is None else found,
            )
        )
        self._usage = self._usage.plus(_counted(status, found))
        self._tell("")

    def _tell(self, doing: str) -> None:
        """How far the talk is, and what it waits for."""
        used = self._used_before + self._usage.tokens
        tokens = f"{used:,} of {self._settings.token_budget:,} tokens"
        text = f"{doing}, {tokens}" if doing else tokens
        progress.tell(self._usage.requests, None, "answers", text)

    def _talk(self) -> tuple[Architecture, ...]:
        while True:
            reply = self._ask()
            self._messages.append({"role": "assistant", "content": reply.content or [EMPTY]})
            answers = self._answers(reply)
            for _, answer in answers:
                if answer.proposal:
                    return answer.proposal
            if answers:
                self._messages.append({"role": "user", "content": _results(answers)})
                wrong = [answer.text for _, answer in answers if answer.wrong]
            else:
                complaint = CUT_OFF if reply.stop_reason == "max_tokens" else NO_CALL
                self._messages.append({"role": "user", "content": complaint})
                wrong = [_silence(reply)]
            self._count_invalid(wrong)

    def _ask(self) -> _Reply:
        """One request.

        Raises:
            CandidateFailure: The search has used up its tokens.
            ToolError: The API cannot be used, or answers what is no message.
        """
        if self._used_before + self._usage.tokens >= self._settings.token_budget:
            raise _give_up(
                f"the search's budget of {self._settings.token_budget} tokens is used up "
                f"after {self._usage.requests} answers in this round"
            )
        request = {**self._request, "messages": list(self._messages)}
        self._tell(f"{self._settings.model} is asked")
        for _ in range(self._settings.retries + 1):
            reply = _read(self._send(request, self._hear))
            if reply is not None:
                return reply
        raise ToolError(
            "the model's server does not answer with messages of the Messages API",
            hint="is llm.base_url right? `agent: optimizer` needs no server",
        )

    def _answers(self, reply: _Reply) -> list[tuple[str, Answer]]:
        """The tool calls of a reply and what they came to, up to a proposal that is valid."""
        answers: list[tuple[str, Answer]] = []
        for block in reply.content:
            if block.get("type") != "tool_use":
                continue
            if reply.stop_reason == "max_tokens":
                answer = Answer(CUT_OFF, wrong=True)
            else:
                self._tell(f"tool {block['name'][:40]!r}")
                answer = self._tools.call(block["name"], block.get("input"))
            answers.append((block["id"], answer))
            if answer.proposal:
                break
        return answers

    def _count_invalid(self, wrong: list[str]) -> None:
        if not wrong:
            return
        self._invalid += 1
        if self._invalid > self._settings.attempts:
            raise _give_up(f"{self._invalid} answers were not valid, the last one: {wrong[-1]}")


def _silence(reply: _Reply) -> str:
    if reply.stop_reason == "refusal":
        return "the model refused to answer"
    return CUT_OFF if reply.stop_reason == "max_tokens" else "the answer called no tool"


def _results(answers: list[tuple[str, Answer]]) -> list[dict[str, Any]]:
    return [
        {
            "type": "tool_result",
            "tool_use_id": identity,
            "content": answer.text,
            **({"is_error": True} if answer.wrong else {}),
        }
        for identity, answer in answers
    ]


def _give_up(message: str) -> CandidateFailure:
    return CandidateFailure(Reason(code=NO_PROPOSAL, stage="propose", message=message))
