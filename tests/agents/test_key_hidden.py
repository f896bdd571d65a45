"""The key in every disguise, at every place of an answer: it is kept and told nowhere."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlforge_tasks.agents import Workbench
from mlforge_tasks.agents.anthropic import PLUGIN
from mlforge_tasks.contract.search import Search
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph.redaction import HIDDEN
from tests.helpers.disguise import disguised, nested, shows
from tests.helpers.made_up_device import make_brief
from tests.helpers.messages_server import (
    MessagesServer,
    Request,
    Step,
    call,
    error,
    message,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "sk-ant-api03-Ab0_Cd1-Ef2xYz"
DESIGN = {"layers": [{"kind": "flatten"}, {"kind": "dense", "units": 8}]}
DONE = message(call("propose", {"architectures": [DESIGN]}))
HALF = len(KEY) // 2
QUOTE = '"'


def _events(text: str) -> Step:
    """A stream that was not asked for, with the text in chunks."""
    chunks = [text[at : at + 5] for at in range(0, len(text), 5)]
    events = [json.dumps({"type": "content_block_delta", "delta": {"text": c}}) for c in chunks]
    return Step("".join(f"event: x\ndata: {event}\n\n" for event in events))


PLACES: dict[str, Callable[[str], Step]] = {
    "text": lambda text: message({"type": "text", "text": text}),
    "two blocks": lambda text: message(
        {"type": "text", "text": text[:HALF]}, {"type": "text", "text": text[HALF:]}
    ),
    "thinking": lambda text: message({"type": "thinking", "thinking": text, "signature": "s"}),
    "tool": lambda text: message(call(text, {})),
    "input": lambda text: message(call("estimate", {"architecture": {"layers": [{"kind": text}]}})),
    "field": lambda text: message(call("propose", {"architectures": [{text: 1}]})),
    "identity": lambda text: message(call("history", {}, text)),
    "error": lambda text: error(400, "invalid_request_error", f"not valid: {text}"),
    "busy": lambda text: error(529, text, text),
    "page": lambda text: Step(f"<html>{text}</html>"),
    "stream": _events,
    "raw JSON": lambda text: Step(f'{{"type": "text", "text": "{text.replace(QUOTE, "")}"}}'),
    "other message": lambda text: Step({"type": "message", "content": {text: text}}),
    "header": lambda text: Step(
        "", 429, {"retry-after": " ".join(text.encode("ascii", "ignore").decode().split())}
    ),
}


@pytest.fixture(scope="module")
def answers() -> Iterator[tuple[MessagesServer, list[Step]]]:
    """A server that gives what is in a list, then a proposal."""
    script: list[Step] = []

    def answer(_: Request) -> Step:
        return script.pop(0) if script else DONE

    with MessagesServer(answer) as server:
        yield server, script


def _round(url: str, kept: dict[str, bytes]) -> str:
    """One round; what was told of it."""
    llm = {"model": "m", "base_url": url, "retries": 1, "attempts": 1, "timeout_s": 20.0}
    search = Search.from_dump({"agent": "anthropic", "max_iterations": 8, "llm": llm})
    try:
        return str(
            PLUGIN.propose(make_brief(), (), 1, Workbench(search=search, keep=kept.__setitem__))
        )
    except (CandidateFailure, ToolError) as failure:
        return f"{failure} {failure.__cause__} {failure.__context__}"


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), place=st.sampled_from(sorted(PLACES)), times=st.integers(0, 2))
def test_a_key_that_comes_back_is_kept_nowhere(
    answers: tuple[MessagesServer, list[Step]],
    capsys: pytest.CaptureFixture[str],
    **drawn: Any,
) -> None:
    """Not in the transcript, the error, the lines printed, or what the model is sent next."""
    server, script = answers
    text = nested(drawn["data"].draw(disguised(KEY)), drawn["times"])
    script[:] = [PLACES[drawn["place"]](text)]
    server.requests.clear()
    kept: dict[str, bytes] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", lambda _: None)
        patch.setitem(os.environ, "ANTHROPIC_API_KEY", KEY)
        told = _round(server.url, kept)
    (kept_bytes,) = kept.values()
    transcript = json.loads(kept_bytes)
    transcript.pop("request")  # ours, and long
    assert len(transcript["exchanges"]) == len(server.requests)
    assert HIDDEN in json.dumps(transcript["exchanges"])
    assert KEY.encode() not in kept_bytes
    printed = "".join(capsys.readouterr())
    sent = json.dumps([one["messages"] for one in server.requests])
    said = (told, printed, sent, json.dumps(transcript), *_strings(transcript))
    assert not [one for one in said if shows(one, KEY)]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        with contextlib.suppress(ValueError):
            inner = json.loads(value)
            yield from () if isinstance(inner, str) and inner == value else _strings(inner)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
