"""What holds for doit's commands, whatever reporter and options they are given."""

from __future__ import annotations

import fcntl
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.helpers.builds import DOIT, doit
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

CHANGING = (
    ("run",),
    ("run", "--reporter", "console", "-n", "2", "dataset"),
    ("clean", "dataset"),
    ("forget", "--all"),
    ("reset-dep",),
)
READING = (("list", "--status"), ("clean", "--dry-run"))


@pytest.mark.parametrize("words", CHANGING, ids=" ".join)
def test_a_busy_tree_is_left_alone(words: tuple[str, ...], tmp_path: Path) -> None:
    """What would change the tree, or doit's state, ends with 3 and who has it."""
    build = tmp_path / "build"
    build.mkdir()
    with (build / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        run = doit(*words[1:], build=build, command=words[0])
    assert (run.code, run.out) == (3, "")
    assert run.err.startswith("ERROR: another run is using")
    assert not [path for path in build.rglob("*") if path.is_file() and path.name != ".lock"]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_what_only_reads_runs_beside_a_run(words: tuple[str, ...], tmp_path: Path) -> None:
    """Commands that change nothing need no lock, and leave nothing."""
    build = tmp_path / "build"
    build.mkdir()
    with (build / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert doit(*words[1:], build=build, command=words[0]).code == 0
    assert [path.name for path in build.rglob("*")] == [".lock"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "-n", "-1"), "-n: found -1, wanted 0 to 64"),
        (("run", "-n", "100000"), "-n: found 100000, wanted 0 to 64"),
        (("run", "-n", "many"), "many"),
        (("run", "-n", "2", "-P", "process"), "-P thread"),
        (("run", "--db-file", "other.json"), ".doit.json"),
        (("run", f"contract={TANK}"), "found 'contract=' 2 times"),
        (("run", "trian:1.0"), "trian:1.0"),
        (("ignore", "train:1.0"), "a stage cannot be ignored"),
        (("strace", "train:1.0"), "a stage is no shell command"),
        (("info", "trian:1.0"), "'trian:1.0' is not a task; did you mean 'train:1.0'?"),
        (("info", "nosuch"), "'nosuch' is not a task\n"),
        (("info",), "found 0 names of tasks, wanted one"),
        (("dumpdb",), f"tank{os.sep}.doit.json'"),
    ],
    ids=str,
)
def test_what_cannot_be_met_is_refused(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """Options that would end a run with nothing done, and no other code than 0, start none."""
    run = doit(*words[1:], build=tmp_path / "build", command=words[0])
    assert (run.code, run.out) == (3, "")
    assert said in run.err
    assert "Traceback" not in run.err
    assert not list(tmp_path.rglob("manifest.json"))


def test_a_task_is_told_of(tmp_path: Path) -> None:
    """What doit knows of it; 1 is doit's own for what a run would make."""
    run = doit("train:1.0", build=tmp_path / "build", command="info")
    assert (run.code, run.err) == (1, "")
    assert "train:1.0" in run.out
    assert not (tmp_path / "build").exists()


def test_a_tree_that_cannot_be_locked_is_told(tmp_path: Path) -> None:
    """One message that names what is in the way; nothing is started or waited for."""
    build = tmp_path / "build"
    build.mkdir()
    os.mkfifo(build / ".lock")
    run = doit(build=build)
    assert (run.code, run.out) == (3, "")
    assert f"'{build}': cannot lock '.lock': it is no plain file\nThings to try" in run.err
    assert list(build.iterdir()) == [build / ".lock"]


def test_what_lies_where_outputs_go_makes_room(tmp_path: Path) -> None:
    """A link in the place of the contract's folder is not followed: what it leads to stays."""
    build, other = tmp_path / "build", tmp_path / "other"
    build.mkdir()
    other.mkdir()
    (build / "tank").symlink_to(other)
    assert doit("--all", build=build, command="forget").code == 0
    assert list(other.iterdir()) == []
    assert (build / "tank").is_dir()
    assert not (build / "tank").is_symlink()


def test_a_run_of_what_is_beside_the_tree_needs_none(tmp_path: Path) -> None:
    """`doit doctor` runs beside a run, and writes nothing into a tree."""
    argv = [str(DOIT), "doctor", f"contract={TANK}", f"build={tmp_path / 'build'}"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "arm-none-eabi-gcc" in done.stdout
    assert list(tmp_path.iterdir()) == []
