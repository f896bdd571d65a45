"""What serves this computer alone.

A web site that the user has open could have the browser ask here too, under a name of its own that
it lets resolve to 127.0.0.1. So a request has to name this computer as its host.
"""

from __future__ import annotations

import http.server
import socket
import sys
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from email.message import Message

ADDRESS = "127.0.0.1"
NAMES = (ADDRESS, "localhost")


class LocalServer(http.server.ThreadingHTTPServer):
    """Serves on this computer alone.

    Args:
        port: Which; 0 for a free one.
        handler: What answers.

    Raises:
        MlforgeError: The port cannot be had.
    """

    daemon_threads = True
    # One that was just given up can be had again at once (the standard library's own choice).
    allow_reuse_address = True

    def __init__(self, port: int, handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        try:
            super().__init__((ADDRESS, port), handler)
        except OSError as error:
            raise _taken(port, error) from None

    @property
    def port(self) -> int:
        """The port that it has."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{ADDRESS}:{self.port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes in the middle of an answer is no news; a mistake of ours is."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Quiet:
    """For a handler: no word on the console, and none of what it is made of."""

    server_version = "mlforge"
    sys_version = ""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Nothing: the console belongs to the user."""


def check_port(port: int) -> None:
    """Sees whether a port can be had.

    Raises:
        MlforgeError: It cannot.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
            probe.listen(1)
        except OSError as error:
            raise _taken(port, error) from None


def is_for_us(headers: Message, port: int) -> bool:
    """Whether a browser asks for this computer by a name of ours, and from a page of ours.

    Args:
        headers: Of its request.
        port: That it was sent to.
    """
    ours = {f"{name}:{port}" for name in NAMES}
    origin = headers.get("Origin")
    hosts = headers.get_all("Host", [])
    known = len(hosts) == 1 and hosts[0].lower() in ours
    return known and (origin is None or origin.removeprefix("http://") in ours)


def _taken(port: int, error: OSError) -> MlforgeError:
    return MlforgeError(
        f"port={port}: {(error.strerror or str(error)).lower()}",
        hint="another port=…, or none: a free one is taken then",
    )
