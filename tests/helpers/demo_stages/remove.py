"""Removes a folder that is not its own, as a person may while a stage runs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Removes `path`, and writes `done.txt` where it is told to."""
    shutil.rmtree(config["path"])
    if config["writes"]:
        (out / "done.txt").write_text("done")


if __name__ == "__main__":
    main(run)
