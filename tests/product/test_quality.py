"""The gates that keep the code base one: types, lint, format, import layers, a light start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

BIN = Path(sys.executable).parent
HEAVY = ("tensorflow", "keras", "anthropic", "optuna", "matplotlib", "tflite_micro")


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


def test_the_dodo_file_stays_small() -> None:
    """The entry point holds no logic of its own."""
    assert len((ROOT / "dodo.py").read_text().splitlines()) <= 60
