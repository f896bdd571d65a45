"""Counts the files below a folder's `in`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes their number."""
    (out / "count.txt").write_text(str(len(list((inputs["source"] / "in").iterdir()))))
