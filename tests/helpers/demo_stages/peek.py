"""Writes which credentials are in its environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `names.txt`."""
    names = (name for name in os.environ if name.startswith("ANTHROPIC_"))
    (out / "names.txt").write_text(" ".join(sorted(names)))


if __name__ == "__main__":
    main(run)
