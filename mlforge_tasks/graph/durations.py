"""How long stages took before: by what lies beside their outputs, and in runs on this machine.

What runs on this machine took is kept in one small file below the user's cache folder, so that a
run can tell how long it still takes without a look at any tree.
"""

from __future__ import annotations

import contextlib
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph import surroundings
from mlforge_tasks.graph.files import Tree
from mlforge_tasks.graph.manifest import PROVENANCE, Provenance
from mlforge_tasks.graph.sealed import Sealed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Of each kind of stage, the last of one contract; and of so many contracts.
MOST_KEPT, MOST_CONTRACTS = 9, 40


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


class Kept(Sealed):
    """What stages took on this machine.

    Attributes:
        seconds: By contract, and by kind of stage.
    """

    seconds: dict[str, dict[str, tuple[float, ...]]]


def kept_path() -> Path:
    """Where that lies."""
    return surroundings.cache_folder() / "durations.json"


def _kept() -> dict[str, dict[str, tuple[float, ...]]]:
    try:
        return Kept.read(kept_path()).seconds
    except (OSError, ValueError, RecursionError):
        return {}


def usual(contract: str) -> dict[str, float]:
    """What each kind of stage took on this machine, in seconds: its median.

    Args:
        contract: Its name; what it never ran is told by other contracts.
    """
    kept = _kept()
    own = kept.get(contract, {})
    others: dict[str, list[float]] = {}
    for one in kept.values():
        for kind, seconds in one.items():
            others.setdefault(kind, []).extend(seconds)
    return {kind: statistics.median(own.get(kind) or others[kind]) for kind in others}


def keep(contract: str, took: Mapping[str, Sequence[float]]) -> None:
    """Keeps what stages of a run took; where that is not possible, nothing is lost but a guess.

    Args:
        contract: Its name.
        took: Seconds, by kind of stage.
    """
    kept = _kept()
    own = kept.pop(contract, {})
    for kind, seconds in took.items():
        own[kind] = (*own.get(kind, ()), *seconds)[-MOST_KEPT:]
    while len(kept) >= MOST_CONTRACTS:
        kept.pop(next(iter(kept)))
    kept[contract] = own
    with contextlib.suppress(OSError, MlforgeError):
        path = kept_path()
        Tree(path.parent).publish(Kept(seconds=kept).to_bytes() + b"\n", path)
