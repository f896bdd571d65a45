"""Edits a file that is not its own, as a person may while a stage runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `done.txt`, and `path`."""
    Path(config["path"]).write_text("another text")
    (out / "done.txt").write_text("done")


if __name__ == "__main__":
    main(run)
