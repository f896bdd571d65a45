"""What a tool says is wrong, out of all that it says."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import broken_log, first_errors, process
from mlforge_tasks.graph.files import Tree

if TYPE_CHECKING:
    from pathlib import Path

GCC = shutil.which("gcc") or "gcc"


def test_a_compilers_first_mistake_comes_first_with_its_place(tmp_path: Path) -> None:
    """Of many, in which the last lines are of the last; a warning before is none."""
    wrong = "".join(f"int f{at}(void) {{ return missing_{at}; }}\n" for at in range(30))
    (tmp_path / "a.c").write_text(f"#warning look\n{wrong}")
    with pytest.raises(ToolError) as caught:
        process.check([GCC, "-c", "a.c"], timeout_s=60, cwd=tmp_path)
    lines = caught.value.message.splitlines()
    assert lines[0] == f"`{GCC} -c a.c` ended with 1"
    assert lines[1].startswith("a.c:2:23: error: ")
    assert lines[2].endswith("int f0(void) { return missing_0; }")
    assert lines[3].strip().startswith("|")
    assert len(lines) == 1 + first_errors.MOST_LINES
    assert "missing_29" in caught.value.log


def test_a_linkers_mistake_is_told_without_the_compilers_last_word(tmp_path: Path) -> None:
    """An undefined name; `collect2` says no more than that there was one."""
    (tmp_path / "a.c").write_text("int missing(void);\nint main(void) { return missing(); }\n")
    with pytest.raises(ToolError, match="undefined reference to `missing'"):
        process.check([GCC, "a.c"], timeout_s=60, cwd=tmp_path)


def test_an_exception_of_pythons_is_told_at_its_end() -> None:
    """Whatever it said before, which was no reason to end."""
    code = "print('x.c:1: error: no reason', flush=True); raise ValueError('this one')"
    with pytest.raises(ToolError) as caught:
        process.check([sys.executable, "-c", code], timeout_s=60)
    assert caught.value.message.endswith("ValueError: this one")


def test_the_whole_log_is_kept_without_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the stage's folder, until the stage works out; the message says where."""
    monkeypatch.setenv("https_proxy", "http://someone:swordfish-1234@proxy.example:1")
    tree, folder = Tree(tmp_path), tmp_path / "pump" / "floor"
    log = "$ west build\n[1/2] at http://someone:swordfish-1234@proxy.example:1\na.c:1: error: no\n"
    found = broken_log.kept(tree, folder, ToolError("a.c:1: error: no", hint="mend it", log=log))
    path = tmp_path / "pump" / "floor.log"
    assert str(found) == (f"a.c:1: error: no\nthe whole log: {path}\nThings to try: mend it")
    assert "[1/2] at http://" in path.read_text()
    assert "swordfish" not in path.read_text()
    broken_log.remove(tree, folder)
    assert not path.exists()


def test_what_a_message_has_whole_is_kept_nowhere_else(tmp_path: Path) -> None:
    """One line of one of ours, for instance."""
    error = ToolError("there is no key", log="$ python stage\nbroken tool: there is no key\n")
    assert broken_log.kept(Tree(tmp_path), tmp_path / "propose", error) is error
    assert list(tmp_path.iterdir()) == []
