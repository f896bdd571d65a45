"""A stage runs once per key, restores what it can, and never caches a broken tool."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph.code_version import code_version, modules
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.stage import Outcome, Provenance, Stage, Workspace
from mlforge_tasks.graph.store import Store
from tests.helpers.paths import ROOT

SCALE, PEEK = "tests.helpers.demo_stages.scale", "tests.helpers.demo_stages.peek"
LEAVE = "tests.helpers.demo_stages.leave"


class Tree:
    """A source file and two stages in a row, isolated or not."""

    def __init__(self, folder: Path, *, isolated: bool = False) -> None:
        self.folder = folder
        self.isolated = isolated
        self.lines: list[str] = []
        self.source = folder / "source.txt"
        self.source.write_text("1 2 3")
        self.workspace = Workspace(Store(folder / "store"), lambda _, line: self.lines.append(line))

    def stages(
        self, first: dict[str, Any] | None = None, second: dict[str, Any] | None = None
    ) -> tuple[Stage, Stage]:
        kind = StageKind(SCALE, ("numbers.txt",), isolated=self.isolated)
        a = Stage(
            "a",
            kind,
            self.folder / "a",
            self.workspace,
            {"source": self.source},
            {"factor": 2, **(first or {})},
        )
        b = Stage(
            "b",
            kind,
            self.folder / "b",
            self.workspace,
            {"source": a},
            {"factor": 10, **(second or {})},
        )
        return a, b

    def run(self, *configs: dict[str, Any]) -> tuple[Outcome, Outcome]:
        a, b = self.stages(*configs)
        return a.run(), b.run()


@pytest.fixture(params=[False, True], ids=["in process", "isolated"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    return Tree(tmp_path, isolated=request.param)


@pytest.fixture
def quick(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def hows(outcomes: tuple[Outcome, Outcome]) -> list[str]:
    return [outcome.how for outcome in outcomes]


def test_a_secret_reaches_the_stage_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two equal stages one gets the variable; it is in no key, so both have the same."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test")
    found = []
    for name, secrets in (("told", ("ANTHROPIC_API_KEY", "NOT_SET")), ("untold", ())):
        kind = StageKind(PEEK, ("names.txt",), isolated=True, secrets=secrets)
        stage = Stage(name, kind, tmp_path / name, Workspace(Store(tmp_path / f"{name}-store")))
        found.append((stage.run().key, (stage.folder / "names.txt").read_text()))
    (key, told), (same, untold) = found
    assert (told, untold) == ("ANTHROPIC_API_KEY", "")
    assert key == same


def test_what_a_broken_stage_leaves_is_kept_and_linked(tmp_path: Path) -> None:
    """Nothing of it is a result; the provenance of the run that works out names it, later too."""
    source = tmp_path / "source.txt"
    workspace = Workspace(Store(tmp_path / "store"))
    kind = StageKind(LEAVE, ("done.txt",), isolated=True, kept_when_broken=("said.txt", "no.txt"))
    stage = Stage("leave", kind, tmp_path / "leave", workspace, {"source": source})
    for text in ("broken once", "broken twice"):
        source.write_text(text)
        with pytest.raises(ToolError, match="not this time"):
            stage.run()
    source.write_text("well")
    assert stage.run().how == "built"
    assert sorted(path.name for path in stage.folder.iterdir()) == [
        "done.txt", "manifest.json", "provenance.json", "said.txt",
    ]  # fmt: skip
    for _ in range(2):
        tries = Provenance.read(stage.folder / "provenance.json").broken_tries
        kept = [workspace.store.blob_path(digest).read_text() for digest in tries]
        assert kept == ["broken once", "broken twice"]
        stage.clean()
        assert stage.run().how == "restored"


def test_built_once_then_kept(tree: Tree) -> None:
    """The second run finds both results in place."""
    assert hows(tree.run()) == ["built", "built"]
    assert (tree.folder / "b" / "numbers.txt").read_text() == "20 40 60"
    assert hows(tree.run()) == ["kept", "kept"]


def test_a_deleted_or_edited_output_is_restored(quick: Tree) -> None:
    """Outputs come back from the store byte for byte."""
    quick.run()
    (quick.folder / "a" / "numbers.txt").unlink()
    (quick.folder / "b" / "numbers.txt").write_text("edited")
    a, b = quick.stages()
    assert not a.intact()
    assert not b.intact()
    assert hows(quick.run()) == ["restored", "restored"]
    assert (quick.folder / "b" / "numbers.txt").read_text() == "20 40 60"


def test_an_equal_result_stops_the_rebuild(quick: Tree) -> None:
    """A changed input that leads to the same bytes rebuilds nothing downstream."""
    quick.run()
    quick.source.write_text("1  2  3")
    assert hows(quick.run()) == ["built", "kept"]


def test_only_what_reads_a_field_reruns(quick: Tree) -> None:
    """A field of the second stage leaves the first alone."""
    quick.run()
    assert hows(quick.run({}, {"factor": 11})) == ["kept", "built"]


def test_a_field_set_back_restores(quick: Tree) -> None:
    """Going back to an earlier configuration costs no build."""
    quick.run()
    quick.run({"factor": 3})
    assert hows(quick.run()) == ["restored", "restored"]


def test_an_undeclared_field_is_a_key_error(quick: Tree) -> None:
    """The action sees the declared configuration and nothing else."""
    a, _ = quick.stages()
    bare = Stage("bare", a.kind, quick.folder / "bare", quick.workspace, a.inputs, {})
    with pytest.raises(KeyError, match="factor"):
        bare.run()


def test_a_failed_candidate_is_a_result(tree: Tree) -> None:
    """It is cached with its outputs, and what comes after is skipped with the same reason."""
    first = tree.run({"factor": 900})
    assert hows(first) == ["failed", "skipped"]
    assert first[1].manifest.reason == first[0].manifest.reason
    assert (tree.folder / "a" / "numbers.txt").exists()
    assert not (tree.folder / "a" / "failure.json").exists()
    assert hows(tree.run({"factor": 900})) == ["kept", "kept"]


def test_a_broken_tool_is_never_cached(tree: Tree) -> None:
    """It raises each time, and works once the cause is gone."""
    tree.source.write_text("one")
    for _ in range(2):
        with pytest.raises(ToolError, match="wanted numbers"):
            tree.run()
    assert not (tree.folder / "a" / "manifest.json").exists()
    tree.source.write_text("1")
    assert hows(tree.run()) == ["built", "built"]


def test_leftovers_of_an_earlier_result_go(quick: Tree) -> None:
    """A folder holds the files of one result, never a mixture."""
    quick.run({"impure": True})
    assert (quick.folder / "a" / "log" / "pid.txt").exists()
    quick.run()
    assert not (quick.folder / "a" / "log").exists()
    quick.run({"impure": True})
    assert (quick.folder / "a" / "log" / "pid.txt").exists()


def test_a_missing_output_is_a_broken_stage(quick: Tree) -> None:
    """An action that does not make what it declares is a defect, not a result."""
    kind = StageKind(SCALE, ("numbers.txt", "other.txt"))
    stage = Stage(
        "x", kind, quick.folder / "x", quick.workspace, {"source": quick.source}, {"factor": 1}
    )
    with pytest.raises(ToolError, match=r"did not make other\.txt"):
        stage.run()


def test_progress_lines_arrive(tmp_path: Path) -> None:
    """What an isolated stage prints reaches the progress callback."""
    tree = Tree(tmp_path, isolated=True)
    tree.run()
    assert tree.lines == ["scaling 3 numbers"] * 2


def test_a_stage_is_a_command(tmp_path: Path) -> None:
    """`python -m` with a request file is all a stage's process gets."""
    (tmp_path / "source.txt").write_text("4")
    (tmp_path / "out").mkdir()
    (tmp_path / "request.json").write_text(
        f'{{"inputs": {{"source": "{tmp_path}/source.txt"}}, "out": "{tmp_path}/out",'
        ' "config": {"factor": 5}}'
    )
    argv = [sys.executable, "-m", SCALE, str(tmp_path / "request.json")]
    subprocess.run(argv, check=True, cwd=ROOT, capture_output=True)
    assert (tmp_path / "out" / "numbers.txt").read_text() == "20"


def test_code_version_covers_what_a_stage_imports() -> None:
    """The closure holds direct, indirect and parent modules, and nothing unrelated."""
    found = modules(["mlforge_tasks.stages.screen"])
    assert {"mlforge_tasks.stages", "mlforge_tasks.architecture.graph"} <= found
    assert "mlforge_tasks.runners.qemu" not in found


def test_code_version_covers_resources() -> None:
    """A data file changes the version; a missing one is an error."""
    bare = code_version((SCALE,))
    assert code_version((SCALE,), ("templates",)) != bare
    with pytest.raises(FileNotFoundError, match="no-such-folder"):
        code_version((SCALE,), ("no-such-folder",))


def test_what_runs_every_stage_is_in_every_key(tmp_path: Path) -> None:
    """How an action is run shapes what it makes, whether the stage's module imports it or not."""
    package = tmp_path / "mlforge_tasks"
    shutil.copytree(ROOT / "mlforge_tasks", package, ignore=shutil.ignore_patterns("__pycache__"))
    ask = (
        "from pathlib import Path; from mlforge_tasks.graph.stage import *;"
        "kind = StageKind(module='mlforge_tasks.records');"
        "print(Stage('x', kind, Path(), Workspace(Store(Path()))).key_document()['code'])"
    )

    def code() -> str:
        argv = [sys.executable, "-c", ask]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout

    codes = [code()]
    for name in ("action", "kind", "process", "stage"):
        with (package / "graph" / f"{name}.py").open("a") as source:
            source.write("# edited\n")
        codes.append(code())
    assert len(set(codes)) == len(codes)
