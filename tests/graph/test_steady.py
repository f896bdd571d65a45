"""What changes while a stage is made with it leaves nothing under a key that does not say so."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import environment, tool_versions
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.stage import Stage, Workspace
from mlforge_tasks.graph.store import Store
from tests.helpers.builds import other_checkout

if TYPE_CHECKING:
    from pathlib import Path

DEMO = "tests.helpers.demo_stages"
# A stage is made, a module is written to, and another stage is made with it: as it was when this
# process imported it, though its file now holds what the key says.
RUN_TWO = f"""
import sys
from pathlib import Path
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.stage import Stage, Workspace
from mlforge_tasks.graph.store import Store

source, edited = Path("source.txt"), Path(sys.argv[1])
source.write_text("1 2 3")
workspace = Workspace(Store(Path("store")))
kind = StageKind("{DEMO}.scale", ("numbers.txt",))
stages = [
    Stage(name, kind, Path(name), workspace, {{"source": source}}, {{"factor": factor}})
    for name, factor in (("a", 2), ("b", 10))
]
stages[0].run()
edited.write_bytes(edited.read_bytes())
try:
    stages[1].run()
except ToolError as error:
    print(error)
print(workspace.store.get_result(stages[1].key_document()) is not None)
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return other_checkout(tmp_path_factory.mktemp("steady") / "project")


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("tests/helpers/demo_stages/scale.py", True),
        ("mlforge_tasks/graph/process.py", True),
        ("mlforge_tasks/elf.py", False),
    ],
)
def test_code_that_was_written_to_since_it_was_imported(
    checkout: Path, file: str, *, told: bool
) -> None:
    """Also where another stage ran then, and where it is as before again."""
    argv = [sys.executable, "-c", RUN_TWO, file]
    for name in ("a", "b", "store"):
        shutil.rmtree(checkout / name, ignore_errors=True)
    done = subprocess.run(argv, cwd=checkout, check=True, capture_output=True, text=True)
    said = f"what stage 'b' is made with was edited while it ran (changed: {file})"
    assert (said in done.stdout) == told, done.stdout
    assert done.stdout.splitlines()[-1] == str(not told)


def test_a_tool_that_was_replaced(tmp_path: Path) -> None:
    """It is asked once in a run, and again where a stage used it."""
    tool, kept = tmp_path / "gcc", Workspace(Store(tmp_path / "store"))
    tool.write_text("12.2")
    version = tool_versions.once(tool.read_text)
    kind = StageKind(f"{DEMO}.edit", ("done.txt",), tools=lambda: {"gcc": version()})
    stage = Stage("edit", kind, tmp_path / "edit", kept, {}, {"path": str(tool)})
    with pytest.raises(ToolError, match=r"'edit' is made with .*\(changed: tools\.gcc"):
        stage.run()
    assert not stage.manifest_path.exists()
    assert stage.run().how == "built"


def test_a_package_that_was_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes of stages import what is there as they start."""
    found = environment.installed()
    again = [found.model_copy(update={"packages": {"toy": version}}) for version in "12"]
    asked = tool_versions.Once(lambda: again.pop(0) if again[1:] else again[0])
    monkeypatch.setattr(environment, "installed", asked)
    source = tmp_path / "source.txt"
    source.write_text("1 2 3")
    kind = StageKind(f"{DEMO}.scale", ("numbers.txt",), isolated=True)
    kept = Workspace(Store(tmp_path / "store"))
    stage = Stage("scale", kind, tmp_path / "scale", kept, {"source": source}, {"factor": 2})
    with pytest.raises(ToolError, match=r"environment\.packages\.toy"):
        stage.run()
    assert kept.store.get_result(stage.key_document()) is None
    assert stage.run().how == "built"
