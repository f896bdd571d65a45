"""A stage runs once per key, restores what it can, and never caches a broken tool."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph.action import REMOVED_HINT
from mlforge_tasks.graph.code_version import code_version, modules
from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.manifest import Provenance
from mlforge_tasks.graph.redaction import HIDDEN
from mlforge_tasks.graph.stage import Outcome, Stage, Workspace
from mlforge_tasks.graph.store import Store
from tests.helpers.disguise import shows
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

SCALE, PEEK = "tests.helpers.demo_stages.scale", "tests.helpers.demo_stages.peek"
LEAVE, EDIT = "tests.helpers.demo_stages.leave", "tests.helpers.demo_stages.edit"
REMOVE = "tests.helpers.demo_stages.remove"
FILES = "tests.helpers.demo_stages.files"
BLAB = "tests.helpers.demo_stages.blab"


class Listener:
    """Who looks on."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.events: list[str] = []

    def begins(self, stage: str) -> None:
        self.events.append(f"{stage} begins")

    def says(self, _: str, line: str) -> None:
        self.lines.append(line)

    def acted(self, stage: str) -> None:
        self.events.append(f"{stage} acted")


class Tree:
    """A source file and two stages in a row, isolated or not."""

    def __init__(self, folder: Path, *, isolated: bool = False) -> None:
        self.folder = folder
        self.isolated = isolated
        self.listener = Listener()
        self.lines = self.listener.lines
        self.source = folder / "source.txt"
        self.source.write_text("1 2 3")
        self.workspace = Workspace(Store(folder / "store"), self.listener)

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


def test_who_looks_on_hears_of_actions_alone(tree: Tree) -> None:
    """What comes back from the store begins nothing; what breaks has acted, too."""
    tree.run()
    made = ["a begins", "a acted", "b begins", "b acted"]
    assert tree.listener.events == made
    tree.run()
    shutil.rmtree(tree.folder / "a")
    tree.run()
    assert tree.listener.events == made
    tree.source.write_text("no number")
    with pytest.raises(ToolError):
        tree.run()
    assert tree.listener.events == [*made, "a begins", "a acted"]


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


@pytest.mark.parametrize("end", ["well", "broken", "failed", "crashed"])
def test_a_secret_stays_in_its_stage(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the stage's own code lets through is in no output, line, error or reason."""
    secret = "sk-ant-test-0123456789"  # noqa: S105 - made up
    monkeypatch.setenv("ANTHROPIC_API_KEY", secret)
    listener = Listener()
    lines = listener.lines
    workspace = Workspace(Store(tmp_path / "store"), listener)
    kind = StageKind(
        BLAB,
        ("said.json",),
        isolated=True,
        secrets=("ANTHROPIC_API_KEY",),
        kept_when_broken=("said.json",),
    )
    config = {"secret": "ANTHROPIC_API_KEY", "end": end}
    stage = Stage("blab", kind, tmp_path / "blab", workspace, {}, config)
    told = ""
    if end in ("well", "failed"):
        told = str(stage.run().manifest.reason)
    else:
        with pytest.raises(ToolError, match=r"stage 'blab'( ended with 1|: it said)") as caught:
            stage.run()
        told = str(caught.value)
    assert (HIDDEN in told) == (end != "well")
    assert HIDDEN in " ".join(lines)
    kept = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert f'{{"escaped":"{HIDDEN}","plain":"{HIDDEN}"}}\n' in kept
    assert not [text for text in (told, *lines, *kept) if shows(text, secret)]


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


def test_what_is_never_taken_from_the_store_is_built_each_time(quick: Tree) -> None:
    """The word says what was done: the action ran, though it came to what the store has."""
    kind = StageKind(SCALE, ("numbers.txt",), restorable=False)
    inputs = {"source": quick.source}
    stage = Stage("a", kind, quick.folder / "a", quick.workspace, inputs, {"factor": 2})
    first, second = stage.run(), stage.run()
    assert (first.how, second.how) == ("built", "built")
    assert first.manifest == second.manifest
    assert Provenance.read(stage.folder / "provenance.json").how == "built"


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


def a_file(path: Path) -> None:
    path.write_text("3")


def a_folder(path: Path) -> None:
    (path / "in").mkdir(parents=True)
    (path / "in" / "file.txt").write_text("3")


def a_link(path: Path) -> None:
    path.symlink_to(path.parents[1] / "source.txt")


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


ODD = (a_file, a_folder, a_link, a_fifo)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ["numbers.txt", "manifest.json", "provenance.json", "copy.txt"])
def test_a_folder_holds_one_result_and_nothing_else(
    quick: Tree, odd: Callable[[Path], None], name: str
) -> None:
    """Whatever lies in the place of a file, or beside them all, is noticed and goes."""
    a, _ = quick.run()
    stage, _ = quick.stages()
    saved = {"key": a.key, "manifest": file_digest(stage.manifest_path)}
    assert stage.up_to_date(saved)
    (stage.folder / name).unlink(missing_ok=True)
    odd(stage.folder / name)
    assert not stage.up_to_date(saved)
    assert hows(quick.run())[0] in {"restored", "kept"}
    assert stage.up_to_date(saved)
    assert sorted(path.name for path in stage.folder.rglob("*")) == [
        "manifest.json", "numbers.txt", "provenance.json",
    ]  # fmt: skip
    assert (stage.folder / "numbers.txt").read_text() == "2 4 6"
    assert quick.source.read_text() == "1 2 3"


@pytest.mark.parametrize("stray", ["copy_of_numbers.txt", "log/more.txt", "log/deep/more.txt"])
@pytest.mark.parametrize("odd", ODD)
def test_a_stray_is_read_by_no_stage(quick: Tree, odd: Callable[[Path], None], stray: str) -> None:
    """A stage that counts the files of its input finds those that its manifest names."""
    a, _ = quick.stages(first={"impure": True})
    a.run()
    count = Stage(
        "files", StageKind(FILES, ("files.txt",)), quick.folder / "files", quick.workspace,
        {"source": a},
    )  # fmt: skip
    target = a.folder / stray
    target.parent.mkdir(exist_ok=True)
    odd(target)
    assert count.run().how == "built"
    assert (count.folder / "files.txt").read_text() == "log/pid.txt numbers.txt"
    assert a.intact()


def test_an_input_edited_since_it_was_made_is_put_right(quick: Tree) -> None:
    """What a stage reads is what its key says, though nobody ran the stage before it again."""
    a, b = quick.stages()
    a.run()
    (a.folder / "numbers.txt").write_text("7")
    assert b.run().how == "built"
    assert (b.folder / "numbers.txt").read_text() == "20 40 60"
    assert a.intact()


def test_an_input_that_the_store_has_lost_too_is_told(quick: Tree) -> None:
    """Nothing is made of something else; the next run makes it anew."""
    a, b = quick.stages()
    a.run()
    (a.folder / "numbers.txt").write_text("7")
    shutil.rmtree(quick.workspace.store.root / "cas")
    with pytest.raises(ToolError, match=r"numbers\.txt is not what was made, and the store"):
        b.run()
    assert hows(quick.run()) == ["built", "built"]


@pytest.mark.parametrize("which", ["source", "output", "stray"])
def test_what_was_made_while_an_input_changed_is_no_result(quick: Tree, which: str) -> None:
    """A key says what was read; where that was something else, nothing is recorded."""
    a, _ = quick.stages()
    a.run()
    edited = {"source": quick.source, "output": a.folder / "numbers.txt"}
    path = edited.get(which, a.folder / "stray.txt")
    kind = StageKind(EDIT, ("done.txt",))
    inputs = {"file": quick.source} if which == "source" else {"stage": a}
    stage = Stage("edit", kind, quick.folder / "edit", quick.workspace, inputs, {"path": str(path)})
    with pytest.raises(ToolError, match="of stage 'edit' was changed while it ran"):
        stage.run()
    assert not stage.manifest_path.exists()
    assert quick.workspace.store.get_result(stage.key_document()) is None


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.parametrize("what", ["store", "a"])
def test_a_tree_that_is_removed_meanwhile_is_told(tree: Tree, what: str, *, writes: bool) -> None:
    """The build tree, or an input: by its name, whatever the action met; the repeat is right."""
    tree.source.write_text("1")
    a, _ = tree.stages()
    a.run()
    kind = StageKind(REMOVE, ("done.txt",), isolated=tree.isolated)
    gone = tree.folder / what
    config = {"path": str(gone), "writes": writes}
    stage = Stage("remove", kind, tree.folder / "remove", tree.workspace, {"stage": a}, config)
    with pytest.raises(ToolError) as caught:
        stage.run()
    assert str(caught.value) == (
        f"stage 'remove': '{gone}' was removed while it ran\nThings to try: {REMOVED_HINT}"
    )
    assert not stage.manifest_path.exists()
    assert a.run().manifest.status == "ok"


def test_an_entry_of_another_stage_is_not_taken(quick: Tree) -> None:
    """Swapped with another's, each is made anew: what a key names is what it was made for."""
    a, b = (outcome.key for outcome in quick.run())
    paths = [quick.workspace.store.result_path(key) for key in (a, b)]
    texts = [path.read_bytes() for path in paths]
    for path, text in zip(paths, reversed(texts), strict=True):
        path.chmod(0o644)
        path.write_bytes(text)
    assert hows(quick.run()) == ["built", "built"]
    assert (quick.folder / "b" / "numbers.txt").read_text() == "20 40 60"
    assert hows(quick.run()) == ["kept", "kept"]


@pytest.mark.parametrize("at", ["a", "."])
def test_a_link_for_a_folder_is_not_followed(tmp_path: Path, at: str) -> None:
    """A stage that writes, tidies or cleans leaves what it leads to alone."""
    (tmp_path / "tree").mkdir()
    tree = Tree(tmp_path / "tree")
    outside = tmp_path / "outside"
    (outside / "a").mkdir(parents=True)
    (outside / "mine.txt").write_text("mine")
    (outside / "a" / "mine.txt").write_text("mine")
    store = tree.workspace.store
    stage = Stage(
        "a", StageKind(SCALE, ("numbers.txt",)), store.root / "on" / "a", tree.workspace,
        {"source": tree.source}, {"factor": 2},
    )  # fmt: skip
    link = stage.folder if at == "a" else stage.folder.parent

    def lead_outside() -> None:
        shutil.rmtree(link, ignore_errors=True)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(outside / at)

    lead_outside()
    assert stage.run().how == "built"
    assert not link.is_symlink()
    lead_outside()
    assert not stage.intact()
    assert stage.run().how == "restored"
    lead_outside()
    stage.clean()
    assert not os.path.lexists(stage.folder)
    assert sorted(path.name for path in outside.rglob("*")) == ["a", "mine.txt", "mine.txt"]


def test_what_the_system_refuses_is_a_broken_tool(quick: Tree) -> None:
    """One sentence that names the place, and nothing is cached."""
    (quick.folder / "store").write_text("in the way")
    with pytest.raises(ToolError, match=r"^stage 'a': .*store"):
        quick.run()
    (quick.folder / "store").unlink()
    assert hows(quick.run()) == ["built", "built"]


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_modes_are_set_not_inherited(tree: Tree, umask: int) -> None:
    """Nobody else can write to a stage's folder, and everybody can read it."""
    before = os.umask(umask)
    try:
        tree.run({"impure": True})
    finally:
        os.umask(before)
    for stage in tree.stages():
        for path in (stage.folder, *stage.folder.rglob("*")):
            assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


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


def test_a_stage_that_is_passed_over_needs_no_tools(quick: Tree) -> None:
    """A board that is not there is told where something is to run on it, not before."""

    def tools() -> dict[str, str]:
        raise ToolError("there is no board")

    refused, b = quick.stages({"factor": 900})
    made, _ = quick.stages()
    kind = dataclasses.replace(b.kind, tools=tools)
    refused.run()
    after = dataclasses.replace(b, kind=kind)
    outcome = after.run()
    assert outcome.how == "skipped"
    assert after.up_to_date({"key": outcome.key, "manifest": file_digest(after.manifest_path)})
    made.run()
    with pytest.raises(ToolError, match="no board"):
        after.run()


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
