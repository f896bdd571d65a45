"""What doit knows of earlier runs is a cache: whatever lies in its place, no command stumbles."""

from __future__ import annotations

import functools
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from doit.task import Task
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlforge_tasks.graph.files import MAX_RECORD_BYTES
from mlforge_tasks.shell import state, tasks
from tests.helpers.paths import TANK

if TYPE_CHECKING:
    from collections.abc import Callable

    from doit.dependency import Dependency

    from mlforge_tasks.pipeline.plan import Plan

VALUES = {"key": "k", "manifest": "m"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@functools.cache
def plan_in(folder: Path) -> Plan:
    return tasks.load_plan(str(TANK), str(folder / "build"))


def opened(folder: Path) -> Dependency:
    return state.open_state(plan_in(folder))


def state_path(folder: Path) -> Path:
    return folder / "build" / "tank" / ".doit.json"


def made_task(folder: Path) -> Task:
    """A task that ended well, as doit has it."""
    source = folder / "source"
    source.write_text("1")

    def same(task: object, values: dict[str, Any]) -> bool:
        return values.get("key") == "k"

    task = Task("train:1.0", actions=[], file_dep=[str(source)], uptodate=[same])
    task.values = VALUES
    return task


def saved(folder: Path) -> tuple[Task, dict[str, Any]]:
    """The same, and the state that has it."""
    task = made_task(folder)
    dependency = opened(folder)
    dependency.save_success(task)
    dependency.close()
    found: dict[str, Any] = json.loads(state_path(folder).read_bytes())
    return task, found


def use(dependency: Dependency, task: Task) -> str:
    """All that doit asks of a state in a run; whether the task is up to date."""
    status = dependency.get_status(task, {}).status
    assert not dependency.status_is_ignore(task)
    dependency.get_values(task.name)
    dependency.get_result(task.name)
    dependency.save_success(task)
    dependency.close()
    return str(status)


def test_what_was_saved_is_known(tmp_path: Path) -> None:
    """The same files and values: up to date, and the file is left alone."""
    task, _ = saved(tmp_path)
    before = state_path(tmp_path).stat()
    dependency = opened(tmp_path)
    assert dependency.get_status(task, {}).status == "up-to-date"
    dependency.close()
    assert state_path(tmp_path).stat() == before


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), odd=JSON)
def test_a_value_of_any_shape_is_not_known(data: st.DataObject, odd: Any, tmp_path: Path) -> None:
    """Wherever in a state something else stands, doit goes on, and the state is right again."""
    task, right = saved(tmp_path)
    spoilt: Any = {"": json.loads(json.dumps(right))}
    at, key = spoilt, ""
    while at[key] and isinstance(at[key], dict | list) and data.draw(st.booleans()):
        at = at[key]
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
    at[key] = odd
    state_path(tmp_path).write_text(json.dumps(spoilt[""]))
    use(opened(tmp_path), task)
    assert json.loads(state_path(tmp_path).read_bytes())[task.name] == right[task.name]


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link(path: Path, target: Path) -> None:
    path.unlink()
    path.symlink_to(target)


def _folder(path: Path) -> None:
    path.unlink()
    (path / "in it").mkdir(parents=True)


SPOILT: dict[str, Callable[[Path], object]] = {
    "a list": lambda path: path.write_text("[]\n"),
    "empty": lambda path: path.write_text(""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:50]),
    "not text": lambda path: path.write_bytes(b"\xff\xfe{}"),
    "deep": lambda path: path.write_text('{"a":' * 100_000),
    "huge": lambda path: os.truncate(path, MAX_RECORD_BYTES + 1),
    "a pipe": _pipe,
    "an endless link": lambda path: _link(path, Path("/dev/zero")),
    "a link to itself": lambda path: _link(path, path),
    "a link to nothing": lambda path: _link(path, path.with_name("none")),
    "a forbidden file": lambda path: path.chmod(0),
    "a folder": _folder,
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_whatever_lies_in_its_place_is_replaced(spoilt: str, tmp_path: Path) -> None:
    """Nothing is waited for, followed or told with a traceback; the next state is a plain file."""
    task, right = saved(tmp_path)
    path = state_path(tmp_path)
    SPOILT[spoilt](path)
    status = use(opened(tmp_path), task)
    assert status == ("up-to-date" if spoilt == "a forbidden file" and os.getuid() == 0 else "run")
    if spoilt != "a forbidden file":
        assert path.is_file()
        assert not path.is_symlink()
        assert json.loads(path.read_bytes()) == right
    assert not path.with_name("none").exists()


def test_what_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The run that wants to keep it has ended well or not by itself; a line says what it costs."""
    task, _ = saved(tmp_path)
    dependency = opened(tmp_path)
    shutil.rmtree(tmp_path / "build")
    (tmp_path / "build").write_text("")
    dependency.remove(task.name)
    dependency.close()
    assert f"cannot write '{state_path(tmp_path)}'" in capsys.readouterr().err


def test_an_ignored_stage_is_not_known(tmp_path: Path) -> None:
    """A stage that doit was told to pass over by hand is made like any other."""
    task, found = saved(tmp_path)
    found[task.name]["ignore:"] = "1"
    state_path(tmp_path).write_text(json.dumps(found))
    assert use(opened(tmp_path), task) == "run"
