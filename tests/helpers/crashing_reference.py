"""A `tflite_micro` in place of the wheel, whose interpreter says something and then ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.graph import surroundings

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_RUNTIME = """
import enum, os, sys

class InterpreterConfig(enum.Enum):
    kPreserveAllTensors = 1

class Interpreter:
    @classmethod
    def from_bytes(cls, tflite, arena_size, intrepreter_config=None):
        print("SAID", file=sys.stderr, flush=True)
        END
"""


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, said: str, end: str) -> None:
    """Lets the oracle's process find it.

    Args:
        folder: Where it is written.
        monkeypatch: Of the test.
        said: A line on stderr.
        end: A statement, such as `os.abort()`.
    """
    package = folder / "tflite_micro"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "runtime.py").write_text(_RUNTIME.replace("SAID", said).replace("END", end))
    real = surroundings.stage_environment
    monkeypatch.setattr(
        "mlforge_tasks.oracle.surroundings.stage_environment",
        lambda empty: real(empty) | {"PYTHONPATH": str(folder)},
    )
