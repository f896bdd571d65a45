"""A run that is killed at any moment loses no finished stage and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from mlforge_tasks.graph.files import file_digest
from tests.helpers.builds import DOIT, Cold, digests, doit
from tests.helpers.paths import ROOT, TANK

pytestmark = pytest.mark.slow
KILLS = 20
CONTENDED_KILLS = 8
# From before the graph is loaded; every third to the middle of the longest stage, which the others
# do not come to the end of.
EARLY_KILL_S, LATEST_KILL_S = 3.0, 9.0


def _run_and_kill(build: Path, after_s: float) -> int | None:
    """Starts a run and kills doit alone after a while; its exit code if it ended before that."""
    argv = [str(DOIT), "run", f"contract={TANK}", f"build={build}"]
    with subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            return process.wait(timeout=after_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return None


def _processes_naming(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (OSError, UnicodeDecodeError):
                continue
            if text in command:
                found.append(command)
    return found


def _corrupt_blobs(build: Path) -> list[Path]:
    return [
        path
        for path in (build / "cas").rglob("*")
        if path.is_file() and file_digest(path) != path.name
    ]


def _wipe_outputs(build: Path) -> None:
    shutil.rmtree(build / "tank", ignore_errors=True)


def test_killed_at_random_moments(cold: Cold, tmp_path: Path) -> None:
    """Twenty kills later the run ends as an undisturbed one does, byte for byte."""
    build = tmp_path / "killed"
    moments = random.Random(20)  # noqa: S311 - not for secrets
    made: dict[str, dict[str, str]] = {}
    for number in range(KILLS):
        latest_s = EARLY_KILL_S if number % 3 else LATEST_KILL_S
        ended = _run_and_kill(build, moments.uniform(0.2, latest_s))
        assert ended in {None, 0}
        assert _corrupt_blobs(build) == []
        now = digests(build)
        assert made.items() <= now.items(), "a finished stage was lost"
        if ended == 0:
            # Start over from the store, so that restores are killed too.
            _wipe_outputs(build)
            now = {}
        made = now
    final = doit(build=build)
    assert final.code == 0, final.out + final.err
    assert digests(build) == cold.digests
    assert _processes_naming(str(build)) == []
    assert not list((build / ".scratch").iterdir())


def _contend(build: Path, *words: str) -> subprocess.Popen[str]:
    argv = [str(DOIT), *words, f"contract={TANK}", f"build={build}"]
    return subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def test_two_that_contend_for_a_tree_are_killed(cold: Cold, tmp_path: Path) -> None:
    """Whichever is killed, the other has the whole tree or leaves it alone, whatever it shows."""
    build = tmp_path / "contended"
    shutil.copytree(cold.build, build)
    moments = random.Random(9)  # noqa: S311 - not for secrets
    ways = (("clean",), ("run",), ("run", "--reporter", "console", "-n", "2"))
    for number in range(CONTENDED_KILLS):
        pair = [_contend(build, *ways[(number + i) % len(ways)]) for i in range(2)]
        victim = pair.pop(moments.randrange(2))
        with victim, pair[0] as other:
            with contextlib.suppress(subprocess.TimeoutExpired):
                victim.wait(timeout=moments.uniform(0.2, 3.0))
            victim.kill()
            told = other.communicate()[1]
        assert other.returncode in {0, 3}, told
        assert told.startswith("ERROR: another run") == (other.returncode == 3)
        assert "Traceback" not in told
        assert _corrupt_blobs(build) == []
    final = doit(build=build)
    assert final.code == 0, final.out + final.err
    assert set(final.stages("built")) <= {"deliver:2"}
    assert digests(build) == cold.digests
    assert _processes_naming(str(build)) == []
