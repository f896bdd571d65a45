"""Does what a page of `docs/add/` says, in a copy of the project.

A page has blocks of code: a file, with its path in the line above; changes of a file, with the path
in their first line (`+++ path`) and parts divided by `@@`; and commands, a line each.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK = re.compile(r"(?:^`([^`\n]+)`:\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COPIED = (
    "mlforge_tasks",
    "templates",
    "zephyr_app",
    "dodo.py",
    "docs/contract.md",
    "pyproject.toml",
)
CONFORMANCE = ("tests/__init__.py", "tests/conftest.py", "tests/agents", "tests/helpers")
TIMEOUT_S = 300


class FailedError(AssertionError):
    """A command of a page ended with an error."""


def project(folder: Path) -> Path:
    """A copy of what the pages change, with `contracts/pump.yaml` and its data."""
    for name in (*COPIED, *CONFORMANCE):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, folder / name)
    for inner in ("contracts", "tests/data", "docs/reference", ".venv/bin"):
        (folder / inner).mkdir(parents=True)
    for name in ("tank.csv", "tank.yaml"):
        shutil.copy(TANK.with_name(name), folder / "tests" / "data")
    shutil.copy(TANK, folder / "contracts" / "pump.yaml")
    for name in ("doit", "pytest", "python"):
        (folder / ".venv" / "bin" / name).symlink_to(Path(sys.executable).parent / name)
    return folder


def follow(folder: Path, *pages: str) -> Mapping[str, str]:
    """Does all that pages say: first what they write and change, then their commands, in order.

    Returns:
        What each command printed.

    Raises:
        FailedError: One of them ended with an error.
    """
    lines: list[str] = []
    for page in pages:
        for place, language, text in BLOCK.findall((ROOT / "docs" / "add" / page).read_text()):
            if place:
                (folder / place).parent.mkdir(parents=True, exist_ok=True)
                (folder / place).write_text(text)
            elif language == "diff":
                change(folder, text)
            elif language == "sh":
                lines += text.splitlines()
    return {line: command(line, folder) for line in lines}


def change(folder: Path, text: str) -> None:
    """Makes the changes of a block; what they replace is there once."""
    first, _, rest = text.partition("\n")
    path = folder / first.removeprefix("+++ ")
    content = path.read_text()
    for part in rest.split("@@\n"):
        lines = part.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        assert content.count(old) == 1, f"{path}:\n{old}"
        content = content.replace(old, new)
    path.write_text(content)


def command(line: str, folder: Path) -> str:
    """What a command prints."""
    done = subprocess.run(
        line.split(),
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", "PYTEST_ADDOPTS": "-n 0 -p no:cacheprovider"},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    if done.returncode:
        raise FailedError(f"{line}\n{done.stdout}{done.stderr}")
    return done.stdout
