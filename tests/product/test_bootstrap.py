"""Set-up is one command that may be run again at any time."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from benchmarks.null_build import stamped_arguments
from tests.helpers.paths import ROOT


def bootstrap(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [str(ROOT / "bootstrap"), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def test_an_unknown_argument_is_refused() -> None:
    """It says which argument it does not know, and does nothing."""
    done = bootstrap("--devel")
    assert done.returncode == 2
    assert "unknown argument '--devel'" in done.stderr


def installed() -> dict[str, int]:
    """When anything was last put into or taken out of the environment, by folder and file."""
    purelib = Path(sysconfig.get_path("purelib"))
    folders = (ROOT / ".venv", Path(sys.executable).parent, purelib)
    found = [path for folder in folders for path in (folder, *folder.iterdir())]
    return {str(path): path.lstat().st_mtime_ns for path in found if path.name != "__pycache__"}


def test_a_second_run_has_nothing_to_do() -> None:
    """Where everything is in place it says so, twice, and changes nothing."""
    arguments = stamped_arguments()
    if arguments is None:
        pytest.skip("this .venv was not made by ./bootstrap, or not from these lock files")
    before = installed()
    for _ in range(2):
        done = bootstrap(*arguments)
        assert (done.returncode, done.stdout) == (0, "bootstrap: up to date\n"), done.stderr
    assert installed() == before


def test_the_lock_files_hold_what_the_project_asks_for() -> None:
    """Every dependency of pyproject.toml is pinned, with hashes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for lock, wanted in (
        ("requirements.lock", project["dependencies"]),
        (
            "requirements-dev.lock",
            [*project["dependencies"], *project["optional-dependencies"]["dev"]],
        ),
    ):
        text = (ROOT / lock).read_text()
        for requirement in wanted:
            name = requirement.split(">")[0].split("=")[0].strip()
            assert f"\n{name}==" in text, f"{name} is not in {lock}"
        assert "--hash=sha256:" in text
