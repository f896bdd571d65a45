"""`doit view`: serves the page of a contract's search, and tells browsers what is new."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.shell.live.hub import Hub, News
from mlforge_tasks.shell.live.local import check_port
from mlforge_tasks.shell.live.pages import Pages
from mlforge_tasks.shell.live.server import Server
from mlforge_tasks.shell.live.today import Today
from mlforge_tasks.shell.live.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlforge_tasks.pipeline.plan import Plan

# News at most as often: what runs, and the page, which a browser then asks for.
LEAST_S, PAGE_LEAST_S = 1.0, 2.0
# A run that was killed changes no file: how long none may change before that is looked at.
SILENT_S = 5.0
# A run beside it comes first.
NICE = 10
LAST_PORT = 65535


@dataclass(frozen=True)
class Asked:
    """What a command line asks for.

    Attributes:
        port: Which port; 0 for a free one.
        browser: Whether a browser is to be opened.
    """

    port: int
    browser: bool


def read(words: Mapping[str, str]) -> Asked:
    """What is asked for, before anything is done.

    Args:
        words: The command line's: `port`, `browser`.

    Raises:
        MlforgeError: One of them is wrong, or the port cannot be had.
    """
    said = words.get("port", "0")
    port = int(said) if said.isascii() and said.isdecimal() and len(said) < 6 else -1
    if not 0 <= port <= LAST_PORT or (port == 0 and "port" in words):
        raise MlforgeError(f"port={said}: wanted a port from 1 to {LAST_PORT}, or no port=")
    browser = words.get("browser", "yes")
    if browser not in {"yes", "no"}:
        raise MlforgeError(f"browser={browser}: wanted browser=yes or browser=no")
    if port:
        check_port(port)
    return Asked(port, browser == "yes")


class Refresher:
    """Hears of changes and tells browsers, no more often than they and the run can stand.

    Args:
        pages: What is served.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._new = threading.Event()
        self._told = ("", 0.0)
        self._trouble = self._told_trouble = ""
        self.hub = Hub(self._new.set)
        self.watcher: Watcher | None = None

    def heard(self, _: Path) -> None:
        """Something changed."""
        self._new.set()

    def follow(self) -> None:
        """Goes on as long as the program."""
        while True:
            waits = self._pages.tells_of_run and self.hub.listeners
            self._new.wait(SILENT_S if waits else None)
            self._new.clear()
            if self.watcher is not None:
                self.watcher.settle()
            # Or not: something was being made anew, which is heard too.
            with contextlib.suppress(OSError, ValueError, KeyError, MlforgeError):
                self._tell_trouble()
                if self.hub.listeners:
                    self._tell()
            time.sleep(LEAST_S)

    def _tell_trouble(self) -> None:
        """Says in the terminal what has become of the contract's file."""
        trouble = self._pages.look()
        if trouble != self._trouble:  # an editor may be in the middle of it: looked at once more
            self._trouble = trouble
            self._new.set()
        elif trouble != self._told_trouble:
            self._told_trouble = trouble
            wrong = f"the contract is wrong now, the page keeps to it as it was:\n{trouble}"
            print(wrong if trouble else "the contract can be read again", flush=True)

    def _tell(self) -> None:
        self.hub.tell(News("now", json.dumps(self._pages.now())))
        version, (told, at) = self._pages.version(), self._told
        if version != told and time.monotonic() < at + PAGE_LEAST_S:
            self._new.set()  # a little later
            return
        if version != told:
            self._told = version, time.monotonic()
        self.hub.tell(News("page", version))


def serve(plan: Plan, path: Path, load: Callable[[], Plan], asked: Asked) -> None:
    """Serves until it is interrupted.

    Args:
        plan: The contract's.
        path: The contract's file.
        load: Reads it anew.
        asked: What the command line asks for.

    Raises:
        MlforgeError: The port cannot be had.
    """
    os.nice(NICE)
    pages = Pages(Today(plan, path, load))
    refresher = Refresher(pages)
    server = Server(asked.port, pages, refresher.hub)
    refresher.watcher = Watcher(plan.folder, (path,), refresher.heard)
    threading.Thread(target=refresher.follow, daemon=True).start()
    print(f"{plan.name}: {server.url} follows the tree '{plan.folder}'; Ctrl-C ends it", flush=True)
    if refresher.watcher.polls:
        print("the system has no file watches left: looked at every few seconds", flush=True)
    if asked.browser and shows_windows():
        webbrowser.open(server.url)
    server.serve_forever()


def shows_windows() -> bool:
    """Whether a browser would be a window, and no program in this terminal."""
    return sys.platform == "darwin" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())
