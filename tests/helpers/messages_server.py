"""A local server that speaks as much of the Messages API as a test needs, misbehaviour included."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, TypeAlias, cast

Block: TypeAlias = dict[str, Any]
Request: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One response.

    Attributes:
        body: What is sent, as JSON unless it is text or bytes.
        status: HTTP status.
        headers: More headers.
        delay_s: Wait before it.
        cut: Close the connection after half of it.
        drip_s: Wait after each byte, those of the headers included.
        endless: What never ends: `interim` answers, `headers`, or the `body`.
    """

    body: Any = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: bool = False
    drip_s: float = 0.0
    endless: str = ""


# What is repeated for ever, each after what has to come before it.
_ENDLESS = {
    "interim": b"HTTP/1.1 100 Continue\r\n\r\n",
    "headers": b"x-more: and more\r\n",
    "body": b" " * 0x10000,
}


class _Drip:
    """Writes byte by byte."""

    def __init__(self, stream: Any, wait_s: float) -> None:
        self._stream = stream
        self._wait_s = wait_s

    def write(self, data: bytes) -> int:
        for at in range(len(data)):
            self._stream.write(data[at : at + 1])
            time.sleep(self._wait_s)
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


Answerer: TypeAlias = Callable[[Request], Step]


def message(*content: Block, stop: str = "tool_use", tokens: tuple[int, int] = (100, 20)) -> Step:
    """An answer of the model."""
    body = {
        "id": "msg_test",
        "type": "message",
        "role": "assistant",
        "model": "test-model",
        "content": list(content),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": tokens[0], "output_tokens": tokens[1]},
    }
    return Step(body)


def call(name: str, given: Any, identity: str = "toolu_1") -> Block:
    """A tool call."""
    return {"type": "tool_use", "id": identity, "name": name, "input": given}


def error(status: int, kind: str, text: str = "no", **headers: str) -> Step:
    """An error as the API shapes it; it may be tried again at once."""
    body = {"type": "error", "error": {"type": kind, "message": text}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Step(body, status, {"retry-after-ms": "5"} | named)


class MessagesServer:
    """Answers requests one after the other from a script; its last step is repeated.

    Attributes:
        requests: Bodies of all requests.
        keys: The key that came with each.
        headers: All headers of each, names in lower case.
    """

    def __init__(self, *script: Step | Answerer) -> None:
        self.requests: list[Request] = []
        self.keys: list[str] = []
        self.headers: list[dict[str, str]] = []
        self._script = list(script)
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["content-length"])
                outer._answer(self, json.loads(self.rfile.read(size)))

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler, body: Request) -> None:
        with self._lock:
            self.requests.append(body)
            key = handler.headers["authorization"] or handler.headers["x-api-key"] or ""
            self.keys.append(key.removeprefix("Bearer "))
            self.headers.append({name.lower(): text for name, text in handler.headers.items()})
            step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if callable(step):
            step = step(body)
        time.sleep(step.delay_s)
        if step.drip_s:
            handler.wfile = cast("Any", _Drip(handler.wfile, step.drip_s))
        # The client may have stopped waiting.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            _respond(handler, step)
        handler.close_connection = True


def _respond(handler: BaseHTTPRequestHandler, step: Step) -> None:
    text = step.body if isinstance(step.body, (str, bytes)) else json.dumps(step.body)
    data = text.encode() if isinstance(text, str) else text
    while step.endless == "interim":
        handler.wfile.write(_ENDLESS["interim"])
    handler.send_response(step.status)
    handler.send_header("content-type", "application/json")
    if not step.endless:
        handler.send_header("content-length", str(len(data)))
    for name, value in step.headers.items():
        handler.send_header(name, value)
    if step.endless == "headers":
        handler.flush_headers()
    else:
        handler.end_headers()
    while step.endless:
        handler.wfile.write(_ENDLESS[step.endless])
    handler.wfile.write(data[: len(data) // 2] if step.cut else data)
