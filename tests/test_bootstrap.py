"""Set-up is one command that may be run again at any time."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def bootstrap(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [str(ROOT / "bootstrap"), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def test_an_unknown_argument_is_refused() -> None:
    """It says which argument it does not know, and does nothing."""
    done = bootstrap("--devel")
    assert done.returncode == 2
    assert "unknown argument '--devel'" in done.stderr


@pytest.mark.skipif(
    not (ROOT / ".venv" / ".bootstrap").exists(), reason="this .venv was not made by ./bootstrap"
)
def test_a_second_run_has_nothing_to_do() -> None:
    """Where everything is in place it says so, and changes nothing."""
    stamp = ROOT / ".venv" / ".bootstrap"
    before = stamp.stat().st_mtime_ns
    done = bootstrap("--dev")
    if "up to date" not in done.stdout:
        pytest.skip("the lock file changed since ./bootstrap --dev ran here")
    assert done.returncode == 0
    assert stamp.stat().st_mtime_ns == before


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
