"""The page, its news and the files that it links to, over HTTP to this computer alone.

What is asked for is one of the names that are offered: no path is looked up, and nothing is ever
written.
"""

from __future__ import annotations

import contextlib
import http.server
import mimetypes
import queue
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph.files import open_own
from mlforge_tasks.shell.live.local import LocalServer, Quiet, is_for_us

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

    from mlforge_tasks.shell.live.hub import Hub

PAGE, EVENTS = "/", "/events"
# A browser that has gone is noticed when it is written to.
BEAT_S = 10.0
# One that takes nothing for so long has gone too.
STUCK_S = 30.0
CHUNK_BYTES = 1 << 16
# For all but the page, whose own policy says what it may do: nothing.
_SHUT = "default-src 'none'; sandbox"
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# Shown rather than downloaded: what people read, none of it run.
_SHOWN = {
    **dict.fromkeys((".c", ".h", ".py", ".md", ".txt", ".json", ".map", ".yaml"), "text/plain"),
    ".png": "image/png",
}


class Offer(Protocol):
    """What is served."""

    def page(self) -> bytes | None:
        """The page, as it is now; None where it is still being made.

        Raises:
            MlforgeError: It cannot be made.
        """

    def soon(self) -> bytes:
        """What is shown meanwhile."""

    def files(self) -> Mapping[str, Path]:
        """The files that it links to, by their names in the links."""


class Server(LocalServer):
    """Serves what is offered.

    Args:
        port: Which; 0 for a free one.
        offer: What.
        hub: Where news are from.

    Raises:
        MlforgeError: The port cannot be had.
    """

    def __init__(self, port: int, offer: Offer, hub: Hub) -> None:
        self.offer = offer
        self.hub = hub
        super().__init__(port, _Handler)


class _Handler(Quiet, http.server.BaseHTTPRequestHandler):
    server: Server
    timeout = STUCK_S
    # What is no request is answered with headers too, so that it is text.
    default_request_version = "HTTP/1.0"

    def do_GET(self) -> None:
        """Answers."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Answers without what is asked for."""
        self._answer(body=False)

    def send_error(
        self,
        code: int,
        message: str | None = None,
        explain: str | None = None,  # noqa: ARG002 - the base's
    ) -> None:
        """What the base answers by itself: a request that is none, a method other than these."""
        self.close_connection = True
        status = HTTPStatus(code)
        if status == HTTPStatus.NOT_IMPLEMENTED:
            self._say(HTTPStatus.METHOD_NOT_ALLOWED, "this page can only be looked at", body=True)
        else:
            self._say(status, message or status.phrase, body=True)

    def _answer(self, *, body: bool) -> None:
        if not is_for_us(self.headers, self.server.port):
            self._say(HTTPStatus.MISDIRECTED_REQUEST, "this is another computer's page", body=body)
            return
        path = unquote(urlsplit(self.path).path)
        with contextlib.suppress(ConnectionError, TimeoutError):
            if path == PAGE:
                self._page(body=body)
            elif path == EVENTS:
                self._events(body=body)
            else:
                self._file(path.removeprefix("/"), body=body)

    def _begin(self, status: HTTPStatus, kind: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": kind} | _HEADERS | dict(headers)).items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status: HTTPStatus, data: bytes, kind: str, *, body: bool) -> None:
        self._begin(status, kind, {"Content-Length": str(len(data))})
        if body:
            self.wfile.write(data)

    def _say(self, status: HTTPStatus, text: str, *, body: bool) -> None:
        data = f"{status.value} {text}\n".encode()
        headers = {"Content-Length": str(len(data)), "Content-Security-Policy": _SHUT}
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = "GET, HEAD"  # as RFC 9110, 15.5.6 wants it
        self._begin(status, "text/plain; charset=utf-8", headers)
        if body:
            self.wfile.write(data)

    def _page(self, *, body: bool) -> None:
        offer = self.server.offer
        try:
            page = offer.page()
            found = (HTTPStatus.ACCEPTED, offer.soon()) if page is None else (HTTPStatus.OK, page)
        except MlforgeError as error:
            self._say(HTTPStatus.SERVICE_UNAVAILABLE, str(error), body=body)
            return
        self._send(*found, "text/html; charset=utf-8", body=body)

    def _events(self, *, body: bool) -> None:
        with self.server.hub.listening() as heard:
            if heard is None:
                status = HTTPStatus.SERVICE_UNAVAILABLE
                self._say(status, "too many pages are open", body=body)
                return
            self._begin(HTTPStatus.OK, "text/event-stream", {})
            while body:
                try:
                    news = heard.get(timeout=BEAT_S).to_bytes()
                except queue.Empty:
                    news = b": still here\n\n"
                self.wfile.write(news)
                self.wfile.flush()

    def _file(self, name: str, *, body: bool) -> None:
        path = self.server.offer.files().get(name)
        try:
            file = None if path is None else open_own(path)
        except OSError:
            file = None
        if file is None or path is None:
            self._say(HTTPStatus.NOT_FOUND, "the page links to no such file", body=body)
            return
        with file:
            self._copy(file, path, body=body)

    def _copy(self, file: BinaryIO, path: Path, *, body: bool) -> None:
        size = file.seek(0, 2)
        file.seek(0)
        kind = _SHOWN.get(path.suffix)
        headers = {"Content-Length": str(size), "Content-Security-Policy": _SHUT}
        if kind is None:
            kind = mimetypes.types_map.get(path.suffix, "application/octet-stream")
            headers["Content-Disposition"] = "attachment"
        text = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
        self._begin(HTTPStatus.OK, text, headers)
        while body and size > 0 and (data := file.read(min(size, CHUNK_BYTES))):
            self.wfile.write(data)
            size -= len(data)
