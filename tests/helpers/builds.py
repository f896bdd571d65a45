"""Runs of the real pipeline for the end-to-end tests."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from collections.abc import Sequence

DOIT = Path(sys.executable).parent / "doit"
# Far above what a run takes; only there so that a hang fails the test.
TIMEOUT_S = 900
STORE = {"ac", "cas"}


@dataclass(frozen=True)
class Run:
    """How a `doit` command ended."""

    code: int
    out: str
    err: str

    @property
    def executed(self) -> int:
        """How many tasks it says it executed."""
        if "nothing was to do" in self.out:
            return 0
        found = re.search(r"^(\d+) tasks? executed$", self.out, re.MULTILINE)
        assert found is not None, self.out + self.err
        return int(found[1])

    def stages(self, how: str) -> list[str]:
        """Names of the stages that ended in one way (`built`, `restored`, `kept`, `failed`)."""
        return re.findall(rf"^  (\S+)\s+{how}\s", self.out, re.MULTILINE)


def doit(
    *words: str,
    build: Path,
    contract: Path = TANK,
    command: str = "run",
    checkout: Path = ROOT,
    wrap: Sequence[str] = (),
) -> Run:
    """Runs doit as a user does, in the project's folder or another checkout of it.

    `wrap` is put before the command.
    """
    argv = [*wrap, str(DOIT), command, *words, f"contract={contract}", f"build={build}"]
    done = subprocess.run(
        argv,
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
        env=os.environ | {"COLUMNS": "200"},
    )
    return Run(done.returncode, done.stdout, done.stderr)


def digests(build: Path) -> dict[str, dict[str, str]]:
    """Output digests of every stage below a build folder, by the stage's path."""
    return {
        path.parent.relative_to(build).as_posix(): json.loads(path.read_bytes())["outputs"]
        for path in sorted(build.rglob("manifest.json"))
    }


def flip_bit(path: Path, choice: random.Random) -> None:
    """Changes one bit of a file, as a disk may; an empty one stays as it is."""
    data = bytearray(path.read_bytes())
    if data:
        bit = choice.randrange(8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        path.chmod(0o644)
        path.write_bytes(data)


def other_checkout(folder: Path) -> Path:
    """A copy of the project at another place, without its history, environment and builds."""
    left_out = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, folder, ignore=left_out)
    return folder


def wipe_all_but_the_store(build: Path) -> None:
    """What a clean checkout has that kept the store alone."""
    for path in build.iterdir():
        if path.name not in STORE:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def edited(contract: Path, folder: Path, *changes: tuple[str, str]) -> Path:
    """A copy of a contract, of the same name, with some texts replaced."""
    text = contract.read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / contract.name
    path.write_text(text)
    return path


class Cold:
    """The first run of the tank contract in an empty build tree.

    Args:
        folder: What all processes of one test run share. The first to ask for it makes the run, and
            the others wait. Nobody changes it: `build` of tests/conftest.py is a copy.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.build = folder / "build"
        ended = folder / "run.json"
        with (folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not ended.exists():
                ended.write_text(json.dumps(asdict(doit(build=self.build))))
        self.run = Run(**json.loads(ended.read_text()))
        self.digests = digests(self.build)
