"""`doit view` as a user starts it: beside a run, which it follows, until Ctrl-C."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
from typing import TYPE_CHECKING

from tests.helpers.builds import DOIT, doit
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Far above what it takes; only there so that a hang fails the test.
LONG_S = 120


def _news(answer: http.client.HTTPResponse) -> Iterator[tuple[str, str]]:
    """What a server tells, one at a time."""
    kind = ""
    for line in iter(answer.readline, b""):
        name, _, text = line.decode().strip().partition(": ")
        if name == "event":
            kind = text
        elif name == "data":
            yield kind, text


def test_it_follows_a_run_beside_it_and_ends_at_once(tmp_path: Path) -> None:
    """A run starts later, and neither hinders the other; Ctrl-C is 130 and no traceback."""
    build = tmp_path / "build"
    words = [f"contract={TANK}", f"build={build}", "browser=no"]
    with subprocess.Popen(
        [str(DOIT), "view", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as view:
        assert view.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", view.stdout.readline())
        assert found is not None
        asking = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=LONG_S)
        asking.request("GET", "/events")
        news = _news(asking.getresponse())
        assert "Nothing has run yet" in json.loads(next(news)[1])
        first = next(news)
        assert first[0] == "page"
        run = doit("dataset", build=build)
        assert run.stages("built") == ["dataset"]
        assert next(one for one in news if one[0] == "page" and one != first)
        asking.close()
        view.send_signal(signal.SIGINT)
        out, err = view.communicate(timeout=LONG_S)
    assert view.returncode == 130
    assert (out, err.strip()) == ("", "")
    assert not [path.name for path in build.iterdir() if path.name.startswith("view")]


def test_a_taken_port_ends_it_before_it_begins(tmp_path: Path) -> None:
    """One error, exit code 3."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = doit(f"port={port}", "browser=no", build=tmp_path / "build", command="view")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"ERROR: port={port}: address already in use\n")
