"""How long stages took before, by what lies beside their outputs."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.graph.manifest import PROVENANCE, Provenance

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class Durations:
    """What each kind of stage took, in seconds: its median, of those that worked out.

    Attributes:
        seconds: By the stage's folder, which has the name of what it does.
        count: How many stages that is from.
    """

    seconds: dict[str, float]
    count: int

    def of(self, names: Iterable[str]) -> float:
        """What stages take together, those that are known."""
        return sum(self.seconds.get(name, 0.0) for name in names)

    def unknown(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of which nothing is known, each once."""
        return tuple(dict.fromkeys(name for name in names if name not in self.seconds))


def below(folder: Path) -> Durations:
    """Those of the stages below a folder; what cannot be read is passed over."""
    found: dict[str, list[float]] = {}
    for path in sorted(folder.rglob(PROVENANCE)):
        try:
            known = Provenance.read(path)
        except (OSError, ValueError):
            continue
        if known.manifest.status == "ok":
            found.setdefault(path.parent.name, []).append(known.seconds)
    medians = {name: statistics.median(each) for name, each in found.items()}
    return Durations(medians, sum(map(len, found.values())))
