"""A language model that designs from measured figures, over Anthropic's official SDK.

The key comes from `ANTHROPIC_API_KEY` and goes nowhere but into the request's header: it is taken
out of the environment before anything else starts, and out of everything that comes back, in every
form that `graph.disguises` knows. Whatever else the SDK reads from the environment is taken out
too: where requests go, and with what headers, is up to the contract.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any, Self

from mlforge_tasks.agents._dialogue import Dialogue
from mlforge_tasks.agents._wire import OverdueError, cap_wait, fetch
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph.disguises import SHORTEST, long_enough
from mlforge_tasks.graph.redaction import Redaction, credentials
from mlforge_tasks.verdict.transcript import TRANSCRIPT

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType, TracebackType

    from mlforge_tasks.agents import DesignBrief, Workbench
    from mlforge_tasks.agents._dialogue import Hear
    from mlforge_tasks.architecture import Architecture
    from mlforge_tasks.contract.search import Llm
    from mlforge_tasks.verdict.trial import Trial

KEY_VARIABLE = "ANTHROPIC_API_KEY"
URL_VARIABLE = "ANTHROPIC_BASE_URL"
# Further credentials, more headers, a log of requests with their headers.
SDK_PREFIX = "ANTHROPIC_"
OFFICIAL_URL = "https://api.anthropic.com"
OFFLINE = "`search: {agent: optimizer}` needs neither key nor network"
MESSAGE_LENGTH = 300
HEADER_LENGTH = 100
HINTS = {
    400: "is llm.model right, and does the model take llm.temperature?",
    401: f"is the key in {KEY_VARIABLE} valid? {OFFLINE}",
    403: f"may this key use llm.model? {OFFLINE}",
    404: "is llm.model right, and llm.base_url?",
    413: "the history has become too long for the model: fewer max_iterations",
    429: "the key's rate limit is used up: run again later, finished rounds are kept",
    529: "the API is overloaded: run again later, finished rounds are kept",
}


def _take_key(settings: Llm) -> str:
    """The key, which is no longer in the environment of this process and its children.

    Raises:
        ToolError: There is none, or the environment wants it sent to another server.
    """
    taken = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(SDK_PREFIX)}
    elsewhere = taken.get(URL_VARIABLE, "").rstrip("/")
    if elsewhere not in ("", OFFICIAL_URL) and settings.base_url is None:
        raise ToolError(
            f"{URL_VARIABLE} is set, but the contract says where requests go",
            hint=f"write it into the contract as llm.base_url, or `unset {URL_VARIABLE}`",
        )
    key = taken.get(KEY_VARIABLE, "").strip()
    if not key:
        raise ToolError(
            f"the agent 'anthropic' needs an API key in {KEY_VARIABLE}, which is not set",
            hint=f"export {KEY_VARIABLE}=..., or without one: {OFFLINE}",
        )
    # Else the HTTP library refuses the header, with the key in its message.
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ToolError(
            f"{KEY_VARIABLE} holds characters that no key has",
            hint="copy the key again, without quotes, spaces or line breaks",
        )
    # It could not be told from other text, and so not be taken out of any.
    if not long_enough(key):
        raise ToolError(
            f"{KEY_VARIABLE} has fewer than {SHORTEST} letters and digits: no key is that short",
            hint="copy the key again; for a server of your own that takes any key, make up a "
            "longer one",
        )
    return key


def _sdk() -> ModuleType:
    try:
        import anthropic  # noqa: PLC0415 - heavy, and only this agent needs it
    except ImportError:
        raise ToolError(
            "the agent 'anthropic' needs the package `anthropic`, which is not installed",
            hint=f"`./bootstrap` installs it; or without: {OFFLINE}",
        ) from None
    return anthropic


def _nobody(status: int | None, retry_after: str | None, said: str) -> None:
    """Hears nothing."""


def _milliseconds(headers: Any) -> str | None:
    milliseconds = headers.get("retry-after-ms")
    return None if milliseconds is None else f"{milliseconds} ms"


class Api:
    """The Messages API, through the SDK, which repeats what a server or the network refused.

    Args:
        settings: The model and how long to wait.
        key: The API key.
    """

    def __init__(self, settings: Llm, key: str) -> None:
        self._sdk = _sdk()
        self._redaction = Redaction((key, *credentials(os.environ)))
        self._limit_s = settings.timeout_s
        self._hear: Hear = _nobody
        url = settings.base_url or OFFICIAL_URL
        http = self._http_client(on_this_machine=url.startswith("http:"))
        http.send = functools.partial(self._try_once, http.send)
        self._client = self._sdk.Anthropic(
            api_key=key,
            base_url=url,
            timeout=settings.timeout_s,
            max_retries=settings.retries,
            http_client=http,
        )

    def _http_client(self, *, on_this_machine: bool) -> Any:
        """A client that takes the key to no server but the one that the contract names.

        It follows no redirect, and asks no proxy for a server on this machine: unencrypted, the
        key would lie open to it.

        Raises:
            ToolError: A proxy of the environment is none.
        """
        direct = {"mounts": {"http://": None, "all://": None}, "trust_env": False}
        try:
            return self._sdk.DefaultHttpxClient(
                follow_redirects=False, **(direct if on_this_machine else {})
            )
        except Exception as error:  # noqa: BLE001 - of classes that the SDK does not show
            said = self._redaction.text(f"{type(error).__name__}: {error}")[:MESSAGE_LENGTH]
            raise ToolError(
                f"no connection can be set up: {said}",
                hint="check https_proxy, http_proxy and no_proxy, and SSL_CERT_FILE",
            ) from None

    def _try_once(self, send: Callable[..., Any], request: Any, **options: Any) -> Any:
        """One of the SDK's tries at a request: its answer, or its failure, is heard."""
        try:
            response = fetch(
                send, request, limit_s=self._limit_s, redaction=self._redaction, **options
            )
        except Exception as error:
            self._hear(None, None, self._redaction.text(f"{type(error).__name__}: {error}"))
            raise
        wait = response.headers.get("retry-after") or _milliseconds(response.headers)
        self._hear(int(response.status_code), wait and wait[:HEADER_LENGTH], response.text)
        cap_wait(response.headers, self._limit_s)
        return response

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def send(self, request: dict[str, Any], hear: Hear) -> str:
        """The text of an answer, whatever it is.

        Args:
            request: The body.
            hear: Called with every answer on the way to it, errors included.

        Raises:
            ToolError: There is none, for all patience.
        """
        self._hear = hear
        answer = self._ask(request)
        if isinstance(answer, ToolError):
            raise answer  # from here, where no exception of the SDK's comes along as its context
        return answer

    def _ask(self, request: dict[str, Any]) -> str | ToolError:
        try:
            # Newer SDKs have no argument for settings that only older models take.
            usual = {name: value for name, value in request.items() if name != "temperature"}
            extra = {name: request[name] for name in request if name == "temperature"}
            answer = self._client.messages.with_raw_response.create(**usual, extra_body=extra)
            text: str = answer.http_response.text
        except self._sdk.APIStatusError as error:
            return _status_error(error)
        except self._sdk.APITimeoutError:
            return self._too_late()
        except self._sdk.APIConnectionError as error:
            return self._no_answer(error.__cause__ or error)
        except self._sdk.AnthropicError as error:
            return ToolError(f"the SDK: {self._told(error)}")
        return text

    def _no_answer(self, cause: BaseException) -> ToolError:
        if isinstance(cause, OverdueError):
            return self._too_late()
        if isinstance(cause, ToolError):
            return ToolError(cause.message, hint=cause.hint)
        return ToolError(
            f"the model's server cannot be reached: {self._told(cause)}",
            hint=f"check network and llm.base_url; {OFFLINE}",
        )

    def _too_late(self) -> ToolError:
        return ToolError(
            f"the model did not answer in time: no whole answer within {self._limit_s:g} s",
            hint="raise llm.timeout, or run again later",
        )

    def _told(self, error: BaseException) -> str:
        return self._redaction.text(str(error))[:MESSAGE_LENGTH]


def _status_error(error: Any) -> ToolError:
    status = int(error.status_code)
    said = str(getattr(error, "api_message", None) or error.message)[:MESSAGE_LENGTH]
    hint = HINTS.get(status, "run again later, finished rounds are kept")
    return ToolError(f"the API answered {status}: {said}", hint=hint)


class AnthropicAgent:
    """Asks a model, checks what it says, and keeps all of it."""

    name = "anthropic"

    def propose(
        self, brief: DesignBrief, history: tuple[Trial, ...], count: int, bench: Workbench
    ) -> tuple[Architecture, ...]:
        """See `Agent.propose`."""
        with Api(bench.llm, _take_key(bench.llm)) as api:
            dialogue = Dialogue(brief, history, count, bench, api.send)
            try:
                transcript = dialogue.run()
            except ToolError as error:
                broken = dialogue.transcript(broken=str(error))
                bench.keep(TRANSCRIPT, broken.to_bytes() + b"\n")
                raise
        bench.keep(TRANSCRIPT, transcript.to_bytes() + b"\n")
        if transcript.reason is not None:
            raise CandidateFailure(transcript.reason)
        return transcript.candidates


PLUGIN = AnthropicAgent()
