"""Within a run, what is installed is known to be the same without a process that lists it all."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.graph import _installed, environment
from mlforge_tasks.graph.installed_again import Watch
from mlforge_tasks.graph.tool_versions import Once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that something is imported from, with a link to another; all settled."""
    monkeypatch.setattr(_installed, "SETTLED_NS", -(10**18))
    for name in ("site/toy/deep", "site/toy/__pycache__", "elsewhere", "other"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("site/toy/deep/adam.py", "site/top.py", "elsewhere/far.py", "other/far.py"):
        (tmp_path / name).write_text("RATE = 1\n")
    (tmp_path / "site" / "link").symlink_to(tmp_path / "elsewhere")
    return tmp_path / "site"


def paths(site: Path) -> list[str]:
    """Of what is there, what is not, and one that is a file."""
    return [str(site), str(site.parent / "absent"), str(site.parent / "elsewhere" / "far.py")]


def edit(site: Path) -> None:
    """Size and time stay as they were."""
    adam = site / "toy" / "deep" / "adam.py"
    times = adam.stat()
    adam.write_text("RATE = 2\n")
    os.utime(adam, ns=(times.st_atime_ns, times.st_mtime_ns))


def add(site: Path) -> None:
    (site / "toy" / "deep" / "more.py").write_text("")


def add_a_folder(site: Path) -> None:
    (site / "new").mkdir()


def remove(site: Path) -> None:
    (site / "top.py").unlink()


def remove_all(site: Path) -> None:
    shutil.rmtree(site)


def rename(site: Path) -> None:
    (site / "toy").rename(site / "game")


def replace(site: Path) -> None:
    new = site.parent / "new.py"
    shutil.copy2(site / "top.py", new)
    new.replace(site / "top.py")


def edit_beyond_a_link(site: Path) -> None:
    (site.parent / "elsewhere" / "far.py").write_text("RATE = 2\n")


def lead_elsewhere(site: Path) -> None:
    (site.parent / "elsewhere").rename(site.parent / "gone")
    (site.parent / "elsewhere").symlink_to(site.parent / "other")


def come_to_be(site: Path) -> None:
    (site.parent / "absent").mkdir()


CHANGES = [
    *(edit, add, add_a_folder, remove, remove_all, rename, replace),
    *(edit_beyond_a_link, lead_elsewhere, come_to_be),
]


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_noticed(site: Path, change: Callable[[Path], None]) -> None:
    """Whatever comes, goes or is written to."""
    watch = Watch(paths(site))
    assert watch.same()
    change(site)
    assert not watch.same()


def test_what_python_makes_of_sources_is_no_change(site: Path) -> None:
    """Bytecode, in a folder that was there."""
    watch = Watch(paths(site))
    (site / "toy" / "__pycache__" / "adam.pyc").write_bytes(b"")
    assert watch.same()


def test_it_saw_what_the_first_look_saw(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or else it holds for something else; so does what may change without a sign."""
    monkeypatch.setattr(sys, "path", paths(site))

    def seen() -> str:
        _installed.main(str(site.parent / "kept"))
        return str(json.loads(capsys.readouterr().out)["seen"])

    first = seen()
    assert Watch(paths(site)).seen == first
    edit(site)
    assert Watch(paths(site)).seen == seen() != first
    monkeypatch.setattr(_installed, "SETTLED_NS", 10**18)
    assert Watch(paths(site)).seen == ""


def test_a_run_looks_again_only_where_something_changed(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first time in a process; an edit between that and the second counts as well."""
    looks: list[str] = []
    really = environment.installed()

    def look(python: str) -> environment.Look:
        looks.append(python)
        found = really.model_copy(update={"path": (str(site),), "python": f"look {len(looks)}"})
        return environment.Look(seen=Watch([str(site)]).seen, found=found)

    monkeypatch.setattr(environment, "look", look)
    monkeypatch.setattr(environment, "_last", {})
    installed = Once(environment.installed.__wrapped__)

    def told() -> str:
        installed.forget()
        return installed(sys.executable).python

    assert [told() for _ in range(4)] == ["look 1"] * 4
    add(site)
    edit(site)
    assert told() == "look 2"
    edit_beyond_a_link(site)
    assert [told() for _ in range(3)] == ["look 3"] * 3
