"""`doit netron`: the model is shown to this computer, and to nobody else."""

from __future__ import annotations

import contextlib
import http.client
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

pytest.importorskip("netron", reason="the extra 'netron' is not installed")

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.shell import netron, tasks
from tests.helpers.builds import DOIT
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlforge_tasks.pipeline.plan import Plan

MODEL = b"\0\0\0\0TFL3 a model"


@pytest.fixture(scope="module")
def server() -> Iterator[netron.Server]:
    """One that serves a model."""
    made = netron.Server(netron.files(netron.Shown(MODEL, "a model")))
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def _get(url: str, host: str | None = None) -> tuple[int, dict[str, str], bytes]:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc)
    with contextlib.closing(connection):
        connection.request("GET", place.path, headers={"Host": host or place.netloc})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()


def test_the_page_asks_nobody_else(server: netron.Server) -> None:
    """It has no version that would report, no date that would age, and a policy that forbids it."""
    status, headers, page = _get(server.url)
    assert status == 200
    assert headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert "http" not in headers["Content-Security-Policy"]
    assert headers["Set-Cookie"].startswith("consent=")
    assert page.count(b'<meta name="version" content="0.0.0">') == 1
    assert b'name="date"' not in page
    assert b'<meta name="file" content="/data/model.tflite">' in page
    assert _get(f"{server.url}data/model.tflite")[2] == MODEL


def test_its_scripts_are_the_packages(server: netron.Server) -> None:
    """All that the page needs is there, as it is."""
    status, headers, script = _get(f"{server.url}tflite.js")
    assert (status, headers["Content-Type"]) == (200, "text/javascript")
    assert b"ModelFactory" in script


@pytest.mark.parametrize("path", ["../server.py", "server.py", "data/other", "%2e%2e/server.py"])
def test_nothing_else_is_served(server: netron.Server, path: str) -> None:
    """Neither the package's code nor what lies beside the model."""
    assert _get(server.url + path)[0] == 404


def test_another_name_for_this_computer_gets_nothing(server: netron.Server) -> None:
    """A web site may have a name that leads to 127.0.0.1."""
    assert _get(server.url, "evil.example")[0] == 421
    assert _get(server.url, f"localhost:{server.server_address[1]}")[0] == 200


def _plan(folder: Path) -> Plan:
    return tasks.load_plan(str(TANK), str(folder / "build"))


def test_what_is_delivered_comes_first(tmp_path: Path) -> None:
    """Then a candidate; without any there is one error, and nothing is served."""
    plan = _plan(tmp_path)
    with pytest.raises(MlforgeError, match="has no model yet"):
        netron.read(plan, {})
    for name in ("1.0", "2.0"):
        stages = plan.iterations[int(name[0]) - 1].stages
        folder = next(one.folder for one in stages if one.name == f"quantise:{name}")
        folder.mkdir(parents=True)
        (folder / netron.MODEL).write_bytes(name.encode())
        assert netron.model_of(plan) == netron.Shown(name.encode(), f"candidate {name} of tank")
    (plan.folder / "delivered").mkdir()
    (plan.folder / "delivered" / netron.MODEL).write_bytes(MODEL)
    assert netron.model_of(plan) == netron.Shown(MODEL, "the model that tank delivered")
    with pytest.raises(MlforgeError, match="browser=maybe: wanted browser=yes or browser=no"):
        netron.read(plan, {"browser": "maybe"})


def test_another_netron_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose page is not understood is never served as it is; a missing one names its extra."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "netron").mkdir()
    (tmp_path / "netron" / "__init__.py").write_text("")
    (tmp_path / "netron" / "index.html").write_text("<html></html>")
    monkeypatch.delitem(sys.modules, "netron", raising=False)
    with pytest.raises(MlforgeError, match="another page"):
        netron.files(netron.Shown(MODEL, ""))
    monkeypatch.setattr("sys.path", [str(tmp_path / "nothing")])
    with pytest.raises(MlforgeError, match="needs the extra 'netron'"):
        netron.files(netron.Shown(MODEL, ""))


@pytest.mark.slow
def test_ctrl_c_ends_it(tmp_path: Path) -> None:
    """With 0; the address is told, and no browser is opened off a terminal."""
    plan = _plan(tmp_path)
    (plan.folder / "delivered").mkdir(parents=True)
    (plan.folder / "delivered" / netron.MODEL).write_bytes(MODEL)
    argv = [str(DOIT), "netron", f"contract={TANK}", f"build={tmp_path / 'build'}"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        url = line.partition(" at ")[2].partition(" ")[0]
        assert _get(f"{url}data/model.tflite")[2] == MODEL
        running.send_signal(signal.SIGINT)
        assert running.wait() == 0
