"""Finding, judging and updating a Zephyr workspace; none of this needs one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.platforms._zephyr import modules, workspace

VERSION = "VERSION_MAJOR = 4\nVERSION_MINOR = 3\nPATCHLEVEL = 0\nVERSION_TWEAK = 0\n"


def make_zephyr(topdir: Path, *, west: bool = True) -> Path:
    """A folder that looks like a Zephyr tree in a west workspace."""
    base = topdir / "zephyr"
    base.mkdir(parents=True)
    (base / "VERSION").write_text(VERSION)
    if west:
        (topdir / ".west").mkdir()
    return base


def add_module(topdir: Path, name: str) -> None:
    """A folder that looks like a Zephyr module."""
    meta = topdir / modules.MODULE_PATHS[name] / "zephyr"
    meta.mkdir(parents=True)
    (meta / "module.yml").write_text(f"name: {name}\n")


def git(folder: Path, *words: str) -> str:
    """Runs git in a folder."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    argv = ["git", *identity, *words]
    return subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout


def find(tmp_path: Path, environ: dict[str, str] | None = None) -> workspace.Workspace | None:
    """Looks with a start folder and a home below `tmp_path`."""
    return workspace.find(environ or {}, tmp_path / "around" / "project", tmp_path / "home")


def test_nothing_there_is_no_workspace(tmp_path: Path) -> None:
    """Where there is none, none is found; that alone is no error."""
    assert find(tmp_path) is None


def test_workspaces_are_found_in_order(tmp_path: Path) -> None:
    """ZEPHYR_BASE wins over the workspace around us, which wins over the one at home."""
    home = make_zephyr(tmp_path / "home" / "zephyrproject")
    found = find(tmp_path)
    assert found is not None
    assert (found.zephyr_base, found.version) == (home, "4.3.0")
    assert "zephyrproject" in found.found_by

    around = make_zephyr(tmp_path / "around")
    found = find(tmp_path)
    assert found is not None
    assert (found.zephyr_base, found.topdir) == (around, tmp_path / "around")

    named = make_zephyr(tmp_path / "elsewhere")
    found = find(tmp_path, {"ZEPHYR_BASE": str(named)})
    assert found is not None
    assert (found.zephyr_base, found.found_by) == (named, "ZEPHYR_BASE")


def test_a_wrong_zephyr_base_is_not_passed_over(tmp_path: Path) -> None:
    """Who sets ZEPHYR_BASE wants that tree and no other."""
    make_zephyr(tmp_path / "home" / "zephyrproject")
    with pytest.raises(ToolError, match="ZEPHYR_BASE: found"):
        find(tmp_path, {"ZEPHYR_BASE": str(tmp_path)})


def test_missing_modules_are_named_with_their_place(tmp_path: Path) -> None:
    """A module without `zephyr/module.yml` is as good as absent: Zephyr would drop it."""
    base = make_zephyr(tmp_path)
    add_module(tmp_path, "cmsis_6")
    (tmp_path / modules.MODULE_PATHS["cmsis-nn"]).mkdir(parents=True)
    found = workspace.Workspace(tmp_path, base, "4.3.0", "test")
    assert found.modules(("cmsis_6",)) == (tmp_path / "modules/hal/cmsis_6",)
    with pytest.raises(ToolError, match="lacks cmsis-nn") as caught:
        found.modules(("cmsis_6", "cmsis-nn"))
    assert "modules/lib/cmsis-nn" in caught.value.message
    assert "west update" in str(caught.value)


def test_revisions_are_gits_commits(tmp_path: Path) -> None:
    """A commit is read from a detached head, a branch and a packed ref alike."""
    base = make_zephyr(tmp_path)
    found = workspace.Workspace(tmp_path, base, "4.3.0", "test")
    assert found.revisions(()) == {"zephyr_version": "4.3.0", "zephyr": "unversioned"}
    git(base, "init", "-q", "-b", "main")
    git(base, "add", ".")
    git(base, "commit", "-q", "-m", "one")
    commit = git(base, "rev-parse", "HEAD").strip()
    assert found.revisions(())["zephyr"] == commit
    git(base, "pack-refs", "--all")
    assert found.revisions(())["zephyr"] == commit
    git(base, "checkout", "-q", "--detach")
    assert found.revisions(())["zephyr"] == commit


def test_an_edited_tree_is_not_its_commit(tmp_path: Path) -> None:
    """What was changed in a work tree, or added to it, counts beside the commit."""
    base = make_zephyr(tmp_path)
    assert workspace.edited.__wrapped__(base) == ""
    git(base, "init", "-q", "-b", "main")
    (base / "kernel.c").write_text("one")
    git(base, "add", ".")
    git(base, "commit", "-q", "-m", "one")
    told = []
    for name, content in (("VERSION", VERSION), ("kernel.c", "two"), ("new/a b.c", "three")):
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).write_text(content)
        told.append(workspace.edited.__wrapped__(base))
    assert told[0] == ""
    assert [one.partition(" ")[2] for one in told[1:]] == ["kernel.c", "kernel.c, new/a b.c"]
    (base / "kernel.c").write_text("2")
    assert workspace.edited.__wrapped__(base).partition(" ")[0] != told[2].partition(" ")[0]
    found = find(tmp_path, {"ZEPHYR_BASE": str(base)})
    assert found is not None
    assert set(found.edits(())) == {"zephyr edited"}


def test_a_git_that_does_not_say_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree that may be edited is not taken for its commit; one that git does not know is."""
    base = make_zephyr(tmp_path)
    (base / ".git").mkdir()
    assert workspace.edited.__wrapped__(base) == ""
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    for code, told in (("kill -9 $$", "SIGKILL from outside"), ("exit 128", "ended with 128")):
        (tools / "git").write_text(f"#!/bin/sh\n{code}\n")
        (tools / "git").chmod(0o755)
        with pytest.raises(ToolError, match=told):
            workspace.edited.__wrapped__(base)


def test_the_manifest_pins_zephyr_and_little_else() -> None:
    """What an update downloads is told beforehand, each with its revision."""
    lines = workspace.downloads()
    assert lines[0] == "zephyr at v4.3.0"
    wanted = set(modules.MODULE_PATHS)
    assert wanted <= {line.split()[0] for line in lines[1:]}
    assert len(lines) < 10


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """A manifest whose only project is a repository on this machine."""
    source = make_zephyr(tmp_path / "upstream", west=False)
    git(source, "init", "-q", "-b", "main")
    git(source, "add", ".")
    git(source, "commit", "-q", "-m", "one")
    manifest = tmp_path / "west.yml"
    manifest.write_text(
        "manifest:\n  projects:\n"
        f"    - {{name: zephyr, url: 'file://{source}', revision: main}}\n"
        "  self: {path: mlforge-manifest}\n"
    )
    return manifest


def test_update_makes_a_workspace_and_then_completes_it(tmp_path: Path, upstream: Path) -> None:
    """The first run fetches; later ones go on from what is there."""
    folder = tmp_path / "ws"
    said: list[str] = []
    workspace.update(folder, said.append, manifest=upstream)
    assert said[1] == "zephyr at main"
    assert (folder / "zephyr" / "VERSION").is_file()
    workspace.update(folder, said.append, manifest=upstream)
    found = workspace.find({"ZEPHYR_BASE": str(folder / "zephyr")})
    assert found is not None
    assert found.topdir == folder


def test_a_failed_update_leaves_what_is_there(tmp_path: Path, upstream: Path) -> None:
    """One clear message; the tree of the last good update stays."""
    folder = tmp_path / "ws"
    workspace.update(folder, lambda _: None, manifest=upstream)
    upstream.write_text(upstream.read_text().replace("revision: main", "revision: gone"))
    with pytest.raises(ToolError, match="did not finish") as caught:
        workspace.update(folder, lambda _: None, manifest=upstream)
    assert "goes on where it stopped" in str(caught.value)
    assert (folder / "zephyr" / "VERSION").is_file()


def test_another_workspace_is_not_touched(tmp_path: Path, upstream: Path) -> None:
    """A workspace that somebody else made is theirs to update."""
    make_zephyr(tmp_path / "theirs")
    with pytest.raises(ToolError, match="not made by"):
        workspace.update(tmp_path / "theirs", lambda _: None, manifest=upstream)
    assert not (tmp_path / "theirs" / "mlforge-manifest").exists()
