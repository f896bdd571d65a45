"""Writes down what it was given, and breaks where that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import ToolError
from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `said.txt` and `done.txt`."""
    text = inputs["source"].read_text()
    (out / "said.txt").write_text(text)
    if text.startswith("broken"):
        raise ToolError("not this time")
    (out / "done.txt").write_text("")


if __name__ == "__main__":
    main(run)
