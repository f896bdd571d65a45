"""count: how many examples a split has; a stage as CONTRIBUTING.md adds one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KIND = StageKind(
    __name__,
    ("count.txt",),
    isolated=True,
    fields=("search.seed",),
)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `count.txt`.

    Args:
        inputs: `dataset`.
        out: Output folder.
        config: `split`, `search.seed`.
    """
    from mlforge_tasks import windows  # noqa: PLC0415 - numpy, and the graph imports this module

    count = len(windows.read_targets(inputs["dataset"], config["split"]))
    (out / "count.txt").write_text(f"{count} examples, seed {config['search.seed']}\n")


if __name__ == "__main__":
    main(run)
