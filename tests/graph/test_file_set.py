"""Many files of the user's are one input: its digest is of their names and what they hold."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import file_digests
from mlforge_tasks.graph.file_digests import data_memory_path
from mlforge_tasks.graph.file_set import FileSet
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.stage import Stage, Workspace
from mlforge_tasks.graph.store import Store

COUNT = "tests.helpers.demo_stages.count_files"


def listed(root: Path) -> tuple[Path, ...]:
    """All files of the folder `in`."""
    return tuple(sorted(path.relative_to(root) for path in (root / "in").iterdir()))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileSet:
    """Three files, whose digests are kept at once."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(file_digests, "SETTLED_NS", -(10**18))
    (tmp_path / "in").mkdir()
    for name in "abc":
        (tmp_path / "in" / name).write_text(name)
    return FileSet(tmp_path, listed)


def test_every_change_is_seen(files: FileSet) -> None:
    """A file that came, went, was renamed or edited, also under its old size and time."""
    folder, seen = files.root / "in", [files.digest()]
    assert files.digest() == seen[0]
    (folder / "d").write_text("d")
    seen.append(files.digest())
    (folder / "d").rename(folder / "e")
    seen.append(files.digest())
    times = (folder / "e").stat()
    (folder / "e").write_text("D")
    os.utime(folder / "e", ns=(times.st_atime_ns, times.st_mtime_ns))
    seen.append(files.digest())
    (folder / "a").write_text("b")
    (folder / "b").write_text("a")
    seen.append(files.digest())
    assert len(set(seen)) == 5
    (folder / "e").unlink()
    (folder / "a").write_text("a")
    (folder / "b").write_text("b")
    assert files.digest() == seen[0]


def test_what_has_not_changed_is_not_read(files: FileSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known is kept for the next run; nothing of what was written to just now."""
    first = files.digest()
    file_digests.forget()
    with monkeypatch.context() as patch:
        patch.setattr(file_digests, "file_digest", lambda _: pytest.fail("a file was read"))
        assert files.digest() == first
    data_memory_path().write_text(data_memory_path().read_text().replace(first, "0" * 64))
    file_digests.forget()
    assert files.digest() == first
    data_memory_path().unlink()
    file_digests.forget()
    monkeypatch.setattr(file_digests, "SETTLED_NS", 10**18)
    assert files.digest() == first
    assert not data_memory_path().exists()


def test_one_that_cannot_be_read(files: FileSet) -> None:
    """It is named; without any file there is nothing to keep."""
    (files.root / "in" / "gone").symlink_to("nowhere")
    with pytest.raises(ToolError, match=r"cannot read '.*gone': No such file"):
        files.digest()
    nothing = FileSet(files.root, lambda _: ())
    assert nothing.digest() == hashlib.sha256().hexdigest()


def test_a_stage_is_made_again_when_a_file_comes(files: FileSet) -> None:
    """Its action gets the folder; what doit is to watch does not grow with the files."""
    workspace = Workspace(Store(files.root / "store"))
    stage = Stage(
        "count", StageKind(COUNT, ("count.txt",)), files.root / "out", workspace, {"source": files}
    )
    assert stage.dependency_paths() == []
    assert [stage.run().how, stage.run().how] == ["built", "kept"]
    assert (files.root / "out" / "count.txt").read_text() == "3"
    (files.root / "in" / "d").write_text("d")
    assert stage.run().how == "built"
    assert (files.root / "out" / "count.txt").read_text() == "4"
