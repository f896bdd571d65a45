"""Writes which files lie in its input's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `files.txt`."""
    folder = inputs["source"]
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    own = {"manifest.json", "provenance.json"}
    (out / "files.txt").write_text(" ".join(sorted(set(names) - own)))


if __name__ == "__main__":
    main(run)
