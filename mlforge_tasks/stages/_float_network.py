"""What the float network gave for the splits that judge, and the thresholds it would take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks import windows
from mlforge_tasks.contract.data_card import SPLITS
from mlforge_tasks.verdict import figures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.goal import Figure


def float_least(
    wanted: Sequence[Figure], floats: Mapping[str, NDArray[np.float32]], dataset: Path
) -> tuple[float, ...] | None:
    """The float network's thresholds; None where nothing is detected, or there is no network."""
    if "validation" not in floats:
        return None
    targets = windows.read_targets(dataset, "validation")
    return figures.least_scores(wanted, floats["validation"].astype(np.float64), targets)


def float_outputs(path: Path) -> Mapping[str, NDArray[np.float32]]:
    """What the float network gave, by split; nothing of a model that was brought along."""
    if not path.exists():
        return {}
    with np.load(path) as arrays:
        found: dict[str, NDArray[np.float32]] = {name: arrays[name] for name in SPLITS[1:]}
    return found
