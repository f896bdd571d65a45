"""Multiplies numbers by a factor; fails the candidate above a limit, breaks on words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIMIT = 1000


def _text(source: Path) -> str:
    return (source / "numbers.txt" if source.is_dir() else source).read_text()


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `numbers.txt`, and `log/pid.txt` where asked to be impure."""
    words = _text(inputs["source"]).split()
    if not all(word.isdigit() for word in words):
        raise ToolError(f"found '{' '.join(words)}', wanted numbers")
    numbers = [int(word) * config["factor"] for word in words]
    print(f"scaling {len(numbers)} numbers")
    (out / "numbers.txt").write_text(" ".join(map(str, numbers)))
    if config.get("impure"):
        (out / "log").mkdir()
        (out / "log" / "pid.txt").write_text(str(os.getpid()))
    if max(numbers) > LIMIT:
        raise CandidateFailure(Reason(code="too_big", stage="scale", message="over the limit"))


if __name__ == "__main__":
    main(run)
