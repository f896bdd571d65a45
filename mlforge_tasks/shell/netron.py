"""`doit netron`: a model file in Netron, for this computer alone, and with nothing sent anywhere.

Netron (MIT) is a page and its scripts, which are served as the package has them, but for two lines
of the page. As it is, version 9 asks ipinfo.io for the user's country, reports what is opened to
Google, and shows nothing but a request to update once it is 180 days old. A policy forbids it all
requests but to this server, and it is told that it is a copy in development, without a date.
"""

from __future__ import annotations

import contextlib
import http.server
import importlib.util
import re
import signal
import sys
import webbrowser
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.shell.live import view
from mlforge_tasks.shell.live.local import LocalServer, Quiet, is_for_us
from mlforge_tasks.verdict.clauses import bounds
from mlforge_tasks.verdict.trials import Trials, ranked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.pipeline.plan import Plan

    # By path: its type, and its content or its file.
    Served = Mapping[str, tuple[str, bytes | Path]]

MODEL = "model.tflite"
TRIALS = "trials.json"
_DATA = f"/data/{MODEL}"
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Cache-Control": "no-store",
    # The page's styles and pictures are within it; what it could send leads nowhere.
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "frame-ancestors 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    # It has been asked whether it may send reports, by which it means that it need not ask again.
    "Set-Cookie": "consent=1; SameSite=Strict",
    "X-Content-Type-Options": "nosniff",
}
# Of `index.html`: the version, which is 0.0.0 of a copy in development, and the date.
_VERSION = re.compile(r'<meta name="version" content="[^"]*" ?/?>')
_DATE = re.compile(r'<meta name="date" content="[^"]*" ?/?>')


@dataclass(frozen=True)
class Shown:
    """A model file.

    Attributes:
        content: It.
        what: Which it is, in words.
    """

    content: bytes
    what: str


@dataclass(frozen=True)
class Asked:
    """What a command line asks for.

    Attributes:
        what: Which model, in words.
        port: Which port; 0 for a free one.
        browser: Whether a browser is to be opened.
        served: See `files`.
    """

    what: str
    port: int
    browser: bool
    served: Served


def _best_first(plan: Plan) -> list[str]:
    """Candidates that are judged, the best first, then what is not judged yet, the latest first."""
    rounds = list(plan.begun())
    judged = [one.judge.folder / TRIALS for one in rounds]
    results = [one for path in judged if path.is_file() for one in Trials.read(path).results]
    best = [one.trial.id for one in ranked(results, bounds(plan.contract))]
    made = [stage.name.partition(":")[2] for one in rounds for stage in one.stages]
    return list(dict.fromkeys((*best, *reversed(made))))


def model_of(plan: Plan) -> Shown:
    """The model that a contract's search delivered, or the best that it made so far.

    Raises:
        MlforgeError: There is none.
    """
    delivered = plan.folder / "delivered" / MODEL
    if delivered.is_file():
        return Shown(delivered.read_bytes(), f"the model that {plan.name} delivered")
    made = {
        stage.name.partition(":")[2]: stage.folder / MODEL
        for iteration in plan.begun()
        for stage in iteration.stages
        if stage.name.startswith("quantise:")
    }
    for name in _best_first(plan):
        if name in made and made[name].is_file():
            return Shown(made[name].read_bytes(), f"candidate {name} of {plan.name}")
    raise MlforgeError(
        f"'{plan.folder}' has no model yet",
        hint="`doit run` with the same contract= and build= makes one",
    )


def _package() -> Path:
    """Where Netron is installed; none of its code is run here.

    Raises:
        MlforgeError: It is not.
    """
    found = importlib.util.find_spec("netron")
    if found is None or found.origin is None:
        raise MlforgeError(
            "`doit netron` needs the extra 'netron'", hint="run `pip install 'mlforge[netron]'`"
        )
    return Path(found.origin).parent


def _page(text: str) -> bytes:
    """Netron's page, told which model to open.

    Raises:
        MlforgeError: It is not the page of any Netron that is known here.
    """
    told = (
        '<meta name="type" content="Python"><meta name="version" content="0.0.0">'
        f'<meta name="file" content="{_DATA}"><meta name="identifier" content="{MODEL}">'
    )
    page, found = _VERSION.subn(told, text)
    if not found:
        raise MlforgeError(
            "this version of Netron has another page than the ones that are known here",
            hint="run `pip install 'netron<10'`",
        )
    return _DATE.sub("", page).encode()


def files(shown: Shown) -> Served:
    """What is served: by path its type, and its content or its file.

    Raises:
        MlforgeError: Netron is not installed, or is another one.
    """
    folder = _package()
    served: dict[str, tuple[str, bytes | Path]] = {
        f"/{path.name}": (_TYPES[path.suffix], path)
        for path in folder.iterdir()
        if path.suffix in _TYPES
    }
    index = folder / "index.html"
    page = _page(index.read_text() if index.is_file() else "")
    return served | {
        "/": (_TYPES[".html"], page),
        "/index.html": (_TYPES[".html"], page),
        _DATA: ("application/octet-stream", shown.content),
    }


class Server(LocalServer):
    """Serves Netron and a model.

    Args:
        served: See `files`.
        port: Which; 0 for a free one.

    Raises:
        MlforgeError: The port cannot be had.
    """

    def __init__(self, served: Served, port: int = 0) -> None:
        self.served = served
        super().__init__(port, _Handler)


class _Handler(Quiet, http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Answers; a page that has another name for this computer gets nothing."""
        if not is_for_us(self.headers, self.server.port):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        found = self.server.served.get(urlsplit(self.path).path)
        if found is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        kind, content = found
        data = content if isinstance(content, bytes) else content.read_bytes()
        self.send_response(HTTPStatus.OK)
        for name, value in (
            {"Content-Type": kind, "Content-Length": str(len(data))} | _HEADERS
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def read(plan: Plan, words: Mapping[str, str]) -> Asked:
    """What is to be shown, before anything is done.

    Args:
        plan: The contract's.
        words: The command line's: `port`, `browser`.

    Raises:
        MlforgeError: There is no model, no Netron, or a word is wrong.
    """
    asked = view.read(words)
    shown = model_of(plan)
    return Asked(shown.what, asked.port, asked.browser, files(shown))


def show(asked: Asked) -> None:
    """Serves the model until Ctrl-C."""
    server = Server(asked.served, asked.port)
    with contextlib.suppress(KeyboardInterrupt):
        with contextlib.suppress(ValueError):  # in a thread, where the program ends as ever
            signal.signal(signal.SIGINT, signal.default_int_handler)
        print(f"Netron shows {asked.what} at {server.url} (Ctrl-C ends it)", flush=True)
        if asked.browser and view.shows_windows() and sys.stdout.isatty():
            webbrowser.open(server.url)
        server.serve_forever()
