"""What breaks in a task is told with what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from doit.exceptions import TaskError

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.stage import Stage, Workspace
from mlforge_tasks.graph.store import Store
from mlforge_tasks.shell.actions import Removal, told


def test_a_broken_tool_is_its_message() -> None:
    """What a tool or the system says is shown as it is, without a traceback."""

    def act(error: Exception) -> None:
        raise error

    broken = told(act)(ToolError("the linker broke", hint="buy another"))
    assert isinstance(broken, TaskError)
    assert broken.get_msg() == "the linker broke\nThings to try: buy another\n"
    full = told(act)(OSError(28, "No space left on device", "build/x"))
    assert "No space left on device: build/x\nThings to try: free some space" in full.get_msg()
    mistake = told(act)(KeyError("x"))
    assert mistake.get_msg().startswith("a mistake in MLForge: please report")
    assert "KeyError: 'x'" in mistake.get_msg()


def test_what_cannot_be_removed_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`doit clean` ends with a message and another code than 0."""
    kept = Stage("x", StageKind("none"), Path("/proc/self"), Workspace(Store(tmp_path)))
    with pytest.raises(SystemExit) as ended:
        Removal(lambda: (kept,))()
    assert ended.value.code == 2
    assert "/proc/self" in capsys.readouterr().err
