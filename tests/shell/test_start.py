"""A run reads its files and finds its packages whatever the user's language and folder hold."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlforge_tasks.graph import process, surroundings
from mlforge_tasks.shell import start
from tests.helpers import short
from tests.helpers.builds import DOIT, doit, other_checkout
from tests.helpers.paths import ROOT, TANK

# What is passed on and names no place.
PLACELESS = {
    *("USER", "LOGNAME", "ZEPHYR_TOOLCHAIN_VARIANT", "MLFORGE_PROBE_ID"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return other_checkout(tmp_path_factory.mktemp("elsewhere") / "project")


def test_files_are_utf_8_whatever_the_language(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the console cannot show is '?', and no reason to stop."""
    for name, value in (("LC_ALL", "C"), ("PYTHONUTF8", "0"), ("PYTHONCOERCECLOCALE", "0")):
        monkeypatch.setenv(name, value)
    done = doit(build=checkout / "build", command="list", checkout=checkout)
    assert (done.code, done.err) == (0, "")
    assert "train" in done.out
    assert done.out.isascii()


def test_a_stray_file_is_not_taken_for_a_package(checkout: Path) -> None:
    """Neither where doit runs nor where a stage does."""
    for name in ("yaml", "pydantic", "numpy", "json"):
        (checkout / f"{name}.py").write_text("raise SystemExit('a stray module was imported')\n")
    done = doit("dataset", build=checkout / "build", checkout=checkout)
    assert (done.code, done.err) == (0, "")
    assert done.stages("built") == ["dataset"]


def test_every_variable_that_is_passed_on_names_a_place_or_none() -> None:
    """A new one has to be thought of."""
    placed = start.PLACES | start.LISTS | start.WORDS
    assert not placed & PLACELESS
    assert placed | PLACELESS >= surroundings.PASSED_ON | surroundings.IN_KEY


@pytest.mark.parametrize(
    ("name", "value", "made"),
    [
        ("PATH", "tools:/bin::.:../x", "/here/tools:/bin:/here:/here:/here/../x"),
        ("PATH", "~/bin", "/here/~/bin"),
        ("PATH", "", None),
        ("LD_LIBRARY_PATH", "lib:", "/here/lib:/here"),
        ("MLFORGE_HARDWARE_MAP", "bench/map.yaml", "/here/bench/map.yaml"),
        ("ZEPHYR_BASE", "~/zephyr", str(Path("~/zephyr").expanduser())),
        ("ZEPHYR_BASE", "~no such user/zephyr", "/here/~no such user/zephyr"),
        ("XDG_CACHE_HOME", "/a//b/", "/a//b/"),
        (
            "PIP_FIND_LINKS",
            "wheels  https://example.org/a /b",
            "/here/wheels https://example.org/a /b",
        ),
        ("PIP_INDEX_URL", "https://example.org", None),
        ("USER", "me", None),
    ],
)
def test_a_place_is_the_same_wherever_it_is_read(name: str, value: str, made: str | None) -> None:
    """What is absolute, and what is no place, stays as it is."""
    expected = {} if made is None else {name: made}
    assert start.absolute_places({name: value}, Path("/here")) == expected


def test_what_the_key_names_is_what_a_stage_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative entry of PATH leads a program that works elsewhere to the same tool."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "gcc").write_text("#!/bin/sh\necho mine\n")
    (tmp_path / "tools" / "gcc").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"tools:{os.environ['PATH']}")
    for name, value in start.absolute_places(os.environ, tmp_path).items():
        monkeypatch.setenv(name, value)
    assert shutil.which("gcc") == str(tmp_path / "tools" / "gcc")
    code = "import subprocess; subprocess.run(['gcc'])"
    argv = [sys.executable, "-c", code]
    assert process.check(argv, timeout_s=60, cwd=Path("/")) == "mine\n"


def test_a_place_is_taken_from_where_the_user_is(tmp_path: Path) -> None:
    """The one that doit works in is the project's, whatever folder it was started in."""
    for language in ({}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        done = subprocess.run(
            [DOIT, "-f", os.path.relpath(ROOT / "dodo.py", tmp_path), "doctor", f"contract={TANK}"],
            cwd=tmp_path,
            env={**os.environ, "MLFORGE_HARDWARE_MAP": "map.yaml", **language},
            capture_output=True,
            text=True,
            check=False,
        )
        assert f"none at {tmp_path / 'map.yaml'}" in done.stdout, done.stderr


def test_a_limit_that_python_itself_could_not_keep_is_told(tmp_path: Path) -> None:
    """Between this and what is enough each import fails, or aborts, in a way of its own."""
    done = doit(build=tmp_path, wrap=short.of(**{"as": 40 << 20}))
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("ERROR: memory is limited to 40 MiB, too little")
    assert not any(tmp_path.iterdir())
