"""What is served goes to this computer's own pages, and is what was offered, nothing else."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.shell.live.hub import MOST_LISTENERS, MOST_WAITING, Hub, News
from mlforge_tasks.shell.live.server import Server
from mlforge_tasks.shell.live.view import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LONG_S = 60


class Offered:
    """A page and a file."""

    def __init__(self, folder: Path) -> None:
        (folder / "secret.txt").write_text("not offered")
        (folder / "model.tflite").write_bytes(b"TFL3" * 50000)
        (folder / "model.py").write_text("<script>alert(1)</script>")
        (folder / "link").symlink_to(folder / "secret.txt")
        self._folder = folder
        self.trouble = ""
        self.made = True

    def page(self) -> bytes | None:
        """The page, if it is made."""
        if self.trouble:
            raise MlforgeError(self.trouble)
        return b"<!doctype html><title>page</title>" if self.made else None

    def soon(self) -> bytes:
        """What is shown meanwhile."""
        return b"<!doctype html><title>soon</title>"

    def files(self) -> Mapping[str, Path]:
        """What it links to; one has gone, one is a link now."""
        names = {"model.tflite": "model.tflite", "src/model.py": "model.py"}
        odd = {"gone.txt": "gone.txt", "link.txt": "link"}
        return {name: self._folder / at for name, at in {**names, **odd}.items()}


@pytest.fixture(scope="module")
def joined() -> threading.Event:
    """Set when somebody listens."""
    return threading.Event()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, joined: threading.Event) -> Iterator[Server]:
    """A server on a free port."""
    made = Server(0, Offered(tmp_path_factory.mktemp("offered")), Hub(joined.set))
    thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def ask(
    server: Server, path: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[int, bytes, Mapping[str, str]]:
    """What it answers; no path is tidied up on the way."""
    asking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LONG_S)
    host = {"Host": f"127.0.0.1:{server.port}"}
    asking.putrequest(method, path, skip_host=True)
    for name, value in {**host, **(headers or {})}.items():
        asking.putheader(name, value)
    asking.endheaders()
    answer = asking.getresponse()
    said = answer.status, answer.read(), dict(answer.getheaders())
    asking.close()
    return said


def test_the_page_and_its_files_are_served(server: Server) -> None:
    """A text is shown and never run; what is no text is saved; HEAD tells the same without it."""
    status, data, headers = ask(server, "/")
    assert (status, data) == (200, b"<!doctype html><title>page</title>")
    assert headers["Cache-Control"] == "no-store"
    assert ask(server, "/", "HEAD")[:2] == (200, b"")
    status, data, headers = ask(server, "/model.tflite")
    assert (status, data) == (200, b"TFL3" * 50000)
    assert headers["Content-Disposition"] == "attachment"
    assert ask(server, "/model.tflite", "HEAD")[2]["Content-Length"] == "200000"
    status, data, headers = ask(server, "/src%2Fmodel.py?x=1")
    assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        *("/secret.txt", "/../secret.txt", "/src/../secret.txt", "/%2e%2e/secret.txt"),
        *("//etc/passwd", "/etc/passwd", "/model.tflite/", "/model.tflite%00", "/gone.txt"),
        *("/link.txt", "/events/", "/index.html", "/.doit.json", "/\\..\\secret.txt"),
    ],
)
def test_nothing_else_is_there(server: Server, path: str) -> None:
    """Whatever is tried: not in the folder, not above it, not through a link."""
    status, data, _ = ask(server, path)
    assert status == 404
    assert b"not offered" not in data
    assert b"root:" not in data


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.:80", ""])
def test_another_name_is_refused(server: Server, host: str) -> None:
    """A web site may have its name resolve to this computer (DNS rebinding)."""
    for path in ("/", "/model.tflite", "/events"):
        status, data, _ = ask(server, path, headers={"Host": host})
        assert status == 421
        assert b"page" not in data.replace(b"another computer's page", b"")


def test_localhost_is_a_name_of_ours(server: Server) -> None:
    """As a user types it; another site's script is not answered even so."""
    ours = {"Host": f"LOCALHOST:{server.port}"}
    assert ask(server, "/", headers=ours)[0] == 200
    assert ask(server, "/", headers={**ours, "Origin": "http://evil.example"})[0] == 421
    own = {**ours, "Origin": f"http://localhost:{server.port}"}
    assert ask(server, "/", headers=own)[0] == 200


def test_a_page_that_cannot_be_made_is_told(server: Server) -> None:
    """As text, and with a code that says it may be otherwise later."""
    assert isinstance(server.offer, Offered)
    server.offer.trouble = "<b>nothing</b> can be read"
    status, data, headers = ask(server, "/")
    server.offer.trouble = ""
    assert (status, data) == (503, b"503 <b>nothing</b> can be read\n")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"


def test_a_page_that_is_being_made_is_told(server: Server) -> None:
    """With a code that says so, which browsers show like any other."""
    assert isinstance(server.offer, Offered)
    server.offer.made = False
    status, data, headers = ask(server, "/")
    server.offer.made = True
    assert (status, data) == (202, b"<!doctype html><title>soon</title>")
    assert headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "<b>"]
)
def test_nothing_can_be_changed(server: Server, method: str) -> None:
    """GET and HEAD are all there is."""
    status, data, headers = ask(server, "/", method)
    assert (status, data) == (405, b"405 this page can only be looked at\n")
    assert headers["Allow"] == "GET, HEAD"
    assert headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("line", "status"),
    [(b"GET / HTTP/9.0", 505), (b"GET / <b>x</b> HTTP/1.1", 400)],
    ids=["version", "words"],
)
def test_what_is_no_request_is_told_as_text(server: Server, line: bytes, status: int) -> None:
    """Nothing of it is shown as HTML."""
    with socket.create_connection(("127.0.0.1", server.port), LONG_S) as asking:
        asking.sendall(line + b"\r\n\r\n")
        said = asking.makefile("rb").read()
    assert said.startswith(b"HTTP/1.0 %d " % status)
    assert b"Content-Type: text/plain; charset=utf-8\r\n" in said


def test_only_this_computer_can_ask(server: Server) -> None:
    """It listens at the loopback address alone."""
    assert server.server_address[0] == "127.0.0.1"


def test_news_reach_who_listens(server: Server, joined: threading.Event) -> None:
    """As server-sent events, in order."""
    joined.clear()
    asking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LONG_S)
    asking.request("GET", "/events")
    answer = asking.getresponse()
    assert answer.getheader("Content-Type") == "text/event-stream"
    assert joined.wait(LONG_S)
    for number in range(3):
        server.hub.tell(News("page", f"v{number}"))
    told = [answer.readline() for _ in range(9)]
    assert told[:3] == [b"event: page\n", b"data: v0\n", b"\n"]
    assert told[7] == b"data: v2\n"
    asking.close()


def test_who_lags_behind_hears_the_newest() -> None:
    """A tab that sleeps takes no memory for what it missed."""
    hub = Hub(lambda: None)
    with hub.listening() as heard:
        assert heard is not None
        for number in range(3 * MOST_WAITING):
            hub.tell(News("page", str(number)))
        kept = [heard.get_nowait().text for _ in range(MOST_WAITING)]
    assert kept[-1] == str(3 * MOST_WAITING - 1)
    assert hub.listeners == 0


def test_too_many_listeners_are_refused(server: Server) -> None:
    """Each takes a thread."""
    with contextlib.ExitStack() as held:
        for _ in range(MOST_LISTENERS):
            held.enter_context(server.hub.listening())
        assert ask(server, "/events")[0] == 503


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"port": "0"}, "port=0: wanted a port from 1 to 65535"),
        ({"port": "65536"}, "wanted a port from 1"),
        ({"port": "http"}, "wanted a port from 1"),
        ({"port": "-1"}, "wanted a port from 1"),
        ({"port": "٣"}, "wanted a port from 1"),
        ({"browser": "maybe"}, "wanted browser=yes or browser=no"),
    ],
    ids=str,
)
def test_a_wrong_word_is_told(words: dict[str, str], said: str) -> None:
    """Before anything is served."""
    with pytest.raises(MlforgeError, match=said):
        read(words)


def test_a_taken_port_is_told() -> None:
    """With what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(MlforgeError, match=r"port=\d+: address already in use\nThings to try"):
            read({"port": str(other.getsockname()[1])})
