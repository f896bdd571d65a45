"""What a run leaves for continuous integration, however it ends."""

from __future__ import annotations

import fcntl
import json
import shutil
from typing import TYPE_CHECKING

import junitparser

from mlforge_tasks.shell.source import Source
from mlforge_tasks.shell.variables import whole_run
from tests.helpers.builds import doit, edited
from tests.helpers.outcomes import properties
from tests.helpers.paths import TANK

if TYPE_CHECKING:
    from pathlib import Path

FILES = {".made_of.json", "junit.xml", "results.sarif", "summary.md", "badge.svg", "badge.json"}


def times(folder: Path) -> dict[str, int]:
    """When each file was written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_a_run_leaves_the_same_files_until_it_ends_otherwise(build: Path) -> None:
    """Of one that has nothing to do they are not written; what was edited or lost comes back."""
    folder = build / "tank" / "ci"
    shutil.rmtree(folder, ignore_errors=True)
    assert doit(build=build).code == 0
    before = times(folder)
    assert before.keys() == FILES
    (suite,) = junitparser.JUnitXml.fromfile(str(folder / "junit.xml"))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (6, 0, 0, 0)
    known = properties((folder / "junit.xml").read_text())
    manifest = json.loads((build / "tank" / "delivered" / "manifest.json").read_bytes())
    assert known["firmware.sha256"] == manifest["outputs"]["firmware.bin"]
    assert "12.2" in known["tool.gcc"]
    assert doit(build=build).executed == 0
    assert times(folder) == before

    text = (folder / "summary.md").read_bytes()
    (folder / "summary.md").write_text("all is well")
    (folder / "junit.xml").unlink()
    assert doit(build=build).executed == 0
    assert (folder / "summary.md").read_bytes() == text
    assert times(folder).keys() == FILES
    assert doit(build=build, command="clean").code == 0
    assert not folder.exists()


def test_a_wrong_contract_leaves_its_mistakes(tmp_path: Path) -> None:
    """Each at its line, though nothing was started; in a repository, by the path from its root."""
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    inside = tmp_path / "repository" / "a folder"
    wrong = edited(TANK, inside, ("flash: 16 KiB", "flash: 16"))
    build = tmp_path / "build"
    run = doit(build=build, contract=wrong)
    assert (run.code, run.out) == (3, "")
    folder = build / "tank" / "ci"
    assert times(folder).keys() == FILES
    (result,) = json.loads((folder / "results.sarif").read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20folder/tank.yaml"
    assert place["region"]["startLine"] == 17
    before = times(folder)
    assert doit(build=build, contract=wrong).code == 3
    assert times(folder) == before
    misfit = edited(TANK, inside, ("engine: aot", "engine: tflm"))
    assert doit(build=build, contract=misfit).code == 3
    (result,) = json.loads((folder / "results.sarif").read_text())["runs"][0]["results"]
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "target.engine"


def test_what_is_no_whole_run_leaves_nothing(tmp_path: Path) -> None:
    """Neither do a contract that is not there, and a tree that another run has."""
    wrong = edited(TANK, tmp_path, ("flash: 16 KiB", "flash: 16"))
    build = tmp_path / "build"
    assert doit("check", build=build, contract=wrong).code == 3
    assert doit(build=build, contract=tmp_path / "none.yaml").code == 3
    assert not build.exists()
    build.mkdir()
    with (build / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert doit(build=build, contract=wrong).code == 3
    assert [path.name for path in build.iterdir()] == [".lock"]


def test_a_run_that_lacks_a_tool_leaves_that(tmp_path: Path) -> None:
    """An error of its own, and no word on the contract, whose clauses are listed all the same."""
    build = tmp_path / "build"
    run = doit(build=build, wrap=("/usr/bin/env", f"PATH={tmp_path}"))
    assert run.code == 3
    (suite,) = junitparser.JUnitXml.fromfile(str(build / "tank" / "ci" / "junit.xml"))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (7, 0, 1, 6)
    (error,) = next(case for case in suite if case.name == "tools").result
    assert error.text.strip() in run.err
    log = json.loads((build / "tank" / "ci" / "results.sarif").read_text())
    assert log["runs"][0]["results"] == []


def test_a_whole_run_is_told_from_others() -> None:
    """By its words; a contract's name is none of a task."""
    for words in ("", "contract=x.yaml", "run", "run -n 2 contract=x.yaml", "run converge -v 0"):
        assert whole_run(words.split()), words
    for words in ("list", "run train:1.0", "check contract=x.yaml", "run -n 2 dataset", "clean"):
        assert not whole_run(words.split()), words


def test_a_contract_is_named_from_its_repository(tmp_path: Path) -> None:
    """Wherever the user is; a file that is elsewhere by its name alone, never by a whole path."""
    (tmp_path / "repository" / "deep" / "contracts").mkdir(parents=True)
    path = tmp_path / "repository" / "deep" / "contracts" / "x.yaml"
    path.write_bytes(b"\xff")
    source = Source.of(path)
    assert source is not None
    assert source.named() == "x.yaml"
    (tmp_path / "repository" / ".git").touch()  # as of a worktree
    assert source.named() == "deep/contracts/x.yaml"
    assert source.named(path.parent / "boards" / "b.yaml") == "deep/contracts/boards/b.yaml"
    assert source.named(tmp_path / "b.yaml") == "b.yaml"
    assert source.places() == {}
    assert Source.of(tmp_path) is None
