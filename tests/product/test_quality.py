"""The gates that keep the code base one: types, lint, format, import layers, a light start."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from mlforge_tasks.contract import schema
from mlforge_tasks.records import Record
from tests.helpers.paths import ROOT

BIN = Path(sys.executable).parent
HEAVY = (
    *("tensorflow", "keras", "anthropic", "optuna", "matplotlib", "tflite_micro"),
    *("numpy", "jinja2", "tflite", "serial"),
)
MODULES = sorted((ROOT / "mlforge_tasks").rglob("*.py"))
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 300, 40


@pytest.mark.parametrize(
    "command",
    [
        ("mypy",),
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("lint-imports",),
    ],
    ids=" ".join,
)
def test_gate(command: tuple[str, ...]) -> None:
    """Every static check passes on the whole tree."""
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dodo_file_starts_light() -> None:
    """Loading the graph imports nothing that takes seconds."""
    code = (
        "import sys; from mlforge_tasks.shell import tasks; "
        "tasks.load_plan('contracts/glucose.yaml', 'build'); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_modules_and_functions_keep_to_the_house_size() -> None:
    """Past that, there is a second thing that it does; ARCHITECTURE.md names no exception."""
    found = []
    for path in MODULES:
        text = path.read_text()
        lines = len(text.splitlines())
        found += [f"{path}: {lines} lines"] if lines > MAX_MODULE_LINES else []
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                found += [f"{path}: {node.name}: {length}"] if length > MAX_FUNCTION_LINES else []
    assert not found


def test_a_room_says_what_it_is_for() -> None:
    """The docstring of every folder's `__init__`."""
    rooms = [path for path in MODULES if path.name == "__init__.py"]
    assert len(rooms) > 12
    assert all(ast.get_docstring(ast.parse(path.read_text())) for path in rooms)


def test_every_record_can_be_built() -> None:
    """Schemas are built when first needed, which must not be when a run is hours old."""
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in MODULES
        if "Record)" in path.read_text()
    ]
    for name in names:
        importlib.import_module(name)
    todo, built = [Record], 0
    while todo:
        record = todo.pop()
        todo.extend(record.__subclasses__())
        record.model_rebuild(raise_errors=True)
        assert record.__pydantic_complete__, record
        built += 1
    assert built > 100


def test_the_dodo_file_stays_small() -> None:
    """The entry point holds no logic of its own."""
    assert len((ROOT / "dodo.py").read_text().splitlines()) <= 60


def test_the_schema_of_contracts_is_current_and_named_in_each() -> None:
    """Editors are told what a run reads."""
    shipped = ROOT / "contracts" / schema.SCHEMA
    assert shipped.read_text() == schema.text(), "run python -m mlforge_tasks.contract.schema"
    for path in (ROOT / "contracts").glob("*.yaml"):
        assert f"\n{schema.MODELINE}\nversion: 1" in path.read_text(), path
